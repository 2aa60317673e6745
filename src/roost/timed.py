"""What a node does by itself: it keeps the search index up, erases, and does what is due when it is due."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from roost import adapters
from roost.admit.ratelimit import RateLimit
from roost.config import Config
from roost.db.database import Database
from roost.deliver.bus import Bus
from roost.deliver.hub import Hub
from roost.flow.calling import Calling
from roost.flow.due import Due
from roost.flow.fanout import Fanout
from roost.flow.messages.drafts import Drafts
from roost.flow.messages.expiring import Expiring
from roost.flow.messages.scheduled import Scheduling
from roost.flow.operating.erasing import Erasing
from roost.flow.pulling import Pulling
from roost.flow.search.indexing import Indexing
from roost.flow.search.searching import Searching
from roost.journal.journal import Journal

Clock = Callable[[], int]
"""Gives milliseconds."""


DRAFTS = 0.3
"""Seconds after a message in which its draft is cleared: one look for all that were sent meanwhile."""


async def search(config: Config, database: Database, fanout: Fanout, stack: contextlib.AsyncExitStack) -> Searching:
    """Search, and what keeps its index up until `stack` is left."""
    index = adapters.search_index(config.server.database) if config.search.enabled else None
    if index is not None:
        indexing = Indexing(database, index)
        fanout.said = indexing.said
        await stack.enter_async_context(_in_background(indexing.run))
    return Searching(database, index, RateLimit(config.search.per_minute, time.monotonic, "searches"))


async def expire(
    database: Database, journal: Journal, fanout: Fanout, clock: Clock, stack: contextlib.AsyncExitStack
) -> None:
    """Has messages expire until `stack` is left."""
    due = Due("messages that expire", Expiring(database, journal, fanout, clock).work, clock)
    fanout.timed = due.wake
    await stack.enter_async_context(_in_background(due.run))


async def pull(
    database: Database,
    journal: Journal,
    fanout: Fanout,
    hub: Hub,
    bus: Bus,
    *,
    pushed: Callable[[], None],
    stack: contextlib.AsyncExitStack,
) -> Pulling:
    """Pulls from the logs of large conversations, and calls their members, until `stack` is left."""
    pulling = Pulling(database, journal, fanout, hub, bus)
    await pulling.begin()
    await stack.enter_async_context(_in_background(pulling.run))
    await stack.enter_async_context(_in_background(Calling(database, journal, fanout, pulling, pushed).run))
    return pulling


async def erase(erasing: Erasing, stack: contextlib.AsyncExitStack) -> None:
    """Has users' data erased until `stack` is left."""
    await stack.enter_async_context(_in_background(erasing.run))


async def schedule(scheduling: Scheduling, clock: Clock, stack: contextlib.AsyncExitStack) -> Scheduling:
    """Has scheduled messages sent until `stack` is left."""
    due = Due("scheduled messages", scheduling.work, clock)
    scheduling.changed = due.wake
    await stack.enter_async_context(_in_background(due.run))
    return scheduling


async def keep_drafts(drafts: Drafts, fanout: Fanout, clock: Clock, stack: contextlib.AsyncExitStack) -> Drafts:
    """Has drafts told and cleared until `stack` is left."""
    due = Due("drafts", drafts.work, clock, rest=DRAFTS)
    drafts.changed = due.wake
    fanout.wrote = drafts.sent
    await stack.enter_async_context(_in_background(due.run))
    return drafts


@contextlib.asynccontextmanager
async def _in_background(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Does something beside everything else, until the block ends."""
    running = asyncio.ensure_future(work())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
