"""CONTRACT §1 and §5: how a server starts, ends and comes back; what it keeps."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from bench.server import Server
from websockets.exceptions import ConnectionClosed

from roost.protocol.close import told_delay
from tests.blackbox.house import Guest, House, process
from tests.blackbox.line import Follower, eventually
from tests.blackbox.test_slow_reader import asleep


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts a server of one's own: `house = await open_house(SYNC__SAVE_INTERVAL="0.1")`; again on the same data."""
    servers: list[Server] = []

    async def start(**settings: str) -> House:
        server = process(tmp_path, **settings)
        await asyncio.to_thread(server.start)
        servers.append(server)
        return await House(server.port, server.data, server).__aenter__()

    yield start
    for server in servers:
        server.stop()


async def end(house: House, number: int = signal.SIGTERM) -> tuple[int, float]:
    """Sends a signal; returns the exit code, and how long it took (s)."""
    assert house.server is not None
    child = house.server._process
    assert child is not None
    started = time.monotonic()
    child.send_signal(number)
    code = await asyncio.to_thread(child.wait, 30)
    return code, time.monotonic() - started


async def leave(house: House) -> None:
    await house.aclose()


def moved(house: House, guest: Guest) -> Guest:
    """The same guest, with the same token, in the house after a restart."""
    return Guest(house, guest.user_id, guest.token)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_sigterm_closes_sockets_with_4000_and_exits_with_0(open_house: Any, number: int) -> None:
    house = await open_house()
    ann, bob = await house.guest("ann"), await house.guest("bob")
    lines = [await ann.line(), await bob.line(lastSeq=0), await house.open()]
    await lines[0].send("bob")
    ending = asyncio.create_task(end(house, number))
    assert [await line.closed() for line in lines] == [4000, 4000, 4000]
    code, seconds = await ending
    assert code == 0
    assert seconds < 5
    await leave(house)


async def test_many_sockets_are_told_to_come_back_one_after_the_other(open_house: Any) -> None:
    house = await open_house()
    lines = [await house.open() for _ in range(100)]
    assert (await end(house))[0] == 0
    assert [await line.closed() for line in lines] == [4000] * 100
    delays = sorted(told_delay(line.socket.close_reason or "") or 0 for line in lines)
    assert delays == pytest.approx([number / 1000 for number in range(100)], abs=0.006)
    await leave(house)


async def test_a_server_that_drains_is_not_ready_and_serves_on(open_house: Any) -> None:
    house = await open_house(SERVER__DRAIN="1")
    ann, bob = await house.guest("ann"), await house.guest("bob")
    line = await ann.line()
    ending = asyncio.create_task(end(house))

    async def refused() -> bool:
        return (await house.http.get("/readyz")).status_code == 503

    await eventually(refused)
    assert (await line.send("bob", "while it drains"))["conversationSeq"] == 1
    await bob.line()  # a client that the balancer has sent before it knew
    assert await line.closed() == 4000
    code, seconds = await ending
    assert code == 0
    assert seconds >= 1
    await leave(house)


async def test_a_client_that_does_not_read_does_not_keep_the_server_from_ending(open_house: Any) -> None:
    house = await open_house()
    ann, bob = await house.guest("ann"), await house.guest("bob")
    sender = await ann.line()
    await asleep(bob)
    for _ in range(3000):
        await sender.say("private", to="bob", content="x" * 2000)
    await sender.hear_many("sent", 3000)
    code, seconds = await end(house)
    assert code == 0
    assert seconds < 9
    await leave(house)


async def test_what_was_sent_when_the_server_ends_is_kept_or_was_never_acknowledged(open_house: Any) -> None:
    house = await open_house()
    ann, bob = await house.guest("ann"), await house.guest("bob")
    line = await ann.line()

    async def send_on() -> None:
        for number in itertools.count():
            await line.say("private", to="bob", content=f"number {number}", messageID=f"m-{number}")
            await asyncio.sleep(0)  # what comes is read, too

    sending = asyncio.create_task(send_on())
    await line.hear("sent")
    ending = asyncio.create_task(end(house))
    told = 1
    with contextlib.suppress(ConnectionClosed):
        while True:
            await line.hear("sent")
            told += 1
    with pytest.raises(ConnectionClosed):
        await sending
    assert line.socket.close_code == 4000
    assert (await ending)[0] == 0
    await leave(house)
    again = await open_house()
    page = await moved(again, bob).sync(0, count=1000)
    assert page["headSeq"] == told  # the server ends when all that it has taken is answered
    assert [message["seq"] for message in page["messages"]] == list(range(1, len(page["messages"]) + 1))
    await leave(again)


async def test_a_restart_keeps_everything(open_house: Any) -> None:
    house = await open_house()
    ann, bob, cat = [await house.guest(name) for name in ("ann", "bob", "cat")]
    account = {"userID": "dan", "password": "a long password"}
    dan = (await Guest(house, "dan").post("/auth/register", account | {"deviceID": "desk"})).data
    assert (await cat.post("/auth/logout")).status == 200
    line = await ann.line()
    await line.send_many("bob", 20)
    group = await ann.group(bob)
    await line.hear("change")
    await line.send(group, "to the group", kind="group", messageID="once")
    there = await bob.line(lastSeq=0)
    follower = Follower(there)
    await follower.read_to(15)
    await there.say("read", conversationID="p:ann:bob", conversationSeq=12)
    await eventually_read(bob, 12)
    position = await bob.position()
    before = {one: await everything(one) for one in (ann, bob)}
    assert (await end(house))[0] == 0
    await leave(house)

    house = await open_house()
    ann, bob = moved(house, ann), moved(house, bob)
    after = {one: await everything(one) for one in (ann, bob)}
    assert list(after.values()) == list(before.values())
    assert await bob.position() == position >= 15
    refused = await house.open()
    await refused.say("auth", token=cat.token)
    await refused.refused("token_revoked")
    assert (await Guest(house, "dan", dan["token"]).get("/conversations")).status == 200
    assert (await Guest(house, "dan").post("/auth/login", account)).status == 200
    assert (await ann.online("bob"))["online"] is False
    assert (await ann.online("bob"))["lastSeen"] is not None
    line = await ann.line()
    again = await line.send(group, "to the group", kind="group", messageID="once")
    assert again["duplicate"] is True
    new = await line.send(group, "after the restart", kind="group")
    read_mark = 1  # bob's, in ann's log between the two
    assert (new["seq"], new["conversationSeq"]) == (again["seq"] + read_mark + 1, again["conversationSeq"] + 1)
    assert int(new["serverMsgID"]) > int(again["serverMsgID"])
    follower.resume(await bob.line(lastSeq=follower.position))
    await follower.read_to(24)
    assert follower.contents[-1] == "after the restart"
    await end(house)
    await leave(house)


async def eventually_read(guest: Guest, seq: int) -> None:
    async def read() -> bool:
        (one,) = [
            one
            for one in (await guest.get("/conversations")).data["conversations"]
            if one["conversationID"].startswith("p:")
        ]
        return bool(one["readSeq"] == seq)

    await eventually(read)


async def everything(guest: Guest) -> list[Any]:
    """What a user can see of its own."""
    answers = [
        await guest.get("/snapshot"),
        await guest.get("/conversations"),
        await guest.get("/messages/unread_count"),
        await guest.post("/messages/sync", {"lastSeq": 0}),
    ]
    return [answer.data for answer in answers]


async def test_positions_are_saved_every_few_seconds_and_survive_a_kill(open_house: Any) -> None:
    house = await open_house(SYNC__SAVE_INTERVAL="0.2")
    ann, bob = await house.guest("ann"), await house.guest("bob")
    await (await ann.line()).send_many("bob", 10)
    line = await bob.line()
    await line.hear("offline")
    await line.say("ack", seq=7)
    await line.nothing()

    async def saved() -> bool:
        text = (await house.http.get("/metrics")).text
        (count,) = re.findall(r"^roost_positions_saved_total ([\d.]+)$", text, re.MULTILINE)
        return float(count) >= 1

    await eventually(saved)
    await end(house, signal.SIGKILL)
    await leave(house)
    house = await open_house()
    line = await moved(house, bob).line()
    assert line.ready["position"] == 7
    assert [message["seq"] for message in (await line.hear("offline"))["messages"]] == [8, 9, 10]
    await end(house)
    await leave(house)


async def test_one_data_directory_is_for_one_server(house: House) -> None:
    second = await asyncio.to_thread(roost, "serve", "--port", "0", "--data", str(house.data))
    assert second.returncode != 0
    assert "data directory" in second.stderr
    assert "Traceback" not in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    assert (await house.http.get("/readyz")).status_code == 200


async def test_a_port_that_is_taken_is_told(house: House, tmp_path: Path) -> None:
    second = await asyncio.to_thread(roost, "serve", "--port", str(house.port), "--data", str(tmp_path / "other"))
    assert second.returncode != 0
    assert str(house.port) in second.stderr
    assert "Traceback" not in second.stderr


async def test_a_printed_token_opens_the_door(house: House) -> None:
    name = house.name("printed")
    for flags, device in (([], "default"), (["--device", "tablet"], "tablet")):
        printed = await asyncio.to_thread(roost, "token", name, *flags, "--data", str(house.data))
        token = printed.stdout.strip()
        assert printed.stdout == token + "\n"
        line = await Guest(house, name, token).line()
        assert (line.ready["userID"], line.ready["deviceID"]) == (name, device)


def test_printing_a_token_touches_no_database(tmp_path: Path) -> None:
    assert roost("token", "ann", "--data", str(tmp_path / "new")).returncode == 0
    (secret,) = (tmp_path / "new").iterdir()
    assert secret.name == "jwt.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def roost(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "roost", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


async def test_600_messages_a_minute_and_no_more(settle: Any) -> None:
    house = await settle()
    ann, bob = await house.guest("ann"), await house.guest("bob")
    line, started = await ann.line(), time.monotonic()
    for number in range(700):
        await line.say("private", to="bob", content="hello", messageID=f"m-{number}")
    frames = [await line.hear("sent", "error") for _ in range(700)]
    refused = [frame for frame in frames if frame["type"] == "error"]
    allowed = 600 + 10 * (time.monotonic() - started)
    assert 600 <= 700 - len(refused) <= allowed + 1
    for refusal in refused:
        assert (refusal["error"], refusal["code"]) == ("rate_limited", 42900)
        assert refusal["messageID"].startswith("m-")
        assert 0 < refusal["retryAfter"] <= 60
    over_http, more = await ann.post("/messages/user", {"to": "bob", "content": "by another way"}), 0
    while over_http.status == 200:  # the bucket fills while a slow machine is at it
        over_http, more = await ann.post("/messages/user", {"to": "bob", "content": "by another way"}), more + 1
    assert over_http.refusal == (429, "rate_limited")
    assert int(over_http.headers["retry-after"]) >= 1
    await (await bob.line()).hear("offline")
    await (await bob.on("desk")).send(ann)
    await line.hear("message")
    await asyncio.sleep(int(over_http.headers["retry-after"]))
    receipts = 700 - len(refused) + more
    assert (await line.send("bob", "after the time that was told"))["conversationSeq"] == receipts + 2
