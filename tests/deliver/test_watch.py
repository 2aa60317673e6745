"""The watch finds the readers that no hint has told, and lets those alone that have heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest

from roost.deliver import watch as watching
from roost.deliver.hub import Hub
from roost.deliver.reader import Reader
from roost.deliver.watch import Watch
from roost.errors import Unavailable
from roost.protocol.encoded import EncodedEntry
from tests.deliver.entries import MESSAGE, PHONE

ANN, BOB = 1, 2


class Ears:
    """A sink that counts."""

    writable = True

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.readings = 0

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        self.heard.append(seq)

    def read_on(self) -> None:
        self.readings += 1


class World:
    """A hub, a database that has heads, and the watch between them."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.heads: dict[int, int] = {}
        self.asked: list[list[int]] = []
        self.revoked = 0
        self.up = True
        self.fails = False
        self.meanwhile: Callable[[], object] = lambda: None
        self.watch = Watch(self.hub, self._heads, self._learn, lambda: self.up)

    async def _heads(self, uids: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(uids))
        if self.fails:
            raise Unavailable
        found = {uid: self.heads[uid] for uid in uids if uid in self.heads}
        asyncio.get_running_loop().call_soon(self.meanwhile)
        return found

    async def _learn(self) -> None:
        self.revoked += 1

    def reader(self, uid: int, head: int = 0) -> tuple[Reader, Ears]:
        """A reader at the head of its log."""
        ears = Ears()
        reader = Reader(ears, uid, PHONE, follows=True, window=100)
        self.hub.attach(reader)
        reader.start(head, head)
        reader.go_on()
        return reader, ears


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(watching, "UNDER_WAY", 0.01)
    return World()


class TestOneLook:
    async def test_a_reader_that_is_behind_is_woken_and_leaves_the_fast_lane(self, world: World) -> None:
        (reader, behind), (_, there) = world.reader(ANN, 4), world.reader(BOB, 7)
        world.heads = {ANN: 6, BOB: 7}
        assert await world.watch.look() == 1
        assert (behind.readings, there.readings) == (1, 0)
        assert (reader.announced, reader.fast) == (6, False)
        world.hub.announce(MESSAGE, [(ANN, 7), (BOB, 8)], 0, 0, None)
        assert (behind.heard, there.heard) == ([], [8]), "what it reads comes first"

    async def test_every_reader_of_the_log_is(self, world: World) -> None:
        (_, phone), (_, desk) = world.reader(ANN), world.reader(ANN)
        world.heads = {ANN: 1}
        assert await world.watch.look() == 2
        assert (phone.readings, desk.readings) == (1, 1)

    async def test_what_was_on_its_way_is_no_loss(self, world: World) -> None:
        """The database has an entry a moment before its readers hear of it."""
        _, ears = world.reader(ANN)
        world.heads = {ANN: 1}
        world.meanwhile = lambda: world.hub.announce(MESSAGE, [(ANN, 1)], 0, 0, None)
        assert await world.watch.look() == 0
        assert (ears.heard, ears.readings) == ([1], 0)

    async def test_a_log_without_entries_has_no_head(self, world: World) -> None:
        world.reader(ANN)
        assert await world.watch.look() == 0

    async def test_many_are_asked_for_in_pieces(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "PIECE", 3)
        for uid in range(1, 8):
            world.reader(uid)
        await world.watch.look()
        assert world.asked == [[1, 2, 3], [4, 5, 6], [7]]

    async def test_one_who_left_meanwhile_is_none(self, world: World) -> None:
        reader, ears = world.reader(ANN)
        world.heads = {ANN: 3}
        world.meanwhile = lambda: world.hub.detach(reader)
        assert await world.watch.look() == 0
        assert ears.readings == 0

    async def test_revoked_tokens_are_looked_up_though_nobody_reads(self, world: World) -> None:
        await world.watch.look()
        assert (world.revoked, world.asked) == (1, [])


class TestWhen:
    @pytest.fixture
    async def running(self, world: World) -> AsyncIterator[World]:
        world.reader(ANN)
        task = asyncio.create_task(world.watch.run())
        yield world
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "ALERT", 0.05)

    async def test_often_while_the_bus_is_away(self, running: World) -> None:
        running.up = False
        await until(lambda: len(running.asked) >= 5)

    async def test_rarely_while_it_tells(self, running: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "CALM", 1000.0)
        await asyncio.sleep(0.5)
        assert running.asked == []
        monkeypatch.setattr(watching, "CALM", 0.2)
        await until(lambda: len(running.asked) >= 2)

    async def test_at_once_when_hints_may_have_been_lost(self, running: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "CALM", 1000.0)
        monkeypatch.setattr(watching, "ALERT", 1000.0)
        await asyncio.sleep(0.1)
        running.watch.at_once()
        await until(lambda: len(running.asked) == 1)

    async def test_a_database_that_is_away_ends_nothing(self, running: World) -> None:
        running.up, running.fails = False, True
        await until(lambda: len(running.asked) >= 3)
        running.fails = False
        [reader] = running.hub.readers(ANN)
        running.heads = {ANN: 9}
        await until(lambda: reader.announced == 9)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
