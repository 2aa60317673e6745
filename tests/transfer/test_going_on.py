"""Clients after the move: a node on the new database goes on where the one on the file stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.server import Server

from roost.transfer.address import parse
from tests.blackbox.house import Guest, House, process
from tests.blackbox.line import Follower
from tests.test_cli import said
from tests.transfer.deployment import content


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Server]:
    """A server on the file."""
    server = process(tmp_path)
    server.start()
    yield server
    server.stop()


async def moved(first: Server, target: str) -> Server:
    """The node on the file stops, and one on the new database starts, with the same files beside it."""
    await asyncio.to_thread(first.stop)
    await asyncio.to_thread(said, "migrate-data", "--from", f"sqlite:{first.data}", "--to", target)
    second = process(first.data.parent, SERVER__DATABASE=target)
    await asyncio.to_thread(second.start)
    return second


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_a_client_goes_on_at_its_position_after_the_move(
    first: Server, place: Callable[[str], str], kind: str
) -> None:
    """One that follows has every entry once, without a gap; one that does not is offered what it has not stored."""
    async with House(first.port, first.data) as house:
        ann, bob = await house.guest("ann"), await house.guest("bob")
        line = await ann.line(lastSeq=0)
        device = Follower(line)
        sender = await bob.line()
        await sender.send_many("ann", 120)
        await device.read_to(120)
        epoch = line.ready["epoch"]
        sent = await line.send("bob", "are you there?", messageID="mine-1")
        device.take(sent)
        await line.cut()
        await sender.hear("message")
        await sender.send_many("ann", 30, first=121)
        laptop = await ann.on("laptop")
        await laptop.post("/messages/mark_synced", {"message_ids": [1, 2, 3, 5]})
        unread = await bob.unread()
        waiting = [one["seq"] for one in (await laptop.offline("?page_size=200"))["messages"]]
    second = await moved(first, place(kind))
    try:
        async with House(second.port, second.data) as house:
            ann, bob = Guest(house, "ann", ann.token), Guest(house, "bob", bob.token)
            laptop = Guest(house, "ann", laptop.token)
            line = await ann.line(lastSeq=device.position, epoch=epoch)
            assert line.ready["epoch"] == epoch
            device.resume(line)
            receipts = [await bob.send(ann, f"number {number}") for number in range(151, 181)]
            await device.read_to(line.ready["headSeq"] + 30)
            assert device.contents == [f"number {number}" for number in range(1, 181)]
            assert min(int(one["serverMsgID"]) for one in receipts) > int(sent["serverMsgID"])
            again = await line.send("bob", "are you there?", messageID="mine-1")
            assert (again["seq"], again["duplicate"]) == (sent["seq"], True)
            assert await bob.unread() == unread
            still = [one["seq"] for one in (await laptop.offline("?page_size=200"))["messages"]]
            assert still[: len(waiting)] == waiting
            assert len(still) == len(waiting) + 30
    finally:
        await asyncio.to_thread(second.stop)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_what_is_new_gets_numbers_that_nobody_had(old: Path, place: Callable[[str], str], kind: str) -> None:
    """Users, devices, groups and messages: the deployment had a user 41, who is gone."""
    target = place(kind)
    before = content(parse("--from", f"sqlite:{old}"))
    server = process(old.parent / "new", SERVER__DATABASE=target)
    old.parent.joinpath("new").mkdir()
    await asyncio.to_thread(said, "migrate-data", "--from", f"sqlite:{old}", "--to", target)
    server.data.mkdir()
    (server.data / "jwt.secret").write_bytes((old / "jwt.secret").read_bytes())
    await asyncio.to_thread(server.start)
    try:
        async with House(server.port, server.data) as house:
            ann, dan = await house.guest("ann", "7"), await house.guest("dan")
            await dan.send(ann)
            await dan.group(ann)
            account = {"userID": "bob", "password": "a long enough one"}
            assert (await house.http.post("/api/v1/auth/login", json=account)).status_code == 200
    finally:
        await asyncio.to_thread(server.stop)
    after = content(parse("--from", target))
    for table, key in (("users", "users"), ("conversations", "conversations"), ("devices", "devices")):
        new = {row[0] for row in after[table]} - {row[0] for row in before[table]}
        assert new, table
        assert min(new) > before["last given"][key]
    assert max(row[0] for row in after["messages"]) > max(row[0] for row in before["messages"])
    assert [row for row in after["log"] if row in before["log"]] == before["log"]
