"""The watch: finds what no hint has told, by comparing the heads of logs with the database.

A node hears of entries committed elsewhere by hints, and hints may be lost (`roost.deliver.bus`). So every few seconds
it asks how far the logs of its readers go. A reader that knows of less reads on; a lost hint costs it these seconds.
The same look brings the tokens that were revoked elsewhere.

Between reading the heads and judging by them it lets `UNDER_WAY` pass: an entry that was read there a moment before
its hint arrives is none that was lost, and its readers stay in the fast lane.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from roost import metrics
from roost.deliver.hub import Hub

CALM = 5.0
"""Seconds between two looks while the bus tells."""
ALERT = 1.0
"""Seconds between two looks while nobody else does."""
UNDER_WAY = 0.2
"""Seconds that a hint, or one's own commit, may be on its way to the readers."""
PIECE = 1000
"""Logs whose heads are asked for at once."""

Heads = Callable[[Sequence[int]], Awaitable[Mapping[int, int]]]
"""The last seq of each of these logs (uids), as the database has it; nothing for a log without entries."""

logger = structlog.get_logger()


class Watch:
    """The watch of one node. `told` says whether the bus is up; `revoked` is awaited with every look."""

    def __init__(
        self, hub: Hub, heads: Heads, revoked: Callable[[], Awaitable[None]], told: Callable[[], bool]
    ) -> None:
        self._hub = hub
        self._heads = heads
        self._revoked = revoked
        self._told = told
        self._now = asyncio.Event()
        self._failed = False

    def at_once(self) -> None:
        """Hints may have been lost: looks now."""
        self._now.set()

    async def run(self) -> None:
        """Looks again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ALERT):
                    await self._now.wait()
            if self._now.is_set() or not self._told() or loop.time() - looked >= CALM:
                self._now.clear()
                looked = loop.time()
                await self._look()

    async def _look(self) -> None:
        try:
            metrics.WATCH_FOUND.inc(await self.look())
            self._failed = False
        except Exception as error:  # noqa: BLE001 - said once an outage, and tried again in a moment
            if not self._failed:
                logger.warning("the watch can't read the database", reason=str(error) or repr(error))
            self._failed = True

    async def look(self) -> int:
        """Wakes the readers that have not heard how far their logs go; returns how many these were."""
        await self._revoked()
        uids = self._hub.uids()
        heads: dict[int, int] = {}
        for first in range(0, len(uids), PIECE):
            heads |= await self._heads(uids[first : first + PIECE])
        await asyncio.sleep(UNDER_WAY)
        return sum(reader.learn(head) for uid, head in heads.items() for reader in self._hub.readers(uid))
