"""Who of a conversation's members may not write there now: announcement-only groups, muted members.

Few conversations have such rules, and the row of one that has says so (`restricted`): it is read with every batch
anyhow, so the others pay nothing. Whoever changes a rule has the conversation locked, as has who stores messages in it,
so a message is decided by the rules of its own transaction, at whatever node it came in.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, select

from roost.db.schema import conversations, members, mutes
from roost.errors import AnnouncementOnly, Muted, RoostError

RULES = (
    select(conversations.c.announcement_only, members.c.role, mutes.c.until)
    .select_from(
        conversations.join(members, members.c.cid == conversations.c.cid).outerjoin(
            mutes, (mutes.c.cid == members.c.cid) & (mutes.c.uid == members.c.uid)
        )
    )
    .where(conversations.c.cid == bindparam("cid"), members.c.uid == bindparam("uid"))
)


def refusal(connection: Connection, cid: int, uid: int, now: int) -> RoostError | None:
    """What speaks against a member's (`uid`) writing in the conversation `cid` at `now` (ms), if anything does."""
    row = connection.execute(RULES, {"cid": cid, "uid": uid}).one()
    if row.until is not None and row.until > now:
        return muted(row.until, now)
    if row.announcement_only and row.role not in {"owner", "admin"}:
        return AnnouncementOnly()
    return None


def muted(until: int, now: int) -> Muted:
    """The refusal of who may not write until `until` (ms)."""
    end = datetime.fromtimestamp(until / 1000, UTC)
    return Muted(
        f"You may not write in this group until {end:%Y-%m-%d %H:%M:%S} UTC.",
        retry_after=(until - now) / 1000,
        until=until,
    )
