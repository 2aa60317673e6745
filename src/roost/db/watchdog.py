"""What takes too long on a database server is ended from outside.

A thread that waits for a server which is frozen, or behind a network that swallows everything, waits for ever: no
error comes, and not every driver knows a timeout. So each thread says until when its work has to be done, and where
it has not come back by then its connection is broken under it. What a thread began next by then may be hit instead;
it is what happens to every connection some day.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from roost.db.engine import Engine

LOOK_EVERY = 0.1
"""Seconds between two looks at who is late."""
STUCK_AFTER = 0.5
"""Seconds after its connection was broken that a thread has to come back; a name server can hold it longer."""


class Watchdog:
    """Watches the threads of one database, from the event loop. Without a limit it does nothing."""

    def __init__(self, engine: Engine, stuck: Callable[[int], None]) -> None:
        """`stuck(thread)` is called where breaking the connection did not help."""
        self._engine = engine
        self._stuck = stuck
        self._until: dict[int, float] = {}
        self._loop = asyncio.get_running_loop()
        self._timer = None if engine.limit is None else self._loop.call_later(LOOK_EVERY, self._look)

    def watch(self, until: float) -> None:
        """This thread has to have ended what it does by then (time.monotonic)."""
        self._until[threading.get_ident()] = until

    def ended(self) -> None:
        """It has."""
        self._until.pop(threading.get_ident(), None)

    def close(self) -> None:
        """Nobody is watched any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = time.monotonic()
        for thread, until in list(self._until.items()):
            if now > until:
                self._engine.abort(thread)
            if now > until + STUCK_AFTER:
                self._stuck(thread)
        self._timer = self._loop.call_later(LOOK_EVERY, self._look)
