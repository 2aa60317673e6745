"""The queue in this process is bounded."""

from __future__ import annotations

import asyncio

import pytest

from roost.errors import Unavailable
from roost.push.contract import TRIES
from roost.push.local import LocalQueue
from tests.push.queues import PATIENCE, Thing, drained, working

THINGS = [Thing(number) for number in range(10)]


async def test_a_full_queue_takes_nothing_more_and_says_so() -> None:
    queue: LocalQueue[Thing] = LocalQueue(limit=9, patience=0.01)
    with pytest.raises(Unavailable):
        await queue.put(THINGS)
    assert await queue.backlog() == 9


async def test_put_waits_for_room() -> None:
    queue: LocalQueue[Thing] = LocalQueue(limit=2, patience=PATIENCE)
    had: list[int] = []

    async def handle(thing: Thing) -> None:
        had.append(thing.number)

    async with working(queue, handle, at_once=1):
        await queue.put(THINGS)
        await drained(queue, until=lambda: len(had) == 10)


async def test_what_is_in_hand_keeps_its_place() -> None:
    # Otherwise it could not come back when its worker is cancelled.
    queue: LocalQueue[Thing] = LocalQueue(limit=2, patience=0.01)
    taken = asyncio.Event()

    async def hold(_: Thing) -> None:
        taken.set()
        await asyncio.Event().wait()

    await queue.put(THINGS[:2])
    async with asyncio.timeout(PATIENCE), working(queue, hold, at_once=1):
        await taken.wait()
        with pytest.raises(Unavailable):
            await queue.put(THINGS[2:3])
    assert await queue.backlog() == 2


async def test_what_was_put_aside_leaves_its_place() -> None:
    queue: LocalQueue[Thing] = LocalQueue(limit=1, pause=0.001, patience=PATIENCE)
    tries = 0

    async def fail(_: Thing) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError

    async with working(queue, fail, at_once=1):
        await queue.put(THINGS[:2])
        await drained(queue, until=lambda: tries == 2 * TRIES)


async def test_room_is_waited_for_until_half_of_it_is_empty() -> None:
    queue: LocalQueue[Thing] = LocalQueue(limit=8)
    assert await queue.room() == 8
    await queue.put(THINGS[:8])
    room = asyncio.ensure_future(queue.room())
    may = asyncio.Semaphore(3)

    async def handle(_: Thing) -> None:
        await may.acquire()

    async with working(queue, handle, at_once=1):
        await drained(queue, until=lambda: len(queue.held()) == 5, to=4)
        assert not room.done()
        may.release()
        async with asyncio.timeout(PATIENCE):
            assert await room == 4
