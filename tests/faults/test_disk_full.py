"""The disk is full: what can't be stored is refused, nothing acknowledged is lost, and it goes on by itself.

The kernel refuses the server's files to grow any further (RLIMIT_FSIZE), which is what a full disk looks like to it.
"""

from __future__ import annotations

import itertools
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from bench.server import Server

from tests.blackbox.house import Guest, House, process
from tests.blackbox.line import Line, eventually

ROOM = 100_000
"""Bytes that are left at first: a few messages."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = process(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def house(server: Server) -> AsyncIterator[House]:
    async with House(server.port, server.data, server) as house:
        yield house


def leave_room(server: Server, room: int) -> None:
    """No file is written further than so many bytes beyond what SQLite's write-ahead log has now."""
    limit = (server.data / "roost.db-wal").stat().st_size + room
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def make_room(server: Server) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def is_ready(house: House) -> bool:
    return (await house.http.get("/readyz")).status_code == 200


async def is_not_ready(house: House) -> bool:
    return not await is_ready(house)


async def send_until_refused(line: Line, to: str) -> list[str]:
    """Sends one message after the other; returns those that were acknowledged before the first refusal."""
    acknowledged = []
    for number in itertools.count():
        content = f"{number} " + "x" * 1000
        await line.say("private", to=to, content=content)
        frame = await line.hear("sent", "error")
        if frame["type"] == "error":
            assert (frame["error"], frame["retryAfter"] > 0) == ("unavailable", True)
            return acknowledged
        acknowledged.append(content)
    raise AssertionError


async def received(guest: Guest) -> list[str]:
    page = (await guest.post("/messages/sync", {"lastSeq": 0, "count": 1000})).data
    numbers = [one["seq"] for one in [*page["messages"], *page["changes"]]]
    assert sorted(numbers) == list(range(1, page["headSeq"] + 1))
    assert [one["conversationSeq"] for one in page["messages"]] == list(range(1, len(page["messages"]) + 1))
    return [one["content"] for one in page["messages"]]


@pytest.mark.faults
async def test_a_full_disk_loses_nothing_and_ends_by_itself(server: Server, house: House) -> None:
    ann, bob = await house.guest("ann"), await house.guest("bob")
    line = await ann.line()
    await line.send("bob", "before")
    leave_room(server, ROOM)
    acknowledged = ["before", *await send_until_refused(line, "bob")]
    leave_room(server, 0)
    await eventually(lambda: is_not_ready(house))
    assert (await bob.post("/conversations/p:ann:bob/read", {"conversationSeq": 1})).status == 503
    assert await received(bob) == acknowledged
    make_room(server)
    await eventually(lambda: is_ready(house))
    assert (await bob.post("/conversations/p:ann:bob/read", {"conversationSeq": 1})).status == 200
    await line.hear("change")  # that he has read it
    await line.send("bob", "after")
    assert await received(bob) == [*acknowledged, "after"]
    server.stop()
    server.start()
    async with House(server.port, server.data, server) as again:
        assert await received(await again.guest("bob")) == [*acknowledged, "after"]
