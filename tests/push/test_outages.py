"""What goes wrong on the road of a push: a service that is away, a server that is killed; and push that is off."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.blackbox.house import Guest, House, process
from tests.blackbox.line import eventually
from tests.push.conftest import OpenHouse
from tests.push.http2 import Answer, PushService, Trouble
from tests.push.road import TOPIC, Books, apple_key, pushes_to, reached, settings

WAITING = 200
"""Pushes that wait for a service which is away."""
AT_ONCE = 8
PROBES = 20
"""More pushes than find out, one after the other, whether a service is back: the pauses between them double."""

KILLS = 60 if os.environ.get("FAULTS") == "long" else 6
SEED = int(os.environ.get("FAULTS_SEED", time.time_ns() % 1_000_000))
LOAD = 80
"""Messages between two kills."""
PATIENCE = 60.0
"""Seconds until everything has been sent, on a machine that is busy."""


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def send(sender: Guest, to: str, contents: list[str]) -> list[dict[str, Any]]:
    """Sends messages over a socket, all at once; their receipts."""
    line = await sender.line(lastSeq=0)
    for content in contents:
        await line.say("private", to=to, content=content)
    return [await line.hear("sent") for _ in contents]


async def test_an_outage_of_a_service_delays_and_is_told_once(
    open_house: OpenHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.push.worker.FIRST_REST", 50)
    monkeypatch.setattr("roost.push.plan.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("roost.push.plan.LONGEST_PAUSE", 0.5)
    absent = PushService(1)
    port = free_port()
    absent.url = f"http://127.0.0.1:{port}"
    with capture_logs() as logs:
        house = await open_house(**settings(tmp_path, absent), at_once=AT_ONCE)
        books, ann, bob = Books(house), await house.guest("ann"), await house.guest("bob")
        await reached(bob)
        await send(ann, "bob", ["hello"] * WAITING)  # each has its receipt
        await eventually(lambda: has_retried(books, AT_ONCE))
        assert books.waiting() == WAITING
        async with PushService.running(None, port=port) as apple:
            await apple.has_got(WAITING)
            await eventually(books.settled)
            assert len(pushes_to(apple, bob)) == WAITING
    said = Counter(str(line["event"]) for line in logs if line["log_level"] != "debug")
    assert said == {"a push service is away": 1, "a push service is back": 1}
    attempts = Counter(status for status, _ in books.attempts("bob"))
    assert attempts["sent"] == WAITING
    assert AT_ONCE <= attempts["retry"] <= AT_ONCE + PROBES
    assert set(attempts) == {"sent", "retry"}


async def has_retried(books: Books, count: int) -> bool:
    return len(books.attempts("bob")) >= count


OFF = {
    "push is off": {"enabled": False, "apns": {"enabled": True}},
    "no channel is on": {},
    "its platform is off": {"webpush": {"enabled": True, "subject": "mailto:ops@example.org"}},
    "push is off, and there is no broker": {"enabled": False, "queue": "rabbitmq", "rabbitmq": "amqp://127.0.0.1:1/"},
    "no channel is on, and there is no broker": {"queue": "rabbitmq", "rabbitmq": "amqp://127.0.0.1:1/"},
}


@pytest.mark.parametrize("push", OFF.values(), ids=OFF.keys())
async def test_push_that_is_off_leaves_no_trace(push: dict[str, Any], open_house: OpenHouse) -> None:
    with capture_logs() as logs:
        house = await open_house(**push)
        books, ann, bob = Books(house), await house.guest("ann"), await house.guest("bob")
        answer = await bob.post("/devices", {"platform": "apns", "token": "abcd"})
        assert answer.data["active"] is False
        await send(ann, "bob", ["hello"] * 50)
        assert books.waiting() == 0
        assert books.rows("SELECT * FROM push_log") == []
    assert logs == []


class Life:
    """Servers one after the other on the same data, each killed; all push to the same stand-in of Apple's."""

    def __init__(self, folder: Path, apple: PushService, chance: random.Random) -> None:
        apns = {"ENABLED": "true", "KEY_FILE": apple_key(folder), "KEY_ID": "K", "TEAM_ID": "T", "TOPIC": TOPIC}
        named = {f"PUSH__APNS__{name}": value for name, value in (apns | {"URL": apple.url}).items()}
        self.server = process(folder, PUSH__AT_ONCE=str(AT_ONCE), **named)
        self.chance = chance
        self.acknowledged: set[str] = set()

    async def house(self) -> House:
        await asyncio.to_thread(self.server.start)
        return House(self.server.port, self.server.data, self.server)

    async def until_killed(self) -> None:
        """Some messages, and SIGKILL after one of their receipts."""
        async with await self.house() as house:
            ann, bob = await house.guest("ann"), await house.guest("bob")
            await reached(bob)
            line = await ann.line()
            for number in range(LOAD):
                await line.say("private", to="bob", content=f"number {number}")
            receipts = self.chance.randint(1, LOAD)
            while receipts:
                frame = await line.hear()
                if frame["type"] == "sent":
                    self.acknowledged.add(frame["serverMsgID"])
                    receipts -= 1
            await asyncio.sleep(self.chance.uniform(0, 0.1))
            self.server.kill()


async def test_a_server_that_is_stopped_ends_what_it_has_begun(tmp_path: Path, apple: PushService) -> None:
    """The push is with Apple when SIGTERM comes; its outcome is recorded, and nothing is sent twice."""
    life = Life(tmp_path, apple, random.Random(SEED))
    apple.usual[f"/3/device/{b'bob/phone'.hex()}"] = Trouble.SILENCE
    async with await life.house() as house:
        ann, bob = await house.guest("ann"), await house.guest("bob")
        await reached(bob)
        await ann.send(bob)
        await apple.has_got(1)
        stopping = asyncio.create_task(asyncio.to_thread(life.server.stop))
        await eventually(lambda: is_closed(house.port))
        await asyncio.sleep(0.5)  # longer than it takes to end, where nothing is waited for
        apple.answer_late(Answer())
        await stopping
        assert (Books(house).attempts("bob"), Books(house).waiting()) == ([("sent", None)], 0)


async def is_closed(port: int) -> bool:
    """Nobody listens there any more."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


@pytest.mark.faults
async def test_a_server_that_is_killed_loses_no_push(
    tmp_path: Path, apple: PushService, capsys: pytest.CaptureFixture[str]
) -> None:
    life = Life(tmp_path, apple, random.Random(SEED))
    try:
        for _ in range(KILLS):
            await life.until_killed()
        async with await life.house() as house:
            books = Books(house)
            async with asyncio.timeout(PATIENCE):
                while books.waiting():  # noqa: ASYNC110 - a file tells nobody
                    await asyncio.sleep(0.1)
            stored = {str(row["mid"]) for row in books.rows("SELECT mid FROM messages")}
            attempts = books.rows("SELECT message_id, push_status FROM push_log")
            lines = [(str(row["message_id"]), row["push_status"]) for row in attempts]
    finally:
        life.server.stop()
    came = Counter(push.json["roost"]["serverMsgID"] for push in apple.requests)
    again = sum(came.values()) - len(came)
    with capsys.disabled():
        print(  # noqa: T201 - a run tells its seed and its counts
            f"\nkilled {KILLS} times (FAULTS_SEED={SEED}): {len(life.acknowledged):,} messages acknowledged, "
            f"{len(stored):,} stored, {len(came):,} pushed, {again} of them twice"
        )
    assert life.acknowledged <= stored
    assert set(came) == stored
    assert again <= KILLS * AT_ONCE, "more were sent twice than were under way"
    assert Counter(lines) == Counter((mid, "sent") for mid in stored), "a push has one outcome"
