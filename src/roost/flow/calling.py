"""Calling all members of a large conversation by push, in the background (see `roost.journal.calling`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from roost.db.database import Database
from roost.flow.fanout import Fanout
from roost.flow.pulling import Pulling
from roost.journal import calling
from roost.journal.journal import Journal

PAUSE = 0.02
"""Seconds between two pieces: nobody's message waits for them."""
LOOK = 5.0
"""Seconds between two looks for what was left by a node that is gone."""

logger = structlog.get_logger()


class Calling:
    """Goes through the members of large conversations for one node. `pushed`: pushes were put into the outbox."""

    def __init__(
        self, database: Database, journal: Journal, fanout: Fanout, pulling: Pulling, pushed: Callable[[], None]
    ) -> None:
        self._database = database
        self._journal = journal
        self._pulling = pulling
        self._pushed = pushed
        self._woken = asyncio.Event()
        fanout.called = self._woken.set

    async def run(self) -> None:
        """Works until cancelled."""
        stuck = False
        while True:
            self._woken.clear()
            try:
                await self._call_all()
                stuck = False
            except Exception as error:  # noqa: BLE001 - said once, and tried again
                if not stuck:
                    logger.warning("calls wait", reason=str(error) or repr(error))
                stuck = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._woken.wait()

    async def _call_all(self) -> None:
        while self._pulling.any and await self._database.read(calling.is_waiting):
            called = await self._database.write(self._journal.call)
            if called.pushes:
                self._pushed()
            if not called.any:  # another node is at it
                return
            await asyncio.sleep(PAUSE)
