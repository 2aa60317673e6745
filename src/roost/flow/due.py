"""Doing what is due when it is due: the loop behind everything that the server does by itself at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from roost.errors import Unavailable

LOOK_AGAIN = 5.0
"""Seconds after which it is looked again: another node may have put something there, and be gone."""
LOOK_SOON = 0.02
"""Seconds until then at least: what is due may just be done by another node."""
AWAY = 2.0
"""Seconds after which it is tried again where the database is away."""

logger = structlog.get_logger()


class Due:
    """Calls `work` again and again; `run` it."""

    def __init__(
        self, what: str, work: Callable[[], Awaitable[int | None]], clock: Callable[[], int], *, rest: float = 0.0
    ) -> None:
        """`work` does what is due, and returns when the next is (ms), or None; `clock` gives milliseconds.

        `rest`: seconds after a call for which more calls become one.
        """
        self._rest = rest
        self._what = what
        self._work = work
        self._clock = clock
        self._called = asyncio.Event()
        self._stuck = False

    def wake(self) -> None:
        """There is something new."""
        self._called.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._called.clear()  # before it looks: what comes meanwhile calls again
            try:
                due = await self._work()
                self._stuck = False
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._waits(error)
                await asyncio.sleep(AWAY)
                continue
            wait = LOOK_AGAIN if due is None else min(LOOK_AGAIN, max(LOOK_SOON, (due - self._clock()) / 1000))
            try:
                async with asyncio.timeout(wait):
                    await self._called.wait()
                await asyncio.sleep(self._rest)
            except TimeoutError:
                pass

    def _waits(self, error: Exception) -> None:
        """One line an outage, however many attempts it outlasts."""
        if not self._stuck:
            trace = None if isinstance(error, Unavailable) else error
            logger.warning("what is due waits", what=self._what, reason=str(error) or repr(error), exc_info=trace)
        self._stuck = True
