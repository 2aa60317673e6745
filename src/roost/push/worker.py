"""Workers: look how things are now, decide, send, report.

A service that is away is left alone for a while, longer each time; what is due meanwhile is postponed without being
tried, and one push alone finds out whether it is back. That is one line in the log when it goes away and one when it
is back, whatever waits (A9).

A database that is away is waited for. What was sent must be told, or it would be sent again: a worker holds on to a
report that can't be taken now, and begins nothing else with that hand; it remembers one that is refused, and tells it
again instead of sending again. A worker that is stopped ends what it has begun.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import structlog

from roost.errors import Unavailable
from roost.push import plan
from roost.push.contract import (
    Address,
    Channel,
    Dropped,
    Notification,
    Outcome,
    Postponed,
    Report,
    Retry,
    Sent,
    Task,
    WebPush,
)
from roost.push.plan import Facts

logger = structlog.get_logger()

TROUBLES = 3
"""Pushes in a row that a service did not take before it counts as away: one alone may be about its device."""
FIRST_REST = 1_000
LONGEST_REST = 60_000
"""Milliseconds that a service is left alone: at first, and at most, unless it asks for more."""
APART = 2
"""Milliseconds between those that were turned away, when they come back: 100,000 at once would keep others waiting."""
WATCHED = 1_000
"""Services that are watched, the newest: browsers have a handful, but a user can make names up."""
REMEMBERED = 10_000
"""Reports that were refused, the newest; each belongs to a push that comes back for some time."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to look something up or to tell what became of a push: at first, and at most."""
LOOKING = "pushes can't be looked up", "pushes are looked up again"
TELLING = "what became of pushes can't be recorded", "what became of pushes is recorded again"
"""What the log says when that begins and ends."""

A = TypeVar("A")
R = TypeVar("R")

Look = Callable[[Task], Awaitable[Facts]]
Tell = Callable[[Report], Awaitable[None]]


def patiently(do: Callable[[A], Awaitable[R]], words: tuple[str, str]) -> Callable[[A], Awaitable[R]]:
    """Does as `do` does, and where that raises `Unavailable` again and again until it does not.

    Two lines in the log, however long it takes and however many wait.
    """
    mute = False

    async def done(argument: A) -> R:
        nonlocal mute
        pause = FIRST_PAUSE
        while True:
            try:
                result = await do(argument)
            except Unavailable as error:
                if not mute:
                    logger.warning(words[0], reason=str(error))
                mute = True
            else:
                if mute:
                    logger.info(words[1])
                mute = False
                return result
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    return done


class Worker:
    """Does tasks. `channels` by platform; `ttl`, `grace` and the clock in ms.

    `tell` returns once a report is safe. Both `look` and `tell` raise `Unavailable` where they can't now.
    """

    def __init__(
        self, channels: Mapping[str, Channel], look: Look, tell: Tell, clock: Callable[[], int], *, ttl: int, grace: int
    ) -> None:
        self._channels = channels
        self._services: dict[str, _Service] = {}
        self._look = patiently(look, LOOKING)
        self._tell = patiently(tell, TELLING)
        self._clock = clock
        self._ttl = ttl
        self._grace = grace
        self._untold: dict[tuple[int, int], Report] = {}
        self._under_way: set[tuple[int, int]] = set()
        self._done = asyncio.Event()
        self._ending = False

    async def handle(self, task: Task) -> None:
        """Does one task. Raises where nothing could be looked up, or told for good: then it is handed out again."""
        if self._ending:
            await asyncio.Event().wait()  # for its cancellation: the queue keeps it
        attempt = (task.task_id, task.attempt)
        if attempt in self._under_way:
            return  # a copy: the outbox had given up on this one
        self._under_way.add(attempt)
        try:
            if attempt not in self._untold:
                facts = await self._look(task)
                if not facts.open:
                    return
                self._remember(attempt, await self._do(task, facts))
            await self._tell(self._untold[attempt])
            self._untold.pop(attempt, None)
        finally:
            self._under_way.discard(attempt)
            self._done.set()

    async def finish(self, within: float) -> None:
        """Begins nothing more, and returns when what is under way is done, or after so many seconds."""
        self._ending = True
        try:
            async with asyncio.timeout(within):
                while self._under_way:
                    self._done.clear()
                    await self._done.wait()
        except TimeoutError:
            logger.warning("pushes are cut off, and may be sent twice", count=len(self._under_way))

    def _remember(self, attempt: tuple[int, int], report: Report) -> None:
        self._untold[attempt] = report
        if len(self._untold) > REMEMBERED:
            del self._untold[next(iter(self._untold))]

    async def _do(self, task: Task, facts: Facts) -> Report:
        outcome, told = await self._outcome(task, facts)
        return Report(task, facts.user_id, facts.device_id, facts.platform, self._clock(), outcome, told)

    async def _outcome(self, task: Task, facts: Facts) -> tuple[Outcome | Dropped | Postponed, tuple[int, ...]]:
        decided = plan.decide(task, facts, now=self._clock(), ttl=self._ttl, grace=self._grace)
        if not isinstance(decided, Notification):
            return decided, ()
        assert facts.address is not None
        channel = self._channels.get(facts.platform)
        if channel is None:
            return Dropped(f"push by {facts.platform} is switched off"), ()
        service = self._service(facts.platform, facts.address)
        if (until := service.away_until()) is not None:
            return Postponed(until), ()
        with service.asked() as answered:
            answered(outcome := await channel.send(facts.address, decided))
        mail = facts.platform == "email" and isinstance(outcome, Sent)
        return outcome, tuple(missed.seq for missed in facts.missed if missed.seq) if mail else ()

    def _service(self, platform: str, address: Address) -> _Service:
        """Who takes pushes to an address. Browsers' services are many, and one must not make the others wait."""
        name = f"{platform} {urlsplit(address.endpoint).netloc}" if isinstance(address, WebPush) else platform
        if name not in self._services:
            self._services[name] = _Service(name, self._clock)
            if len(self._services) > WATCHED:
                del self._services[next(iter(self._services))]
        return self._services[name]


class _Service:
    """Who takes pushes, and whether it is there. `name` is for the log."""

    def __init__(self, name: str, clock: Callable[[], int]) -> None:
        self._name = name
        self._clock = clock
        self._troubles = 0
        self._rest = FIRST_REST
        self._back_at = 0
        self._away = False
        self._probed = False
        self._turned_away = 0

    def away_until(self) -> int | None:
        """Until when (ms) it is to be left alone; None: it may be asked now. Later for each that is turned away."""
        now = self._clock()
        if now >= self._back_at and not self._probed:
            return None
        self._turned_away += 1
        return max(self._back_at, now + (FIRST_REST if self._probed else 0)) + APART * (self._turned_away - 1)

    @contextlib.contextmanager
    def asked(self) -> Iterator[Callable[[Outcome], None]]:
        """Around a push to it, whose outcome is given to what this yields."""
        probe = self._probed = self._away

        def answered(outcome: Outcome) -> None:
            if not isinstance(outcome, Retry):
                self._well()
            elif probe or not self._away:
                self._trouble(outcome)

        try:
            yield answered
        finally:
            if probe:
                self._probed = False

    def _trouble(self, outcome: Retry) -> None:
        self._troubles += 1
        if self._troubles < TROUBLES:
            return
        if not self._away:
            logger.warning("a push service is away", service=self._name, reason=outcome.reason)
        self._away = True
        asked = min(outcome.after or 0.0, plan.LONGEST_ASKED)
        self._turned_away = 0
        self._back_at = self._clock() + max(self._rest, int(asked * 1000))
        self._rest = min(2 * self._rest, LONGEST_REST)

    def _well(self) -> None:
        if self._away:
            logger.info("a push service is back", service=self._name)
        self._troubles, self._rest, self._back_at, self._away = 0, FIRST_REST, 0, False
        self._turned_away = 0
