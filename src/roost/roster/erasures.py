"""Users whose data is being erased: who they are, and how far it is."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from roost.db.schema import erasures, users
from roost.errors import NotFound


class Erasure(NamedTuple):
    """How far the erasing of a user's data is. Times in milliseconds; `done_at` is None while it goes on."""

    uid: int
    user_id: str
    asked_at: int
    passed: str
    emptied: int
    done_at: int | None


_ERASURE = select(
    erasures.c.uid,
    users.c.user_id,
    erasures.c.asked_at,
    erasures.c.passed,
    erasures.c.emptied,
    erasures.c.done_at,
).select_from(erasures.join(users, users.c.uid == erasures.c.uid))


def begin_erasure(tx: Connection, uid: int, now: int) -> None:
    """A user's data is to be erased."""
    tx.execute(insert(erasures).values(uid=uid, asked_at=now, passed="", emptied=0, worked_at=0))


def erasure_of(connection: Connection, uid: int) -> Erasure:
    """How far it is. Raises `NotFound` where nobody has asked for it."""
    row = connection.execute(_ERASURE.where(erasures.c.uid == uid)).first()
    if row is None:
        raise NotFound("Nobody has asked to erase this user's data.")
    return Erasure(*row)


def take_erasure(tx: Connection, now: int, left_before: int) -> Erasure | None:
    """One that is not done and that no node has worked at since `left_before`; it is the caller's for now."""
    waiting = (
        _ERASURE.add_columns(erasures.c.worked_at)
        .where(erasures.c.done_at.is_(None), erasures.c.worked_at < left_before)
        .limit(1)
    )
    row = tx.execute(waiting).first()
    if row is None:
        return None
    mine = update(erasures).where(erasures.c.uid == row.uid, erasures.c.worked_at == row.worked_at)
    taken = tx.execute(mine.values(worked_at=max(now, row.worked_at + 1))).rowcount  # MySQL counts what becomes another
    return Erasure(*row[:-1]) if taken else None


def note_progress(tx: Connection, uid: int, passed: str, emptied: int, now: int) -> None:
    """The messages up to the message id `passed` are empty; so many more have become so."""
    change = update(erasures).where(erasures.c.uid == uid)
    tx.execute(change.values(passed=passed, emptied=erasures.c.emptied + emptied, worked_at=now))


def note_done(tx: Connection, uid: int, now: int) -> None:
    """Nothing is left to do."""
    tx.execute(update(erasures).where(erasures.c.uid == uid).values(done_at=now))
