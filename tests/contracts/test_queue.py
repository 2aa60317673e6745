"""What every queue of push promises (`roost.push.contract.Queue`), on every backend."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from roost.errors import Unavailable
from roost.push.contract import TRIES, Queue
from roost.push.local import LocalQueue
from roost.push.rabbitmq import RabbitQueue
from tests.push.queues import PATIENCE, Thing, drained, fresh_name, working

PAUSE = 0.01
"""Seconds before what failed is handed out again, the first time."""


class Ends(Protocol):
    """Opens an end of the test's queue: another process's, where the backend has such."""

    def __call__(self) -> Queue[Thing]: ...


@pytest.fixture(params=["local", "rabbitmq"])
async def end(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    opened: list[Queue[Thing]] = []
    if request.param == "local":
        opened.append(LocalQueue(pause=PAUSE))
        yield lambda: opened[0]
    else:
        url, name = request.getfixturevalue("rabbitmq").url, fresh_name()

        def another() -> Queue[Thing]:
            opened.append(RabbitQueue(url, name, Thing, pause=PAUSE))
            return opened[-1]

        # Where two make the same queue at the same time, RabbitMQ 3.10 turns one away; it comes back by itself.
        await another().backlog()
        yield another
    for one in opened:
        await one.close()


@pytest.fixture
def queue(end: Ends) -> Queue[Thing]:
    return end()


class Hands:
    """A `handle` that notes what it gets; `arrived(n)` returns when it got n."""

    def __init__(self) -> None:
        self.had: list[int] = []
        self._more = asyncio.Condition()

    async def __call__(self, thing: Thing) -> None:
        async with self._more:
            self.had.append(thing.number)
            self._more.notify_all()

    async def arrived(self, count: int) -> list[int]:
        async with asyncio.timeout(PATIENCE), self._more:
            await self._more.wait_for(lambda: len(self.had) >= count)
        return self.had


def things(count: int, start: int = 0) -> list[Thing]:
    return [Thing(number, f"thing {number} ✓") for number in range(start, start + count)]


async def test_a_thing_arrives_as_it_was_put(queue: Queue[Thing]) -> None:
    arrived: asyncio.Queue[Thing] = asyncio.Queue()
    async with working(queue, arrived.put, at_once=1):
        await queue.put([Thing(7, "sieben\n„✓“")])
        async with asyncio.timeout(PATIENCE):
            assert await arrived.get() == Thing(7, "sieben\n„✓“")


async def test_what_was_put_before_anybody_works_arrives(queue: Queue[Thing]) -> None:
    await queue.put(things(3))
    hands = Hands()
    async with working(queue, hands, at_once=2):
        assert sorted(await hands.arrived(3)) == [0, 1, 2]


async def test_putting_nothing_is_fine(queue: Queue[Thing]) -> None:
    await queue.put([])
    assert await queue.backlog() == 0


async def test_ten_thousand_things_arrive_once_each(queue: Queue[Thing]) -> None:
    hands = Hands()
    async with working(queue, hands, at_once=50):
        await queue.put(things(10_000))
        assert sorted(await hands.arrived(10_000)) == list(range(10_000))
        await drained(queue)


async def test_many_put_at_the_same_time(queue: Queue[Thing]) -> None:
    await asyncio.gather(*(queue.put(things(10, start)) for start in range(0, 500, 10)))
    hands = Hands()
    async with working(queue, hands, at_once=50):
        assert sorted(await hands.arrived(500)) == list(range(500))


async def test_workers_share_what_there_is(end: Ends) -> None:
    # Each has one thing in hand, and ends it when all three have one.
    together = asyncio.Barrier(3)
    had: list[int] = []

    async def handle(thing: Thing) -> None:
        async with asyncio.timeout(PATIENCE):
            await together.wait()
        had.append(thing.number)

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(working(end(), handle, at_once=1))
        await end().put(things(30))
        await drained(end(), until=lambda: len(had) >= 30)
    assert sorted(had) == list(range(30))


async def test_a_worker_has_as_many_in_hand_as_it_said_and_no_more(queue: Queue[Thing]) -> None:
    in_hand, most, had = 0, 0, 0

    async def handle(_: Thing) -> None:
        nonlocal in_hand, most, had
        in_hand += 1
        most = max(most, in_hand)
        await asyncio.sleep(0.02)
        in_hand -= 1
        had += 1

    await queue.put(things(40))
    async with working(queue, handle, at_once=4):
        await drained(queue, until=lambda: had == 40)
    assert most == 4


async def test_what_failed_is_handed_out_again(queue: Queue[Thing]) -> None:
    tries: Counter[int] = Counter()
    hands = Hands()

    async def handle(thing: Thing) -> None:
        tries[thing.number] += 1
        if tries[thing.number] < TRIES and thing.number % 2:
            raise RuntimeError(thing.text)
        await hands(thing)

    await queue.put(things(4))
    async with working(queue, handle, at_once=4):
        assert sorted(await hands.arrived(4)) == [0, 1, 2, 3]
    assert tries == {0: 1, 1: TRIES, 2: 1, 3: TRIES}


async def test_what_fails_each_time_is_put_aside_and_blocks_nobody(queue: Queue[Thing]) -> None:
    tries: Counter[int] = Counter()

    async def handle(thing: Thing) -> None:
        tries[thing.number] += 1
        if thing.number == 0:
            raise RuntimeError(thing.text)

    await queue.put(things(20))
    async with working(queue, handle, at_once=2):
        await drained(queue, until=lambda: len(tries) == 20 and tries[0] == TRIES)
        await queue.put([Thing(20, "behind it")])
        await drained(queue, until=lambda: 20 in tries)
    hands = Hands()
    async with working(queue, hands, at_once=2):
        await queue.put([Thing(21, "later")])
        await hands.arrived(1)
    assert tries == {0: TRIES} | dict.fromkeys(range(1, 21), 1)
    assert hands.had == [21], "what was put aside came back"


async def test_what_a_cancelled_worker_had_in_hand_goes_to_another(end: Ends) -> None:
    held: list[int] = []
    full = asyncio.Event()

    async def hold(thing: Thing) -> None:
        if thing.number < 5:
            return
        held.append(thing.number)
        if len(held) == 3:
            full.set()
        await asyncio.Event().wait()

    await end().put(things(10))
    async with asyncio.timeout(PATIENCE), working(end(), hold, at_once=3):
        await full.wait()
    hands = Hands()
    async with working(end(), hands, at_once=10):
        left = set(await hands.arrived(5))
    assert set(held) <= left
    assert left == {5, 6, 7, 8, 9}, "what was handled came back, or what was not did not"


async def test_what_a_worker_has_handled_when_it_is_cancelled_does_not_come_back(end: Ends) -> None:
    had: list[int] = []
    await end().put(things(100))
    while len(had) < 100:
        until = len(had) + 5

        async def handle(thing: Thing, until: int = until) -> None:
            had.append(thing.number)
            if len(had) >= until:
                worker.cancel()

        async with asyncio.timeout(PATIENCE), working(end(), handle, at_once=5) as worker:
            await asyncio.wait([worker])
    assert sorted(had) == list(range(100))


async def test_backlog_counts_what_nobody_has(queue: Queue[Thing]) -> None:
    hold = asyncio.Event()

    async def handle(_: Thing) -> None:
        await hold.wait()

    await queue.put(things(9))
    async with working(queue, handle, at_once=2):
        await drained(queue, to=7)
        hold.set()
        await drained(queue)


async def test_it_takes_at_once_what_it_has_room_for(queue: Queue[Thing]) -> None:
    room = await queue.room()
    assert room > 0
    await queue.put(things(room))
    assert await queue.backlog() == room


async def test_it_holds_what_would_be_lost_with_it(queue: Queue[Thing]) -> None:
    hold = asyncio.Event()

    async def handle(_: Thing) -> None:
        await hold.wait()

    await queue.put(things(9))
    async with working(queue, handle, at_once=2):
        await drained(queue, to=7)
        assert queue.held() == ([] if queue.lasting else things(9))
        hold.set()
        await drained(queue)
    assert queue.held() == []


async def test_a_closed_queue_takes_nothing(queue: Queue[Thing]) -> None:
    await queue.put(things(1))
    await queue.close()
    with pytest.raises(Unavailable):
        await queue.put(things(1))


async def test_closing_twice_or_unused_is_fine(queue: Queue[Thing]) -> None:
    await queue.close()
    await queue.close()
