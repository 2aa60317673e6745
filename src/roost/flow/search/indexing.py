"""Keeping the search index up with what is said, in the background.

What a message is sent by does not know of the index; this is only told that something was said, and where. It indexes
a few messages at a time and then rests for many times as long, so that under load the index falls behind, and the send
path does not. What it was not told of (another process was, and is gone) it finds by looking at all conversations,
after a start and then from time to time: what is behind its mark is in the database (`roost.search.indexing`).
"""

from __future__ import annotations

import asyncio
import time
from itertools import islice

import structlog

from roost.db.database import Database
from roost.errors import Unavailable
from roost.metrics import SEARCH_BEHIND, SEARCH_INDEXED
from roost.search import indexing
from roost.search.contract import Index

SOON = 0.2
"""Seconds after which what was said is indexed: what comes meanwhile is one piece of work with it."""
REST, REST_WHEN_BUSY = 2, 10
"""How many times as long as it works it rests. It takes less than a tenth of the time of a server to which more is said
than it indexes."""
LOOK_AGAIN = 600.0
"""Seconds after which all conversations are looked at again."""
MOST = 50_000
"""Conversations remembered to be behind (some megabytes); of more, the next look at all finds what they lack."""
FEW = 1000
"""With fewer of them remembered, a look at all goes on."""
AWAY = 2.0
"""Seconds after which it is tried again where the database is away."""

logger = structlog.get_logger()


class Indexing:
    """Feeds the index of one node's messages; `run` it."""

    def __init__(self, database: Database, index: Index) -> None:
        self._database = database
        self._index = index
        self._behind: dict[str, int] = {}
        self._said = 0
        self._called = asyncio.Event()
        self._look_from: int | None = 0
        self._looked_at = 0.0
        self._stuck = False

    def said(self, conversation_id: str) -> None:
        """A message is new there, or another now."""
        self._said += 1
        behind = self._behind
        if conversation_id in behind or len(behind) < MOST:
            behind[conversation_id] = behind.get(conversation_id, 0) + 1
        else:
            self._looked_at = -LOOK_AGAIN
        self._called.set()

    @property
    def behind(self) -> int:
        """Messages that are known not to be indexed yet."""
        return sum(self._behind.values())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._called.clear()  # before it looks: what is said meanwhile calls again
            try:
                worked = await self.step()
                self._stuck = False
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._waits(error)
                await asyncio.sleep(AWAY)
                continue
            SEARCH_BEHIND.set(self.behind)
            if worked is None:
                await self._rest()
            else:
                busy, self._said = self._said > indexing.AT_ONCE, 0
                await asyncio.sleep(worked * (REST_WHEN_BUSY if busy else REST))

    async def step(self) -> float | None:
        """Indexes a piece, or looks for what lacks; returns how long it took (s), None where nothing is to be done."""
        begun = time.monotonic()
        if await self._index_some() or await self._look():
            return time.monotonic() - begun
        return None

    async def _rest(self) -> None:
        """Until something is said, and a little longer; or it is time to look at all again."""
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._called.wait()
        except TimeoutError:
            return
        await asyncio.sleep(SOON)

    async def _index_some(self) -> bool:
        """Whether there was anything to be indexed."""
        names = list(islice(self._behind, indexing.AT_ONCE))
        known = {name: self._behind[name] for name in names}
        texts = await self._database.read(lambda connection: indexing.collect(connection, names))
        found = indexing.lacking(texts)
        full = len(texts) >= indexing.AT_ONCE
        for name, count in known.items():
            if name not in found and not full:
                self._lower(name, count)  # nothing is lacking there
        if not texts:
            return False
        done = await self._database.write(lambda tx: indexing.store(tx, self._index, texts))
        for name, count in found.items():
            self._lower(name, count)
        SEARCH_INDEXED.inc(done)
        return True

    def _lower(self, name: str, count: int) -> None:
        """What was said since it was looked at is still to be indexed."""
        left = self._behind.pop(name, 0) - count
        if left > 0:
            self._behind[name] = left  # at the end of the line

    async def _look(self) -> bool:
        """A step of a look at all conversations; whether there was one."""
        now = time.monotonic()
        if self._look_from is None:
            if now - self._looked_at < LOOK_AGAIN:
                return False
            self._look_from = 0
        if len(self._behind) >= FEW:
            return False
        after = self._look_from
        self._look_from, lacking = await self._database.read(lambda connection: indexing.behind(connection, after))
        if self._look_from is None:
            self._looked_at = now
        self._behind |= {name: count for name, count in lacking.items() if name not in self._behind}
        return True

    def _waits(self, error: Exception) -> None:
        """One line an outage, however many attempts it outlasts."""
        if not self._stuck:
            trace = None if isinstance(error, Unavailable) else error
            logger.warning("indexing for search waits", reason=str(error) or repr(error), exc_info=trace)
        self._stuck = True
