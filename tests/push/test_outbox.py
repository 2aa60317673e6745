"""The outbox: what it gives out and when, and what each report does to it (A9)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from roost.db.schema import push_addresses, push_log, push_outbox
from roost.errors import Unavailable
from roost.flow.push.notify import look
from roost.push.contract import Apns, Dead, Dropped, Email, Failed, Outcome, Postponed, Report, Retry, Sent, Task
from roost.push.local import LocalQueue
from roost.push.outbox import CLAIM, LEASE, LOG_KEPT, NEXT, PRUNED, QUEUE_BEHIND, Outbox
from roost.push.plan import FIRST_PAUSE
from roost.push.register import Register
from tests.backends import SQLiteBackend
from tests.blackbox.line import eventually
from tests.rooms import Clock, Rooms

UID, DID = 7, 8
LAST = 99
"""The aid of what is put to see that nothing comes before it."""


class Post:
    """An outbox on a real database, with a queue in this process; the test is the worker."""

    def __init__(self, rooms: Rooms, clock: Clock, queue: LocalQueue[Task]) -> None:
        self.rooms = rooms
        self.clock = clock
        self.queue = queue
        self.stored: set[int] = set()
        self.platform = "apns"
        shared = not isinstance(rooms.backend, SQLiteBackend)
        self.register = Register(rooms.database, clock, {"apns", "email"}, shared=shared)
        self.outbox = Outbox(rooms.database, queue, self.register, self.stored_by_any, clock)
        self.given: asyncio.Queue[Task] = asyncio.Queue()

    def stored_by_any(self, _connection: Connection, _uid: int, seqs: Sequence[int]) -> set[int]:
        return self.stored & set(seqs)

    async def address(self, address: Apns | Email = Apns("abcd")) -> int:  # noqa: B008 - a value
        """Registers an address; its aid."""
        self.platform = str(type(address).__struct_config__.tag)
        await self.register.add(UID, DID, address, preview=True, muted=False)
        return (await self.reached())[-1]

    async def reached(self) -> list[int]:
        """The aids that a message makes pushes for now."""
        return await self.rooms.write(lambda tx: [one.aid for one in self.register.reached(tx, [UID]).get(UID, ())])

    async def put(self, aid: int, *seqs: int, due: int | None = None) -> None:
        """Messages are to be pushed there; their mids are 1000 and their seqs."""
        now = self.clock()
        usual = {"uid": UID, "did": DID, "due_at": now if due is None else due, "created_at": now}
        rows = [{"aid": aid, "mid": 1000 + seq, "seq": seq, **usual} for seq in seqs]
        await self.rooms.write(lambda tx: tx.execute(insert(push_outbox), rows) and None)
        self.outbox.wake()

    async def take(self) -> Task:
        """The next that is given out."""
        async with asyncio.timeout(10):
            return await self.given.get()

    async def report(self, task: Task, outcome: Outcome | Dropped | Postponed, **fields: Any) -> Report:
        report = Report(task, "bob", "phone", self.platform, self.clock(), outcome)
        report = msgspec.structs.replace(report, **fields)
        await self.outbox.record(report)
        return report

    async def rows(self) -> list[Any]:
        """What waits, by seq."""
        query = select(push_outbox).where(push_outbox.c.aid != LAST).order_by(push_outbox.c.seq)
        return await self.rooms.read(lambda connection: connection.execute(query).all())

    async def log(self) -> list[tuple[int, str]]:
        """(seq, status) of what was logged."""
        query = select(push_log.c.message_id - 1000, push_log.c.push_status).order_by(push_log.c.push_id)
        return [tuple(row) for row in await self.rooms.read(lambda connection: connection.execute(query).all())]

    async def wait(self, *, seconds: float) -> None:
        self.clock.pass_(seconds=seconds)
        self.outbox.wake()

    async def nothing_more(self) -> None:
        """What was due by now has been given out, and taken: of two that are put last, nothing comes before either."""
        for _ in range(2):
            await self.put(LAST, 0)
            task = await self.take()
            assert task.aid == LAST, task
            await self.report(task, Postponed(self.clock() + 10**12))


@contextlib.asynccontextmanager
async def running(*tasks: Any) -> AsyncIterator[None]:
    started = [asyncio.ensure_future(task) for task in tasks]
    try:
        yield
    finally:
        for one in started:
            one.cancel()
        await asyncio.gather(*started, return_exceptions=True)


@pytest.fixture
async def post(rooms: Rooms, clock: Clock) -> AsyncIterator[Post]:
    post = Post(rooms, clock, LocalQueue())
    async with running(post.outbox.feed(), post.queue.work(post.given.put, at_once=1)):
        yield post


async def test_what_is_due_is_given_out_once(post: Post, clock: Clock) -> None:
    aid = await post.address()
    await post.put(aid, 1)
    task = await post.take()
    assert (task.aid, task.uid, task.did, task.mid, task.seq, task.attempt) == (aid, UID, DID, 1001, 1, 0)
    await post.nothing_more()


async def test_what_is_not_due_waits(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1, due=clock() + 10_000)
    await post.nothing_more()
    await post.wait(seconds=10)
    assert (await post.take()).seq == 1


async def test_what_was_stored_before_it_was_due_goes_without_a_word(post: Post, clock: Clock) -> None:
    post.stored = {1}
    await post.put(await post.address(), 1, 2)
    assert (await post.take()).seq == 2
    assert [row.seq for row in await post.rows()] == [2]
    assert await post.log() == []


async def test_what_nobody_has_or_reports_on_is_given_out_again(post: Post) -> None:
    await post.put(await post.address(), 1)
    first = await post.take()
    await post.wait(seconds=CLAIM / 1000 - 1)
    await post.nothing_more()
    await post.wait(seconds=1)
    assert await post.take() == claimed_at(post.clock(), first)


def claimed_at(time: int, task: Task) -> Task:
    return msgspec.structs.replace(task, taken_at=time)


async def test_what_was_given_out_again_is_not_done_by_who_had_it_before(post: Post) -> None:
    await post.put(await post.address(), 1)
    first = await post.take()
    assert await is_open(post, first)
    await post.wait(seconds=CLAIM / 1000)
    assert await is_open(post, await post.take())
    assert not await is_open(post, first)


async def is_open(post: Post, task: Task) -> bool:
    """Whether a worker would do it."""
    return (await post.rooms.read(lambda connection: look(connection, task, post.stored_by_any, preview=True))).open


class Lasting(LocalQueue[Task]):
    """As a broker has it: its things are there, whoever has put them."""

    lasting = True


async def test_what_may_still_be_in_a_queue_that_lasts_is_not_put_there_twice(rooms: Rooms, clock: Clock) -> None:
    post = Post(rooms, clock, Lasting())
    await post.put(await post.address(), 1)
    async with running(post.outbox.feed()):
        await eventually(lambda: is_due(post, clock() + LEASE))
        [task] = post.queue.held()
        await post.wait(seconds=LEASE / 1000)
        await eventually(lambda: is_due(post, clock() + QUEUE_BEHIND))
        assert await post.queue.backlog() == 1
        assert await is_open(post, task)


async def test_what_a_queue_that_lasts_has_lost_is_put_there_again(rooms: Rooms, clock: Clock) -> None:
    post = Post(rooms, clock, Lasting())
    await post.put(await post.address(), 1)
    async with running(post.outbox.feed(), post.queue.work(post.given.put, at_once=1)):
        first = await post.take()
        await eventually(lambda: is_due(post, clock() + LEASE))
        await post.wait(seconds=LEASE / 1000)
        assert await post.take() == claimed_at(clock(), first)


async def test_what_a_queue_that_lasts_may_not_have_got_is_soon_given_out_again(rooms: Rooms, clock: Clock) -> None:
    """The node was killed before the queue had confirmed it."""

    class Silent(Lasting):
        async def put(self, things: Sequence[Task]) -> None:
            await asyncio.Event().wait()

    killed, post = Post(rooms, clock, Silent()), Post(rooms, clock, Lasting())
    await post.put(await post.address(), 1)
    async with running(killed.outbox.feed()):
        await eventually(lambda: is_due(post, clock() + CLAIM))
    async with running(post.outbox.feed(), post.queue.work(post.given.put, at_once=1)):
        await post.nothing_more()
        await post.wait(seconds=CLAIM / 1000)
        assert (await post.take()).seq == 1


async def is_due(post: Post, time: int) -> bool:
    return [row.due_at for row in await post.rows()] == [time]


async def test_what_a_former_process_had_is_given_out_again(post: Post) -> None:
    await post.put(await post.address(), 1)
    first = await post.take()
    await post.outbox.recover()
    post.outbox.wake()
    assert await post.take() == first


@pytest.mark.parametrize("outcome", [Sent("id"), Failed("no"), Dropped("read")])
async def test_an_outcome_ends_it_and_is_logged(post: Post, outcome: Outcome | Dropped) -> None:
    await post.put(await post.address(), 1)
    await post.report(await post.take(), outcome)
    assert await post.rows() == []
    assert await post.log() == [(1, str(type(outcome).__struct_config__.tag))]


async def test_what_failed_is_tried_again_later_and_later(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1)
    pauses = []
    for attempt in range(5):
        task = await post.take()
        assert task.attempt == attempt
        await post.report(task, Retry("busy"))
        [row] = await post.rows()
        pauses.append((row.due_at - clock()) / 1000)
        await post.wait(seconds=pauses[-1])
    for attempt, pause in enumerate(pauses):
        assert FIRST_PAUSE * 2**attempt / 2 <= pause <= FIRST_PAUSE * 2**attempt
    assert await post.log() == [(1, "retry")] * 5


async def test_a_service_is_given_the_time_it_asks_for(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1)
    await post.report(await post.take(), Retry("busy", after=900))
    assert [row.due_at for row in await post.rows()] == [clock() + 900_000]


async def test_what_is_postponed_was_not_tried(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1)
    until = clock() + 5000
    await post.report(await post.take(), Postponed(until))
    assert [(row.due_at, row.attempt) for row in await post.rows()] == [(until, 0)]
    assert await post.log() == []
    await post.wait(seconds=5)
    assert (await post.take()).attempt == 0


async def test_a_dead_address_is_removed(post: Post) -> None:
    await post.put(await post.address(), 1)
    await post.report(await post.take(), Dead("410"))
    assert (await post.register.listed(UID), await post.reached()) == ([], [])


async def test_an_address_that_is_taken_away_takes_its_pushes_along(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1, due=clock() + 10_000)
    await post.register.remove(UID, DID)
    assert await post.rows() == []


async def test_the_outcome_of_what_was_taken_away_meanwhile_is_logged_and_harmless(post: Post) -> None:
    await post.put(await post.address(), 1)
    task = await post.take()
    await post.register.remove(UID, DID)
    again = await post.address()
    await post.report(task, Dead("410"))
    assert await post.reached() == [again]
    assert len(await post.register.listed(UID)) == 1
    assert await post.log() == [(1, "dead")]


@pytest.mark.parametrize("outcome", [Sent(), Retry("busy"), Dead("410"), Failed("no"), Dropped("read"), Postponed(0)])
async def test_a_report_of_another_message_changes_no_row(post: Post, outcome: Outcome | Dropped | Postponed) -> None:
    """As it comes from the time before a backup was restored: the numbers of its rows are given a second time."""
    await post.put(await post.address(), 1)
    task = await post.take()
    before = await post.rows()
    await post.report(msgspec.structs.replace(task, mid=5), outcome, told=(1,) if isinstance(outcome, Sent) else ())
    assert await post.rows() == before
    assert len(await post.register.listed(UID)) == 1
    assert await post.reached() == [task.aid]


async def test_a_report_that_comes_twice_is_one_line(post: Post) -> None:
    await post.put(await post.address(), 1)
    report = await post.report(await post.take(), Sent())
    await post.outbox.record(report)
    assert await post.log() == [(1, "sent")]


async def test_what_was_really_sent_twice_is_two_lines(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1)
    task = await post.take()
    await post.report(task, Sent())
    clock.pass_(seconds=1)
    await post.report(task, Sent())
    assert await post.log() == [(1, "sent")] * 2


async def test_a_retry_that_comes_twice_does_not_put_off_the_next_attempt(post: Post, clock: Clock) -> None:
    await post.put(await post.address(), 1)
    report = await post.report(await post.take(), Retry("busy"))
    before = await post.rows()
    clock.pass_(seconds=1)
    await post.outbox.record(report)
    assert await post.rows() == before
    assert await post.log() == [(1, "retry")]


async def test_one_mail_is_on_its_way_at_a_time(post: Post) -> None:
    await post.put(await post.address(Email("bob@example.org")), 1, 2, 3)
    assert (await post.take()).seq == 1
    await post.nothing_more()


async def test_what_waits_for_a_mail_does_not_keep_the_outbox_busy(post: Post, clock: Clock) -> None:
    await post.put(await post.address(Email("bob@example.org")), 1, 2, 3)
    await post.report(await post.take(), Retry("busy", after=900))
    assert await post.rooms.read(lambda connection: connection.execute(NEXT).scalar()) == clock() + 900_000


async def test_a_mail_ends_what_it_tells_of_and_nothing_else(post: Post) -> None:
    await post.put(await post.address(Email("bob@example.org")), 1, 2, 3, 4)
    await post.report(await post.take(), Sent(), told=(1, 3))
    assert await post.log() == [(1, "sent"), (3, "sent")]
    assert [row.seq for row in await post.rows()] == [2, 4]
    assert (await post.take()).seq == 2
    told = await post.rooms.read(lambda connection: connection.execute(select(push_addresses.c.told)).scalar())
    assert told == 3


async def test_old_lines_of_the_log_go_however_many_there_are(post: Post, clock: Clock) -> None:
    await post.address()

    def line(time: int) -> dict[str, Any]:
        names = {"user_id": "bob", "device_id": "phone", "push_type": "apns", "push_status": "sent"}
        return {"message_id": 1, "push_time": time, "created_at": time, "attempt": 0, **names}

    lines = [line(clock())] * (2 * PRUNED + 500) + [line(clock() + LOG_KEPT)] * 10
    await post.rooms.write(lambda tx: tx.execute(insert(push_log), lines) and None)
    await post.wait(seconds=LOG_KEPT / 1000 + 1)

    async def only_the_new_are_left() -> bool:
        count = select(func.count()).select_from(push_log)
        return await post.rooms.read(lambda connection: connection.execute(count).scalar_one()) == 10

    await eventually(only_the_new_are_left)


async def test_a_queue_that_takes_nothing_delays(rooms: Rooms, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line when pushes begin to wait, one when they go on; and everything is given out."""
    monkeypatch.setattr("roost.push.outbox.QUEUE_AWAY", 10)
    refusals = 5

    class Shut(LocalQueue[Task]):
        async def put(self, things: Sequence[Task]) -> None:
            nonlocal refusals
            refusals -= 1
            if refusals >= 0:
                raise Unavailable("The queue can't be reached.")
            await super().put(things)

    post = Post(rooms, clock, Shut())
    await post.put(await post.address(), 1, 2)

    async def passing() -> None:
        while True:
            clock.pass_(seconds=0.01)
            await asyncio.sleep(0.005)

    with capture_logs() as logs:
        async with running(post.outbox.feed(), post.queue.work(post.given.put, at_once=1), passing()):
            assert {(await post.take()).seq, (await post.take()).seq} == {1, 2}
            await eventually(lambda: said(logs, 2))
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("pushes wait", "warning"),
        ("pushes go on", "info"),
    ]


async def said(logs: list[Any], count: int) -> bool:
    return len(logs) >= count


async def test_a_report_that_cannot_be_recorded_is_refused_and_changes_nothing(post: Post) -> None:
    await post.put(await post.address(), 1)
    task = await post.take()
    before = await post.rows()
    with pytest.raises(SQLAlchemyError):
        await post.report(task, Sent(), user_id=None)
    assert (await post.rows(), await post.log()) == (before, [])
