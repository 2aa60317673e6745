"""What is set of a group, who may not write there, who can't come back.

Functions take the connection of the caller's transaction, which has the conversation locked (`find_locked`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from roost.db.rows import fetch
from roost.db.schema import bans, conversations, mutes, users
from roost.model.message import GroupSettings
from roost.roster.conversations import restrict


class Ban(NamedTuple):
    """A user who can't come back. `banned_by` is the user id of who decided it; times are milliseconds."""

    user_id: str
    banned_by: str
    banned_at: int


_cid = conversations.c.cid == bindparam("cid")
SETTINGS = select(
    conversations.c.description,
    conversations.c.avatar,
    conversations.c.announcement_only,
    conversations.c.members_invite,
).where(_cid)
MUTED = select(mutes.c.uid).where(mutes.c.cid == bindparam("cid")).limit(1)
_among: Any = bindparam("uids", expanding=True)
UNTIL_EACH = select(mutes.c.uid, mutes.c.until).where(mutes.c.cid == bindparam("cid"), mutes.c.uid.in_(_among))
BANNED_EACH = select(bans.c.uid).where(bans.c.cid == bindparam("cid"), bans.c.uid.in_(_among))
BANNED = select(bans.c.uid).where(bans.c.cid == bindparam("cid"), bans.c.uid == bindparam("uid"))
_judges = users.alias("judges")
BANS = (
    select(users.c.user_id, _judges.c.user_id.label("banned_by"), bans.c.banned_at)
    .select_from(bans.join(users, users.c.uid == bans.c.uid).join(_judges, _judges.c.uid == bans.c.banned_by))
    .where(bans.c.cid == bindparam("cid"))
)


def settings_of(connection: Connection, cid: int) -> GroupSettings:
    """What is set of a group."""
    description, avatar, announcement_only, members_invite = connection.execute(SETTINGS, {"cid": cid}).one()
    return GroupSettings(
        description=description,
        avatar=avatar,
        announcement_only=bool(announcement_only),
        members_invite=bool(members_invite),
    )


def set_settings(connection: Connection, cid: int, name: str | None, settings: GroupSettings) -> None:
    """Gives a group a name and settings."""
    connection.execute(
        update(conversations)
        .where(conversations.c.cid == cid)
        .values(
            name=name,
            description=settings.description,
            avatar=settings.avatar,
            announcement_only=settings.announcement_only,
            members_invite=settings.members_invite,
        )
    )
    _restrict(connection, cid)


def muted_among(connection: Connection, cid: int, uids: Collection[int]) -> dict[int, int]:
    """Until when (ms) users may not write, those of whom something was said."""
    found = connection.execute(UNTIL_EACH, {"cid": cid, "uids": list(uids)})
    return {row.uid: row.until for row in found}


def mute(connection: Connection, cid: int, uid: int, until: int, now: int) -> None:
    """Lets a member write from `until` (ms) on; 0: now."""
    connection.execute(delete(mutes).where(mutes.c.cid == cid, (mutes.c.uid == uid) | (mutes.c.until <= now)))
    if until:
        connection.execute(insert(mutes).values(cid=cid, uid=uid, until=until))
    _restrict(connection, cid)


def _restrict(connection: Connection, cid: int) -> None:
    """Notes whether all may write (see `roost.journal.rights`). A mute that is over counts until another is changed."""
    announcement_only = connection.execute(SETTINGS, {"cid": cid}).one().announcement_only
    restricted = bool(announcement_only) or connection.execute(MUTED, {"cid": cid}).first() is not None
    restrict(connection, cid, restricted=restricted)


def is_banned(connection: Connection, cid: int, uid: int) -> bool:
    """Whether the user can't come into the group."""
    return connection.execute(BANNED, {"cid": cid, "uid": uid}).first() is not None


def banned_among(connection: Connection, cid: int, uids: Collection[int]) -> set[int]:
    """Those of the users (uids) who can't come into the group."""
    return set(connection.execute(BANNED_EACH, {"cid": cid, "uids": list(uids)}).scalars())


def ban(connection: Connection, cid: int, uid: int, by: int, now: int) -> bool:
    """Keeps a user out; False where that is so already."""
    if is_banned(connection, cid, uid):
        return False
    connection.execute(insert(bans).values(cid=cid, uid=uid, banned_by=by, banned_at=now))
    return True


def lift_ban(connection: Connection, cid: int, uid: int) -> bool:
    """Lets a user come in again; False where nothing kept it out."""
    return connection.execute(delete(bans).where(bans.c.cid == cid, bans.c.uid == uid)).rowcount > 0


def banned(connection: Connection, cid: int) -> list[Ban]:
    """Who can't come into the group, the latest first."""
    found = [Ban(*row) for row in fetch(connection, BANS, cid=cid)]
    return sorted(found, key=lambda one: (-one.banned_at, one.user_id))
