"""The pinned messages of a conversation, in the order in which they were pinned (D9)."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select

from roost.db.schema import pins


def pinned(connection: Connection, cid: int) -> list[int]:
    """The server ids of the pinned messages, the earliest pin first."""
    query = select(pins.c.mid).where(pins.c.cid == cid).order_by(pins.c.pinned_at, pins.c.mid)
    return list(connection.execute(query).scalars())


def pin(connection: Connection, cid: int, mid: int, now: int) -> None:
    """Pins a message that is not pinned, behind all others."""
    last = connection.execute(select(func.max(pins.c.pinned_at)).where(pins.c.cid == cid)).scalar() or 0
    connection.execute(insert(pins).values(cid=cid, mid=mid, pinned_at=max(now, last + 1)))


def unpin(connection: Connection, cid: int, mid: int) -> None:
    """Unpins a message, if it is pinned."""
    connection.execute(delete(pins).where(pins.c.cid == cid, pins.c.mid == mid))
