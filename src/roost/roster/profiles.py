"""What users say of themselves, and to whom they show whether they are online.

Two users share a conversation where both belong to it now, be it a private one or a group.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, and_, bindparam, func, insert, or_, select, update

from roost.db.schema import members, profiles, users

EVERYBODY, CONTACTS, NOBODY = "everybody", "contacts", "nobody"
AUDIENCES = (EVERYBODY, CONTACTS, NOBODY)
"""Who may see whether a user is online: everybody, who shares a conversation, or nobody."""

_uid: BindParameter[int] = bindparam("uid")
_mine, _theirs, _peer, _other = (members.alias(name) for name in ("mine", "theirs", "peer", "other"))


class Profile(NamedTuple):
    """A user's profile. `version` counts its changes; 0: never changed. `bot`: it is a program."""

    uid: int
    user_id: str
    display_name: str | None
    avatar: str | None
    status: str | None
    presence: str
    version: int
    bot: bool = False


LOCK = select(users.c.uid).where(users.c.uid == _uid).with_for_update()
OF = (
    select(
        users.c.uid,
        users.c.user_id,
        users.c.display_name,
        profiles.c.avatar,
        profiles.c.status,
        func.coalesce(profiles.c.presence, EVERYBODY),
        func.coalesce(profiles.c.version, 0),
        users.c.bot,
    )
    .select_from(users.outerjoin(profiles, profiles.c.uid == users.c.uid))
    .where(users.c.user_id.in_(bindparam("names", expanding=True)))
)
_SHARED = (
    select(_mine.c.cid)
    .select_from(_mine.join(_theirs, and_(_theirs.c.cid == _mine.c.cid, _theirs.c.uid == users.c.uid)))
    .where(_mine.c.uid == _uid)
    .correlate(users)
    .exists()
)
HIDDEN = (
    select(users.c.user_id)
    .select_from(users.join(profiles, profiles.c.uid == users.c.uid))
    .where(users.c.user_id.in_(bindparam("names", expanding=True)), users.c.uid != _uid)
    .where(or_(profiles.c.presence == NOBODY, and_(profiles.c.presence == CONTACTS, ~_SHARED)))
)
SETTING = (
    select(users.c.uid, profiles.c.presence)
    .select_from(users.join(profiles, profiles.c.uid == users.c.uid))
    .where(users.c.user_id == bindparam("name"))
)
CONTACTS_AMONG = (
    select(_theirs.c.uid)
    .select_from(_mine.join(_theirs, _theirs.c.cid == _mine.c.cid))
    .where(_mine.c.uid == _uid, _theirs.c.uid.in_(bindparam("viewers", expanding=True)))
)
PEERS = (
    select(_peer.c.uid)
    .select_from(_mine.join(_peer, and_(_peer.c.cid == _mine.c.cid, _peer.c.uid != _mine.c.uid)))
    .where(
        _mine.c.uid == _uid,
        select(_other.c.uid)
        .where(_other.c.cid == _mine.c.cid)
        .order_by(_other.c.cid, _other.c.uid)
        .limit(1)
        .offset(bindparam("most"))
        .correlate(_mine)
        .scalar_subquery()
        .is_(None),
    )
    .limit(bindparam("count"))
)


def of(connection: Connection, names: Collection[str]) -> dict[str, Profile]:
    """The profiles of those of the users (ids) that exist."""
    return {row.user_id: Profile(*row) for row in connection.execute(OF, {"names": list(names)})}


def lock(connection: Connection, uid: int) -> None:
    """Nobody else changes this user's profile until the transaction ends."""
    connection.execute(LOCK, {"uid": uid}).all()


def store(connection: Connection, profile: Profile, now: int) -> None:
    """Stores a profile; its `version` is one on from what is there."""
    named = update(users).where(users.c.uid == profile.uid).values(display_name=profile.display_name)
    connection.execute(named)
    values = {
        "avatar": profile.avatar,
        "status": profile.status,
        "presence": profile.presence,
        "version": profile.version,
        "changed_at": now,
    }
    if not connection.execute(update(profiles).where(profiles.c.uid == profile.uid).values(**values)).rowcount:
        connection.execute(insert(profiles).values(uid=profile.uid, **values))


def hidden_from(connection: Connection, uid: int, names: Collection[str]) -> frozenset[str]:
    """Those of the users (ids) who do not show `uid` whether they are online."""
    return frozenset(connection.execute(HIDDEN, {"uid": uid, "names": list(names)}).scalars())


def blind(connection: Connection, name: str, viewers: Collection[int]) -> frozenset[int]:
    """Those of the viewers (uids) to whom the user `name` does not show whether it is online."""
    row = connection.execute(SETTING, {"name": name}).first()
    if row is None or row.presence == EVERYBODY:
        return frozenset()
    others = frozenset(viewers) - {row.uid}
    if row.presence == NOBODY or not others:
        return others
    seeing = connection.execute(CONTACTS_AMONG, {"uid": row.uid, "viewers": list(others)}).scalars()
    return others - frozenset(seeing)


def peers(connection: Connection, uid: int, most: int, count: int) -> set[int]:
    """Who shares a private conversation, or a group of at most `most` members, with a user: about `count` of them."""
    return set(connection.execute(PEERS, {"uid": uid, "most": most, "count": count}).scalars())
