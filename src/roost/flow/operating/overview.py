"""What an operator wants to know of a deployment: how much there is, and who is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from roost.db.database import Database
from roost.db.schema import conversations, devices, log, messages, push_outbox, users
from roost.journal.behind import Behind, furthest_behind

FRESH = 60_000
"""Milliseconds for which a count is told again: counting looks at every row there is."""


class Counts(NamedTuple):
    """How many there are, at a time (milliseconds)."""

    users: int
    devices: int
    conversations: int
    messages: int
    log_entries: int
    pushes_waiting: int
    counted_at: int


class Overview:
    """Counts, and remembers. `clock` gives milliseconds."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._counts: Counts | None = None
        self._counting = asyncio.Lock()

    async def counts(self) -> Counts:
        """How many there are of what, a minute ago at most."""
        async with self._counting:
            counts = self._counts
            if counts is None or self._clock() - counts.counted_at >= FRESH:
                counts = self._counts = await self._database.read(self._count)
            return counts

    def _count(self, connection: Connection) -> Counts:
        tables = (users, devices, conversations, messages, log, push_outbox)
        numbers = (int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in tables)
        return Counts._make((*numbers, self._clock()))

    async def behind(self, count: int) -> list[Behind]:
        """The devices furthest behind their logs. It looks at every device there is."""
        return await self._database.read(lambda connection: furthest_behind(connection, count))

    @property
    def writes_waiting(self) -> int:
        """Pieces of work that wait for the database."""
        return self._database.waiting
