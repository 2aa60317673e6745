"""Whom users do not want to hear of. Functions take the connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from roost.db.rows import fetch
from roost.db.schema import blocks, users


class Block(NamedTuple):
    """A user who is blocked, since when (milliseconds)."""

    user_id: str
    blocked_at: int


OF_USER = (
    select(users.c.user_id, blocks.c.blocked_at)
    .select_from(blocks.join(users, users.c.uid == blocks.c.blocked))
    .where(blocks.c.uid == bindparam("uid"))
)
COUNT = select(func.count()).select_from(blocks).where(blocks.c.uid == bindparam("uid"))
ONE = select(blocks.c.uid).where(blocks.c.uid == bindparam("uid"), blocks.c.blocked == bindparam("blocked"))
BLOCKERS = (
    select(users.c.user_id)
    .select_from(users.join(blocks, (blocks.c.uid == users.c.uid) & (blocks.c.blocked == bindparam("uid"))))
    .where(users.c.user_id.in_(bindparam("names", expanding=True)))
)
BLOCKED_AMONG = (
    select(blocks.c.blocked)
    .select_from(users.join(blocks, blocks.c.uid == users.c.uid))
    .where(users.c.user_id == bindparam("name"), blocks.c.blocked.in_(bindparam("viewers", expanding=True)))
)

READ = select(blocks.c.uid, blocks.c.read_seq).where(
    blocks.c.uid.in_(bindparam("others", expanding=True)), blocks.c.blocked == bindparam("uid")
)


def of_user(connection: Connection, uid: int) -> list[Block]:
    """Whom a user has blocked, the latest first."""
    found = [Block(*row) for row in fetch(connection, OF_USER, uid=uid)]
    return sorted(found, key=lambda one: (-one.blocked_at, one.user_id))


def count(connection: Connection, uid: int) -> int:
    """How many a user has blocked."""
    return int(connection.execute(COUNT, {"uid": uid}).scalar_one())


def is_blocked(connection: Connection, uid: int, by: int) -> bool:
    """Whether a user is blocked by another."""
    return connection.execute(ONE, {"uid": by, "blocked": uid}).first() is not None


def blockers(connection: Connection, uid: int, names: Collection[str]) -> frozenset[str]:
    """Those of the users (ids) who have blocked `uid`."""
    found = connection.execute(BLOCKERS, {"uid": uid, "names": list(names)})
    return frozenset(found.scalars())


def blocked_among(connection: Connection, name: str, viewers: Collection[int]) -> frozenset[int]:
    """Those of the viewers (uids) whom the user `name` has blocked."""
    found = connection.execute(BLOCKED_AMONG, {"name": name, "viewers": list(viewers)})
    return frozenset(found.scalars())


def read_by_blockers(connection: Connection, uid: int, others: Collection[int]) -> dict[int, int]:
    """Those of the users (uids) who have blocked `uid`, each with how far it may see that they have read."""
    if not others:
        return {}
    found = connection.execute(READ, {"uid": uid, "others": list(others)})
    return {row.uid: row.read_seq for row in found}


def block(connection: Connection, uid: int, blocked: int, now: int, read_seq: int) -> None:
    """Stores that `uid`, who has read their conversation up to `read_seq`, has blocked another, which was not so."""
    connection.execute(insert(blocks).values(uid=uid, blocked=blocked, blocked_at=now, read_seq=read_seq))


def unblock(connection: Connection, uid: int, blocked: int) -> None:
    """Takes that back."""
    connection.execute(delete(blocks).where(blocks.c.uid == uid, blocks.c.blocked == blocked))
