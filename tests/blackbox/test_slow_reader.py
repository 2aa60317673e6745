"""Promise 4: a slow or absent reader costs the server bounded memory and never delays others."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import NamedTuple

from tests.blackbox.house import Guest, House
from tests.blackbox.line import Line

COUNT = 20_000
CONTENT = "x" * 1000
ASLEEP = 6
"""Sockets that do not read: what the server would queue for them is 120 MB."""


async def asleep(guest: Guest) -> Line:
    """A connection whose client has a small buffer and takes nothing out of it until it is asked to."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", guest.house.port))
    line = await guest.house.open(sock=small)
    await line.say("auth", token=guest.token)
    line.ready = await line.hear("ready")
    return line


async def flood(line: Line, to: Guest) -> None:
    """Sends COUNT messages as fast as the server takes them, and hears of each."""

    async def speak() -> None:
        for _ in range(COUNT):
            await line.say("private", to=to.user_id, content=CONTENT)

    await asyncio.gather(speak(), line.hear_many("sent", COUNT))


class Toll(NamedTuple):
    """What a flood cost: bytes of the server's memory, and how long others waited for a message (s, the median)."""

    memory: int
    delay: float


async def toll(house: House, line: Line, to: Guest) -> Toll:
    cat = await house.guest()
    watcher, other = await cat.line(), await (await house.guest()).line()
    before, flooding, delays = house.memory(), asyncio.create_task(flood(line, to)), [0.0]
    while not flooding.done():
        started = time.perf_counter()
        await other.send(cat.user_id)
        await watcher.hear("message")
        delays.append(time.perf_counter() - started)
    await flooding
    return Toll(house.memory() - before, sorted(delays)[len(delays) // 2])


async def test_20000_messages_to_sockets_that_do_not_read(house: House, ann: Guest, bob: Guest, cat: Guest) -> None:
    sender = await ann.line()
    absent = await toll(house, sender, cat)
    sleepers = [await asleep(await bob.on(f"device-{number}")) for number in range(ASLEEP)]
    sleeping = await toll(house, sender, bob)
    assert sleeping.memory < absent.memory + (40 << 20), (sleeping, absent)
    assert sleeping.delay < 4 * absent.delay + 0.1, (sleeping, absent)
    for line in sleepers[:2]:
        for seq in range(1, COUNT + 1):
            frame = json.loads(await line.socket.recv())
            assert (frame["type"], frame["seq"]) == ("message", seq)
        await line.nothing()


async def test_frames_of_every_size_are_whole_after_a_jam(house: House, ann: Guest, bob: Guest) -> None:
    """Pages of 4 to 25 KB: several of them wait in a full socket at once, and none may spoil another."""
    await (await ann.line()).send_many(bob.user_id, 120)
    line, counts = await asleep(bob), [20 + number % 100 for number in range(600)]
    await line.hear("offline")
    for count in counts:
        await line.say("sync", lastSeq=0, count=count)
    await (await ann.line()).nothing()
    for count in counts:
        page = await line.hear("sync_batch")
        assert [message["seq"] for message in page["messages"]] == list(range(1, count + 1))
    await line.nothing()


async def test_a_reader_that_went_away_for_good_costs_nothing_more(house: House, ann: Guest, bob: Guest) -> None:
    line = await asleep(bob)
    sender = await ann.line()
    await sender.send_many(bob.user_id, 2000)
    await line.cut()
    await sender.send_many(bob.user_id, 500)
    again = await bob.line()
    assert (await again.hear("offline"))["remaining"] == 2400
    await again.nothing()


async def test_a_sender_that_does_not_read_its_receipts_is_not_read_from(house: House, ann: Guest, bob: Guest) -> None:
    """Its messages wait in its own socket; once it reads, each has its receipt, in order."""
    line, other = await asleep(ann), await bob.line(lastSeq=0)
    count = 5000

    async def speak() -> None:
        for number in range(count):
            await line.say("private", to=bob.user_id, content="hello", messageID=f"m-{number}")

    before = house.memory()
    speaking = asyncio.create_task(speak())
    done, _ = await asyncio.wait([speaking], timeout=1)
    assert not done or house.memory() - before < 20 << 20
    await other.say("ping")
    while (await other.hear())["type"] != "pong":
        pass
    receipts = await line.hear_many("sent", count)
    await speaking
    assert [receipt["messageID"] for receipt in receipts] == [f"m-{number}" for number in range(count)]
