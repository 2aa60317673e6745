"""A few threads that read, each on a connection that cannot write (see `roost.db.database`)."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from roost.db.engine import Engine
from roost.db.watchdog import Watchdog
from roost.errors import Unavailable

T = TypeVar("T")

PATIENCE = 4.5
"""Seconds until one who waits for a reading is told that there is none, whatever hangs: less than five."""


class Readers:
    """Runs queries. `away` tells whether the database is known to be away; `lost` is called where it was not found."""

    def __init__(
        self, engine: Engine, count: int, watchdog: Watchdog, away: Callable[[], bool], lost: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._limit = math.inf if engine.limit is None else engine.limit
        self._patience = None if engine.limit is None else PATIENCE
        self._watchdog = watchdog
        self._away = away
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self.threads = ThreadPoolExecutor(count, "roost-reader")
        self._mine = threading.local()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs `query` in one of the threads. Raises `Unavailable` where the database does not answer."""
        reading = self._loop.run_in_executor(self.threads, self._run, query)
        try:
            async with asyncio.timeout(self._patience):  # `wait_for` may swallow a cancellation
                return await reading
        except TimeoutError:
            raise unread() from None

    def close(self) -> None:
        """Ends the threads."""
        self.threads.shutdown()

    def _run(self, query: Callable[[Connection], T]) -> T:
        if self._away():
            raise unread()
        started = time.monotonic()
        self._watchdog.watch(started + self._limit)
        try:
            return self._read(query)
        except Exception as error:
            if not self._engine.lost(error):
                raise
            if time.monotonic() > started + self._limit / 2:
                self._lost()
                raise unread() from None
        finally:
            self._watchdog.ended()
        return self._read_again(query, started)

    def _read_again(self, query: Callable[[Connection], T], started: float) -> T:
        """The connection may have broken long ago: another one is tried."""
        self._watchdog.watch(started + self._limit)
        try:
            connection = getattr(self._mine, "connection", None)
            if connection is not None:
                self._engine.renew(connection)
            return self._read(query)
        except Exception as error:
            if not self._engine.lost(error):
                raise
            self._lost()
            raise unread() from None
        finally:
            self._watchdog.ended()

    def _read(self, query: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self._engine.reader(limited=True)
        try:
            self._engine.begin_reading(connection)
            return query(connection)
        finally:
            self._engine.rollback(connection)


def unread() -> Unavailable:
    """The database did not answer a reading."""
    return Unavailable("The database does not answer; try again in a moment.", retry_after=1)
