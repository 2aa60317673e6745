"""Removing what is older than `audit.keep_days`: the only way in which anything leaves the audit log.

First a page says up to where each chain is removed, then the rows go, some at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from sqlalchemy import Connection, bindparam, delete, func, select

from roost.audit.ledger import Ledger, ledger_of
from roost.audit.pages import PRUNED, End
from roost.audit.reading import last_before
from roost.db.database import Database
from roost.db.schema import audit
from roost.errors import Unavailable
from roost.protocol.codec import encode_json

DAY = 86_400_000
EVERY = 3600.0
"""Seconds between two looks at what is too old."""
AT_ONCE = 500
"""Pages removed in one transaction, which messages wait for."""

LAST_OF_EACH = (
    select(func.max(audit.c.page_id)).where(audit.c.page_id <= bindparam("until")).group_by(audit.c.chain)
).scalar_subquery()
ENDS = select(audit.c.chain, audit.c.position, audit.c.digest).where(audit.c.page_id.in_(LAST_OF_EACH))
OLDEST = (
    select(audit.c.page_id)
    .where(audit.c.page_id <= bindparam("until"))
    .order_by(audit.c.page_id)
    .limit(1)
    .offset(AT_ONCE - 1)
)
REMOVE = delete(audit).where(audit.c.page_id <= bindparam("until"))

logger = structlog.get_logger()


class Pruned(msgspec.Struct):
    """The body of a page that says what is removed: every page up to `until`, which are chains up to these ends."""

    until: int
    ends: list[End]


def announce(tx: Connection, until: int) -> int:
    """Writes the page that says so. Returns how many chains are cut."""
    ledger = ledger_of(tx)
    ends = [End(*row) for row in tx.execute(ENDS, {"until": until})]
    if ledger is None or not ends:
        return 0
    ledger.write(tx, PRUNED, encode_json(Pruned(until, ends)).decode())
    return len(ends)


def remove(tx: Connection, until: int) -> int:
    """Removes the oldest pages up to `until`, some of them. Returns how many."""
    last = tx.execute(OLDEST, {"until": until}).scalar()
    return tx.execute(REMOVE, {"until": until if last is None else last}).rowcount


async def forget(database: Database, before: int) -> int:
    """Removes what was written before `before` (ms). Returns how many pages."""
    until, removed = await database.read(lambda connection: last_before(connection, before)), 0
    if not until or not await database.write(lambda tx: announce(tx, until)):
        return 0
    while count := await database.write(lambda tx: remove(tx, until)):
        removed += count
    return removed


async def keep(database: Database, ledger: Ledger, clock: Callable[[], int]) -> None:
    """Removes again and again what is too old; returns at once where nothing ever is. `clock` gives milliseconds."""
    while ledger.settings.keep_days:
        try:
            removed = await forget(database, clock() - ledger.settings.keep_days * DAY)
        except Unavailable:
            removed = 0
        except Exception:
            logger.exception("what is too old in the audit log is not removed")
            removed = 0
        if removed:
            logger.info("the audit log forgets what is too old", pages=removed)
        await asyncio.sleep(EVERY)
