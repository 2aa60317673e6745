"""Messages that expire: `ttl` seconds after it was stored, the content of such a message is gone (D9).

It is recalled then, as of the moment at which its time was over, and entered again in the log of each member of now.
What is to go is in a table, written in the message's own transaction, so it goes whatever happens to the node that took
it. Each node looks for what is due; who takes the row out of the table does it, in the same transaction: once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from roost.db.database import Database
from roost.db.schema import expiring
from roost.flow.fanout import Fanout
from roost.flow.messages.changing import recalled
from roost.journal import rewriting
from roost.journal.contract import Recorded
from roost.journal.journal import Journal
from roost.roster import conversations as roster
from roost.roster import pins

AT_ONCE = 100
"""Messages looked for at once."""

DUE = select(expiring.c.mid).where(expiring.c.due_at <= bindparam("now")).order_by(expiring.c.due_at).limit(AT_ONCE)
NEXT = select(expiring.c.due_at).order_by(expiring.c.due_at).limit(1)
TAKE = delete(expiring).where(expiring.c.mid == bindparam("mid"))


class Expiring:
    """Has the content of messages go when their time is over."""

    def __init__(self, database: Database, journal: Journal, fanout: Fanout, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._clock = clock

    async def work(self) -> int | None:
        """Does what is due; returns when the next is (ms), None where nothing is known to be."""
        while True:
            now = self._clock()
            due = await self._database.read(lambda connection: list(connection.execute(DUE, {"now": now}).scalars()))  # noqa: B023
            for mid in due:
                await self._expire(mid)
            if len(due) < AT_ONCE:
                return await self._database.read(_next)

    async def _expire(self, mid: int) -> None:
        def change(tx: Connection) -> Recorded | None:
            return _expire(tx, self._journal, mid)

        def tell(recorded: Recorded | None) -> None:
            if recorded is not None:
                self._fanout.change(recorded)

        await self._database.write(change, tell)


def _next(connection: Connection) -> int | None:
    due: Any = connection.execute(NEXT).scalar()
    return None if due is None else int(due)


def _expire(tx: Connection, journal: Journal, mid: int) -> Recorded | None:
    """Empties a message, unless another node has, or it was recalled; tells the members of now."""
    found = rewriting.find(tx, 0, mid)
    told = roster.locked_audience(tx, found.conversation_id)
    if not tx.execute(TAKE, {"mid": mid}).rowcount:
        return None
    message = rewriting.read(tx, mid)
    if message.recall_time:
        return None
    emptied = recalled(message, message.expire_time, None)
    emptied.version += 1
    if message.pinned:
        pins.unpin(tx, found.cid, mid)
    rewriting.rewrite(tx, emptied)
    return journal.record(tx, emptied, told, None)
