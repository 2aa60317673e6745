"""A worker: what it does when its reports can't be taken, when it is stopped, and when a service is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from structlog.testing import capture_logs

from roost.errors import Unavailable
from roost.push.contract import (
    Address,
    Apns,
    Channel,
    Dropped,
    Keys,
    Notification,
    Outcome,
    Postponed,
    Report,
    Retry,
    Sent,
    Task,
    WebPush,
)
from roost.push.plan import LONGEST_ASKED, Facts
from roost.push.worker import APART, FIRST_REST, LONGEST_REST, TROUBLES, Worker
from tests.push.test_plan import GOOD, GRACE, TASK, TTL
from tests.rooms import Clock

AWAY = Retry("nobody is there")


class Line:
    """A channel that answers as the test says, and keeps what it was asked to send."""

    def __init__(self) -> None:
        self.answer: Callable[[Address], Outcome] = lambda _: Sent()
        self.sent: list[Address] = []
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, address: Address, notification: Notification) -> Outcome:
        self.sent.append(address)
        self.asked.set()
        await self.open.wait()
        return self.answer(address)

    async def close(self) -> None:
        pass


class Desk:
    """A worker, its line, and the reports it has told. `address` is where all its tasks go."""

    def __init__(self, clock: Clock) -> None:
        self.line = Line()
        self.reports: list[Report] = []
        self.refusals: list[Exception] = []
        self.outages: list[Exception] = []
        self.address: Address = Apns("abcd")
        channels: dict[str, Channel] = {"apns": self.line, "webpush": self.line}
        self.worker = Worker(channels, self._look, self._tell, clock, ttl=TTL, grace=GRACE)

    async def _look(self, task: Task) -> Facts:
        if self.outages:
            raise self.outages.pop()
        platform = str(type(self.address).__struct_config__.tag)
        return msgspec.structs.replace(GOOD, address=self.address, platform=platform)

    async def _tell(self, report: Report) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.reports.append(report)

    async def do(self, count: int = 1) -> list[object]:
        """What became of so many tasks, one after the other."""
        first = len(self.reports)
        async with asyncio.timeout(10):
            for number in range(count):
                await self.worker.handle(msgspec.structs.replace(TASK, task_id=first + number))
        return [report.outcome for report in self.reports[first:]]


@pytest.fixture
def desk(clock: Clock) -> Desk:
    return Desk(clock)


async def test_what_was_sent_is_not_sent_again_while_it_cannot_be_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.push.worker.FIRST_PAUSE", 0.001)
    desk.refusals = [Unavailable(), Unavailable(), Unavailable()]
    with capture_logs() as logs:
        assert await desk.do() == [Sent()]
    assert len(desk.line.sent) == 1
    assert [line["log_level"] for line in logs] == ["warning", "info"]


async def test_while_nothing_can_be_looked_up_a_worker_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roost.push.worker.FIRST_PAUSE", 0.001)
    desk.outages = [Unavailable(), Unavailable(), Unavailable()]
    with capture_logs() as logs:
        assert await desk.do() == [Sent()]
    assert [line["event"] for line in logs] == ["pushes can't be looked up", "pushes are looked up again"]


async def test_what_was_sent_is_not_sent_again_because_its_report_was_refused(desk: Desk) -> None:
    desk.refusals = [ValueError("a report like no other")]
    with pytest.raises(ValueError, match="no other"):
        await desk.worker.handle(TASK)
    await desk.worker.handle(TASK)
    assert (len(desk.line.sent), len(desk.reports)) == (1, 1)


async def test_a_copy_of_what_is_under_way_is_not_sent(desk: Desk) -> None:
    desk.line.open.clear()
    begun = asyncio.create_task(desk.worker.handle(TASK))
    await desk.line.asked.wait()
    await desk.worker.handle(TASK)
    desk.line.open.set()
    await begun
    assert (len(desk.line.sent), len(desk.reports)) == (1, 1)


async def test_one_that_is_stopped_ends_what_it_has_begun(desk: Desk) -> None:
    desk.line.open.clear()
    begun = asyncio.create_task(desk.worker.handle(TASK))
    await desk.line.asked.wait()
    finishing = asyncio.create_task(desk.worker.finish(30))
    await asyncio.sleep(0)
    assert not finishing.done()
    desk.line.open.set()
    await finishing
    await begun
    assert [report.outcome for report in desk.reports] == [Sent()]


async def test_one_that_is_stopped_begins_nothing(desk: Desk) -> None:
    await desk.worker.finish(0)
    late = asyncio.create_task(desk.worker.handle(TASK))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (desk.line.sent, late.done()) == ([], False)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late


async def test_one_that_is_stopped_does_not_wait_for_ever(desk: Desk) -> None:
    desk.line.open.clear()
    begun = asyncio.create_task(desk.worker.handle(TASK))
    await desk.line.asked.wait()
    with capture_logs() as logs:
        await desk.worker.finish(0)
    assert [line["count"] for line in logs] == [1]
    begun.cancel()


async def test_a_platform_that_is_off_is_told_as_such(desk: Desk) -> None:
    desk.worker = Worker({}, desk._look, desk._tell, Clock(), ttl=TTL, grace=GRACE)
    assert await desk.do() == [Dropped("push by apns is switched off")]


async def test_a_service_that_is_away_is_left_alone(desk: Desk, clock: Clock) -> None:
    desk.line.answer = lambda _: AWAY
    outcomes = await desk.do(TROUBLES + 5)
    back = clock() + FIRST_REST
    assert outcomes == [AWAY] * TROUBLES + [Postponed(back + number * APART) for number in range(5)]
    assert len(desk.line.sent) == TROUBLES


async def test_a_single_refusal_is_no_outage(desk: Desk) -> None:
    for answer in (AWAY, AWAY, Sent(), AWAY, AWAY, Sent()):
        desk.line.answer = lambda _, answer=answer: answer  # type: ignore[misc]
        assert await desk.do() == [answer]


async def test_it_is_left_alone_for_longer_each_time(desk: Desk, clock: Clock) -> None:
    desk.line.answer = lambda _: AWAY
    await desk.do(TROUBLES)
    rests = []
    for _ in range(10):
        [postponed] = await desk.do()
        assert isinstance(postponed, Postponed)
        rests.append(postponed.until - clock())
        clock.now = postponed.until
        await desk.do()
    assert rests[:3] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST]
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST


async def test_one_push_alone_finds_out_whether_it_is_back(desk: Desk, clock: Clock) -> None:
    desk.line.answer = lambda _: AWAY
    await desk.do(TROUBLES)
    clock.pass_(seconds=FIRST_REST / 1000)
    desk.line.open.clear()
    desk.line.asked.clear()
    probe = asyncio.create_task(desk.worker.handle(TASK))
    await desk.line.asked.wait()
    assert await desk.do(2) == [Postponed(clock() + FIRST_REST), Postponed(clock() + FIRST_REST + APART)]
    desk.line.answer = lambda _: Sent()
    desk.line.open.set()
    await probe
    assert await desk.do(2) == [Sent(), Sent()]


async def test_an_outage_is_two_lines(desk: Desk, clock: Clock) -> None:
    desk.line.answer = lambda _: AWAY
    with capture_logs() as logs:
        await desk.do(50)
        for _ in range(20):
            clock.pass_(seconds=LONGEST_REST / 1000)
            await desk.do(10)
        clock.pass_(seconds=LONGEST_REST / 1000)
        desk.line.answer = lambda _: Sent()
        await desk.do(50)
    assert [(line["event"], line["service"]) for line in logs] == [
        ("a push service is away", "apns"),
        ("a push service is back", "apns"),
    ]


async def test_what_a_service_asks_for_is_kept_up_to_a_day(desk: Desk, clock: Clock) -> None:
    desk.line.answer = lambda _: Retry("busy", 900)
    await desk.do(TROUBLES)
    assert await desk.do() == [Postponed(clock() + 900_000)]
    clock.pass_(seconds=900)
    desk.line.answer = lambda _: Retry("busy", 1e9)
    await desk.do()
    assert await desk.do() == [Postponed(clock() + int(LONGEST_ASKED * 1000))]


async def test_one_browsers_push_service_does_not_hold_up_another(desk: Desk) -> None:
    keys = Keys("", "")
    desk.line.answer = lambda address: AWAY if "bad" in str(address) else Sent()
    desk.address = WebPush("https://bad.example.org/1", keys)
    assert isinstance((await desk.do(TROUBLES + 1))[-1], Postponed)
    desk.address = WebPush("https://good.example.org/1", keys)
    assert await desk.do() == [Sent()]
