"""Several nodes on one database server give out each push once, and take over what a killed one had (A9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from roost.push.contract import Sent, Task
from roost.push.local import LocalQueue
from roost.push.outbox import CLAIM
from tests.backends import Backend
from tests.blackbox.line import eventually
from tests.push.test_outbox import Post, claimed_at, is_open, running
from tests.rooms import Clock, Rooms

MANY = 2_000


@pytest.fixture
async def posts(shared_backend: Backend, clock: Clock) -> AsyncIterator[list[Post]]:
    """The outboxes of two nodes on one database."""
    rooms = [await Rooms.open(shared_backend, clock) for _ in range(2)]
    yield [Post(one, clock, LocalQueue()) for one in rooms]
    for one in rooms:
        await one.close()


async def test_each_push_is_given_out_by_one_of_them(posts: list[Post]) -> None:
    here, there = posts
    await here.put(await here.address(), *range(1, MANY + 1))
    had: list[list[int]] = [[], []]

    def worker(post: Post, mine: list[int]) -> object:
        async def do(task: Task) -> None:
            mine.append(task.seq)
            await post.report(task, Sent())

        return post.queue.work(do, at_once=16)

    async def all_done() -> bool:
        return not await here.rows()

    work = [worker(post, mine) for post, mine in zip(posts, had, strict=True)]
    async with running(here.outbox.feed(), there.outbox.feed(), *work):
        await eventually(all_done)
    assert sorted(had[0] + had[1]) == list(range(1, MANY + 1))
    assert all(had), "one of them has done it all"


async def test_what_one_has_the_other_does_not_get(posts: list[Post]) -> None:
    here, there = posts
    await here.put(await here.address(), 1)
    async with running(here.outbox.feed()):
        await eventually(lambda: holds(here, 1))
    async with running(there.outbox.feed(), there.queue.work(there.given.put, at_once=1)):
        await there.nothing_more()


async def holds(post: Post, count: int) -> bool:
    return len(post.queue.held()) == count


async def test_what_a_node_had_that_is_killed_goes_to_the_other(posts: list[Post], clock: Clock) -> None:
    here, there = posts
    await here.put(await here.address(), 1)
    async with running(here.outbox.feed()):
        await eventually(lambda: holds(here, 1))
    clock.pass_(seconds=CLAIM / 1000)
    [before] = here.queue.held()
    async with running(there.outbox.feed(), there.queue.work(there.given.put, at_once=1)):
        assert await there.take() == claimed_at(clock(), before)
    assert not await is_open(here, before), "it was not killed, only slow, and would do it as well"


async def test_what_a_node_holds_stays_with_it_however_long(
    posts: list[Post], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.push.outbox.RENEW", 0.01)
    here, there = posts
    await here.put(await here.address(), 1)
    async with running(here.outbox.feed(), here.outbox.keep()):
        await eventually(lambda: holds(here, 1))
        async with running(there.outbox.feed(), there.queue.work(there.given.put, at_once=1)):
            for _ in range(4):
                clock.pass_(seconds=CLAIM / 2000)
                await eventually(lambda: is_due(here, clock() + CLAIM))
            await there.nothing_more()


async def is_due(post: Post, time: int) -> bool:
    return [row.due_at for row in await post.rows()] == [time]


async def test_what_a_node_holds_that_ends_goes_to_the_other_at_once(posts: list[Post]) -> None:
    here, there = posts
    await here.put(await here.address(), 1)
    async with running(here.outbox.feed()):
        await eventually(lambda: holds(here, 1))
    await here.outbox.give_back()
    async with running(there.outbox.feed(), there.queue.work(there.given.put, at_once=1)):
        assert (await there.take()).seq == 1


async def test_both_may_record_at_once(posts: list[Post]) -> None:
    """The same push twice, as after a claim that was lost: the row ends, the log has both."""
    here, there = posts
    await here.put(await here.address(), *range(1, 51))
    async with running(here.outbox.feed(), here.queue.work(here.given.put, at_once=1)):
        tasks = [await here.take() for _ in range(50)]
    here.clock.pass_(seconds=1)
    await asyncio.gather(
        *(here.report(task, Sent()) for task in tasks), *(there.report(task, Sent()) for task in reversed(tasks))
    )
    assert await here.rows() == []
