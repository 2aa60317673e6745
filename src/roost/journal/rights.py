"""Who of a conversation's members may not write there now: announcement-only groups, muted members, blocked users.

In a private conversation with a user who was erased nobody writes any more.

Few conversations have such rules, and the row of one that has says so (`restricted`): it is read with every batch
anyhow, so the others pay nothing. Whoever changes a rule has the conversation locked, as has who stores messages in it,
so a message is decided by the rules of its own transaction, at whatever node it came in.

A private conversation that is not there yet can't be locked, and a user who is blocked must not make it. So whoever
blocks has its own log locked, and who makes the conversation looks at the blocks with both logs locked.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, select, update

from roost.db.schema import blocks, conversations, members, mutes, users
from roost.errors import AnnouncementOnly, Forbidden, Muted, RoostError

RULES = (
    select(conversations.c.conversation_id, conversations.c.announcement_only, members.c.role, mutes.c.until)
    .select_from(
        conversations.join(members, members.c.cid == conversations.c.cid).outerjoin(
            mutes, (mutes.c.cid == members.c.cid) & (mutes.c.uid == members.c.uid)
        )
    )
    .where(conversations.c.cid == bindparam("cid"), members.c.uid == bindparam("uid"))
)
BLOCKED = (
    select(blocks.c.uid)
    .select_from(members.join(blocks, blocks.c.uid == members.c.uid))
    .where(members.c.cid == bindparam("cid"), blocks.c.blocked == bindparam("uid"))
)
ERASED = (
    select(users.c.uid)
    .select_from(members.join(users, users.c.uid == members.c.uid))
    .where(members.c.cid == bindparam("cid"), users.c.erased_at.is_not(None))
)
AMONG = select(blocks.c.uid, blocks.c.blocked).where(
    blocks.c.uid.in_(bindparam("uids", expanding=True)), blocks.c.blocked.in_(bindparam("uids", expanding=True))
)


def refusal(connection: Connection, cid: int, uid: int, now: int) -> RoostError | None:
    """What speaks against a member's (`uid`) writing in the conversation `cid` at `now` (ms), if anything does."""
    row = connection.execute(RULES, {"cid": cid, "uid": uid}).one()
    if row.conversation_id.startswith("p:"):
        return blocked() if connection.execute(BLOCKED, {"cid": cid, "uid": uid}).first() is not None else None
    if row.until is not None and row.until > now:
        return muted(row.until, now)
    if row.announcement_only and row.role not in {"owner", "admin"}:
        return AnnouncementOnly()
    return None


def is_of_erased(connection: Connection, cid: int) -> bool:
    """Whether a user was erased who belongs to the conversation: a private one, where nobody writes any more."""
    return connection.execute(ERASED, {"cid": cid}).first() is not None


def blocks_among(connection: Connection, uids: Collection[int]) -> set[tuple[int, int]]:
    """Who of these users has blocked whom."""
    return {(by, whom) for by, whom in connection.execute(AMONG, {"uids": list(uids)})}


def restrict(connection: Connection, cids: Collection[int]) -> None:
    """Notes that in these conversations, which are locked, not everybody may write."""
    connection.execute(update(conversations).where(conversations.c.cid.in_(cids)).values(restricted=True))


def blocked() -> Forbidden:
    """The refusal of who is blocked, which does not say so."""
    return Forbidden("You can't write to this user.")


def muted(until: int, now: int) -> Muted:
    """The refusal of who may not write until `until` (ms)."""
    end = datetime.fromtimestamp(until / 1000, UTC)
    return Muted(
        f"You may not write in this group until {end:%Y-%m-%d %H:%M:%S} UTC.",
        retry_after=(until - now) / 1000,
        until=until,
    )
