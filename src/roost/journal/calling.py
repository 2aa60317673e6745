"""Calling: pushes for a message that mentions all members of a large conversation, written some members at a time.

A message that mentions some has its pushes in its own transaction, as everywhere. For all it would be a hundred
thousand rows; so the message leaves a note (`calls`), and whoever finds it goes through the members. Those who have the
message in their logs already were here when it came, and are not called.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from roost.db.schema import calls, cursors, members, messages
from roost.journal.append import Milliseconds, Pushes, due
from roost.journal.statements import Besides, Statements

PIECE = 1000
"""Members in one transaction: some milliseconds."""

_of_call = and_(calls.c.cid == bindparam("of"), calls.c.place == bindparam("at"))
OLDEST = select(calls.c.cid, calls.c.place).order_by(calls.c.cid, calls.c.place).limit(1)
LOCKED = (
    select(calls.c.cid, calls.c.place, calls.c.mid, calls.c.uid)
    .order_by(calls.c.cid, calls.c.place)
    .limit(1)
    .with_for_update(skip_locked=True)
)
SENDER = select(messages.c.sender).where(messages.c.mid == bindparam("mid"))
NEXT = (
    select(members.c.uid, cursors.c.place)
    .select_from(members.join(cursors, and_(cursors.c.uid == members.c.uid, cursors.c.cid == members.c.cid)))
    .where(members.c.cid == bindparam("cid"), members.c.uid > bindparam("after"))
    .order_by(members.c.uid)
    .limit(PIECE)
)
WENT_ON: Any = update(calls).where(_of_call).values(uid=bindparam("through"))
ENDED = delete(calls).where(_of_call)


class Called(NamedTuple):
    """How many pushes were written; whether there was anything to do."""

    pushes: int
    any: bool


def is_waiting(connection: Connection) -> bool:
    """Whether there is anything to do."""
    return connection.execute(OLDEST).first() is not None


def call(connection: Connection, statements: Statements, pushes: Pushes, clock: Milliseconds) -> Called:
    """Writes a piece of what is to be written. Part of the caller's write transaction; other nodes pass over it."""
    found = connection.execute(LOCKED).first()
    if found is None:
        return Called(0, any=False)
    this = {"of": found.cid, "at": found.place}
    sender = connection.execute(SENDER, {"mid": found.mid}).scalar() or 0
    piece = connection.execute(NEXT, {"cid": found.cid, "after": found.uid}).all()
    if len(piece) < PIECE:
        connection.execute(ENDED, this)
    else:
        connection.execute(WENT_ON, this | {"through": piece[-1].uid})
    away = [row.uid for row in piece if row.place < found.place]
    where = pushes(connection, away) if away else None
    if where is None:
        return Called(0, any=True)
    rows = due(where([(uid, 0) for uid in away], sender), found.mid, clock())
    statements.store(connection, [], [], Besides(rows))
    return Called(len(rows), any=True)
