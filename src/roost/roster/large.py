"""Large conversations, as far as it is who belongs to them: growing, cursors, members in pages.

A member of a large conversation has a cursor in its log (`roost.journal.large`), made and removed with the membership.
A conversation that was large once stays so: its log is there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, literal, select, update

from roost.db.rows import fetch
from roost.db.schema import conversation_log, conversations, cursors, members, mutes, users

_cid: BindParameter[int] = bindparam("cid")


class PageMember(NamedTuple):
    """A member in a page; `uid` is where the next page goes on."""

    uid: int
    user_id: str
    role: str
    joined_at: int
    muted_until: int
    bot: bool


COUNT = select(func.count()).select_from(members).where(members.c.cid == _cid)
PAGE = (
    select(
        members.c.uid,
        users.c.user_id,
        members.c.role,
        members.c.joined_at,
        func.coalesce(mutes.c.until, 0).label("muted_until"),
        users.c.bot,
    )
    .select_from(
        members.join(users, users.c.uid == members.c.uid).outerjoin(
            mutes, (mutes.c.cid == members.c.cid) & (mutes.c.uid == members.c.uid)
        )
    )
    .where(members.c.cid == _cid, members.c.uid > bindparam("after"))
    .order_by(members.c.uid)
    .limit(bindparam("count"))
)
THERE = select(members.c.uid).where(members.c.cid == _cid, members.c.uid.in_(bindparam("uids", expanding=True)))
END = (
    select(conversation_log.c.place)
    .where(conversation_log.c.cid == _cid)
    .order_by(conversation_log.c.cid.desc(), conversation_log.c.place.desc())
    .limit(1)
)


def count(connection: Connection, cid: int) -> int:
    """How many members a conversation has."""
    return int(connection.execute(COUNT, {"cid": cid}).scalar_one())


def page(connection: Connection, cid: int, after: int, most: int) -> list[PageMember]:
    """At most `most` members with a uid above `after`, in the order of uids."""
    return [PageMember(*row) for row in fetch(connection, PAGE, cid=cid, after=after, count=most)]


def there(connection: Connection, cid: int, uids: Collection[int]) -> set[int]:
    """Those of the users who are members already."""
    return set(connection.execute(THERE, {"cid": cid, "uids": list(uids)}).scalars())


def grow(connection: Connection, cid: int, now: int) -> None:
    """Makes a conversation a large one: its members, who have all that was said in their logs, get cursors.

    The conversation is locked.
    """
    connection.execute(update(conversations).where(conversations.c.cid == cid).values(large_at=now))
    everybody: Any = select(members.c.uid, members.c.cid, literal(0)).where(members.c.cid == cid)
    connection.execute(insert(cursors).from_select(["uid", "cid", "place"], everybody))


def begin(connection: Connection, cid: int, uids: Collection[int]) -> None:
    """Has new members read a large conversation's log from its end, which is locked."""
    end = connection.execute(END, {"cid": cid}).scalar() or 0
    connection.execute(insert(cursors), [{"uid": uid, "cid": cid, "place": end} for uid in uids])


def end(connection: Connection, cid: int, uid: int) -> None:
    """Has a member read it no further."""
    connection.execute(delete(cursors).where(cursors.c.uid == uid, cursors.c.cid == cid))
