"""Push by several nodes on one database server: who sends and who is reached may be at different ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from scripts.servers.redis import RedisProcess
from structlog.testing import capture_logs

from roost import workers
from tests.blackbox.house import Guest, House
from tests.blackbox.line import Line, eventually
from tests.places import ServerBackend
from tests.push.conftest import OpenNodes
from tests.push.http2 import PushService
from tests.push.road import Books, pushes_to, reached, settings

GRACE = 3
"""Seconds that a connected device has to store a message: more than it takes, on a machine that is busy."""


@pytest.fixture
async def nodes(open_nodes: OpenNodes, apple: PushService, tmp_path: Path) -> tuple[House, House]:
    return await open_nodes(**settings(tmp_path, apple))


@pytest.fixture
async def ann(nodes: tuple[House, House]) -> Guest:
    """She is at one of them."""
    return await nodes[0].guest("ann")


@pytest.fixture
async def bob(nodes: tuple[House, House]) -> Guest:
    """He is at the other."""
    return await nodes[1].guest("bob")


@pytest.fixture
def books(nodes: tuple[House, House], shared_backend: ServerBackend) -> Books:
    return Books(nodes[0], shared_backend.url)


async def test_an_address_counts_at_every_node_at_once(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    await ann.send(bob)
    assert books.waiting() == 0
    for number in range(1, 6):
        await reached(bob)
        await ann.send(bob)
        await apple.has_got(number)
        assert (await bob.delete("/devices")).status == 200
        await ann.send(bob)
    await eventually(books.settled)
    assert len(apple.requests) == len(pushes_to(apple, bob)) == 5
    assert books.attempts("bob") == [("sent", None)] * 5


@pytest.fixture
async def patient(
    open_nodes: OpenNodes, redis_server: RedisProcess, apple: PushService, tmp_path: Path
) -> tuple[House, House]:
    """Two nodes that know by Redis who is connected to the other, and give devices a while."""
    return await open_nodes(redis_server.url(), **settings(tmp_path, apple, grace=GRACE))


@pytest.fixture
async def apart(patient: tuple[House, House]) -> tuple[Guest, Guest, Line]:
    """Ann at one of them; bob, who is reached by push, and his connection to the other."""
    here, there = patient
    ann, bob = await here.guest("ann"), await there.guest("bob")
    await reached(bob)
    line = await (await bob.on("desktop")).line(lastSeq=0)

    async def known() -> bool:
        return bool((await ann.online("bob"))["online"])

    await eventually(known)
    return ann, bob, line


async def test_a_device_at_another_node_that_stores_it_in_time_is_not_pushed(
    apart: tuple[Guest, Guest, Line], patient: tuple[House, House], apple: PushService, shared_backend: ServerBackend
) -> None:
    ann, bob, line = apart
    await ann.send(bob)
    await line.hear("message")
    await line.say("ack", seq=1)
    books = Books(patient[0], shared_backend.url)
    await eventually(books.settled)
    assert apple.requests == []
    assert {status for status, _ in books.attempts("bob")} <= {"dropped"}


async def test_a_device_at_another_node_that_does_not_is(
    apart: tuple[Guest, Guest, Line], patient: tuple[House, House], apple: PushService, shared_backend: ServerBackend
) -> None:
    ann, bob, _ = apart
    books = Books(patient[0], shared_backend.url)

    async def waits() -> bool:
        [row] = books.rows("SELECT due_at - server_time AS wait, taken_at FROM push_outbox JOIN messages USING (mid)")
        return (row["wait"], row["taken_at"]) == (GRACE * 1000, 0)

    await ann.send(bob)
    await eventually(waits)
    await apple.has_got(1)
    await eventually(books.settled)
    assert books.attempts("bob") == [("sent", None)]


class Broken:
    """A presence that can't be asked."""

    def __init__(self, query: Callable[[], Awaitable[object]]) -> None:
        self._query = query

    async def query(self, user_ids: Any) -> Any:
        return await self._query()


async def refuse() -> None:
    raise ConnectionError("nobody is there")


async def be_silent() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("query", [refuse, be_silent])
async def test_where_presence_fails_nobody_counts_as_connected(
    query: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "PRESENCE", 0.01)
    connected = workers._connected(cast("Any", Broken(query)))
    with capture_logs() as logs:
        assert not await connected("bob")
        assert not await connected("bob")
    assert [line["event"] for line in logs] == ["presence is away: who is connected is pushed to at once"]
