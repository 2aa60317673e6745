"""Workers: look how things are now, decide, send, report.

A channel that is away is left alone for a while, longer each time; what is due meanwhile is postponed without being
tried. That is one line in the log when it goes away and one when it is back, whatever waits (A9).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from roost.push import plan
from roost.push.contract import Channel, Dropped, Notification, Outcome, Postponed, Report, Retry, Sent, Task
from roost.push.plan import Facts

logger = structlog.get_logger()

TROUBLES = 3
"""Pushes in a row that a service did not take before its channel counts as away: one alone may be about its device."""
FIRST_REST = 1_000
LONGEST_REST = 60_000
"""Milliseconds that a channel is left alone: at first, and at most."""

Look = Callable[[Task], Awaitable[Facts]]
Tell = Callable[[Report], Awaitable[None]]


class Worker:
    """Does tasks. `channels` by platform; `ttl` and the clock in ms; `tell` returns once a report is safe."""

    def __init__(
        self, channels: Mapping[str, Channel], look: Look, tell: Tell, clock: Callable[[], int], *, ttl: int
    ) -> None:
        self._channels = {platform: _Watched(platform, channel, clock) for platform, channel in channels.items()}
        self._look = look
        self._tell = tell
        self._clock = clock
        self._ttl = ttl

    async def handle(self, task: Task) -> None:
        """Does one task. Raises only where nothing could be looked up or told: then it is handed out again."""
        facts = await self._look(task)
        if facts.open:
            outcome, through = await self._do(task, facts)
            await self._tell(
                Report(task, facts.user_id, facts.device_id, facts.platform, self._clock(), outcome, through)
            )

    async def _do(self, task: Task, facts: Facts) -> tuple[Outcome | Dropped | Postponed, int]:
        decided = plan.decide(task, facts, now=self._clock(), ttl=self._ttl)
        if isinstance(decided, Dropped) or facts.address is None:
            return decided if isinstance(decided, Dropped) else Dropped("the address was removed"), 0
        channel = self._channels.get(facts.platform)
        if channel is None:
            return Dropped(f"push by {facts.platform} is switched off"), 0
        outcome = await channel.send(facts, decided)
        mail = facts.platform == "email" and isinstance(outcome, Sent)
        return outcome, max(missed.seq for missed in facts.missed) if mail else 0


class _Watched:
    """A channel, and whether it is there."""

    def __init__(self, platform: str, channel: Channel, clock: Callable[[], int]) -> None:
        self._platform = platform
        self._channel = channel
        self._clock = clock
        self._troubles = 0
        self._rest = FIRST_REST
        self._back_at = 0
        self._away = False

    async def send(self, facts: Facts, notification: Notification) -> Outcome | Postponed:
        assert facts.address is not None
        if self._clock() < self._back_at:
            return Postponed(self._back_at)
        outcome = await self._channel.send(facts.address, notification)
        if isinstance(outcome, Retry):
            self._trouble(outcome)
        else:
            self._well()
        return outcome

    def _trouble(self, outcome: Retry) -> None:
        self._troubles += 1
        if self._troubles < TROUBLES or self._clock() < self._back_at:
            return
        if not self._away:
            logger.warning("a push channel is away", channel=self._platform, reason=outcome.reason)
        self._away = True
        self._back_at = self._clock() + max(self._rest, int((outcome.after or 0) * 1000))
        self._rest = min(2 * self._rest, LONGEST_REST)

    def _well(self) -> None:
        if self._away:
            logger.info("a push channel is back", channel=self._platform)
        self._troubles, self._rest, self._away = 0, FIRST_REST, False
