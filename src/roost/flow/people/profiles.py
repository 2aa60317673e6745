"""Profiles: what users say of themselves; and to whom they show whether they are online.

A change is no log entry: a user may share conversations with thousands, and none of them needs it to be in order. It
is hinted to those who are connected and share a private conversation or a small group, and counted by `version`; who
keeps profiles asks for them anew. Why: docs/decisions/0017.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from roost.admit.admission import Admission
from roost.db.database import Database
from roost.errors import InvalidInput, UnknownReceiver
from roost.flow.addresses import is_https
from roost.journal import avatars
from roost.journal.avatars import Holder
from roost.journal.contract import Author
from roost.model.attachment import is_file
from roost.protocol.frames import ProfileNotice
from roost.roster import profiles
from roost.roster.profiles import AUDIENCES, Profile

MAX_NAME = 100
"""Characters in a display name."""
MAX_AVATAR = 500
"""Characters in an avatar: an https address, or the id of an uploaded picture."""
MAX_STATUS = 200
"""Characters in a status."""
MAX_TOLD = 1000
"""Users who are given a hint of a change."""


class Wish(NamedTuple):
    """What is to be another in one's profile; None stays as it is, "" takes it away."""

    display_name: str | None = None
    avatar: str | None = None
    status: str | None = None
    presence: str | None = None


class ProfileChange(NamedTuple):
    """A profile before and after; `peers` (uids) are hinted that it changed."""

    before: Profile
    after: Profile
    peers: frozenset[int]


class Profiles:
    """The road of profiles.

    `told(notice, uids)` is called with a change, `shown([(user_id, uid)])` when others than before may see the presence
    of a user.
    """

    def __init__(self, database: Database, admission: Admission, clock: Callable[[], int], *, small: int) -> None:
        """`small`: members of a group who are given hints, at most. `clock` gives milliseconds."""
        self._database = database
        self._admission = admission
        self._clock = clock
        self._small = small
        self.told: Callable[[ProfileNotice, Collection[int]], None] = lambda _notice, _uids: None
        self.shown: Callable[[Sequence[tuple[str, int]]], None] = lambda _users: None

    async def one(self, user_id: str) -> Profile:
        """A user's profile. Raises `UnknownReceiver`."""
        found = await self.several([user_id])
        if user_id not in found:
            raise UnknownReceiver(f"There is no user {user_id}.")
        return found[user_id]

    async def several(self, user_ids: Collection[str]) -> dict[str, Profile]:
        """The profiles of those of the users that exist."""
        return await self._database.read(lambda connection: profiles.of(connection, user_ids))

    async def change(self, author: Author, wish: Wish, *, address: str) -> Profile:
        """Changes the author's profile; returns it.

        Raises `InvalidInput` or `RateLimited`; `UnknownAttachment` or `FileTypeRefused` for what can't be the avatar.
        """
        _check(wish)
        self._admission.admit_change((author.user_id, author.did, address))

        def change(tx: Connection) -> ProfileChange:
            profiles.lock(tx, author.uid)
            before = profiles.of(tx, [author.user_id])[author.user_id]
            after = _changed(before, wish)
            return ProfileChange(before, before, frozenset()) if after == before else self.store(tx, before, after)

        return (await self._database.write(change, self.tell)).after

    def store(self, tx: Connection, before: Profile, after: Profile) -> ProfileChange:
        """Stores a profile as its next version, in the caller's transaction; `tell` it when that is committed."""
        after = after._replace(version=before.version + 1)
        now = self._clock()
        if after.avatar != before.avatar:
            avatars.put(tx, Holder(uid=after.uid), after.avatar, after.uid, now)
        profiles.store(tx, after, now)
        return ProfileChange(before, after, frozenset(profiles.peers(tx, after.uid, self._small, MAX_TOLD)))

    def tell(self, done: ProfileChange) -> None:
        """Hints a change to the peers, and to the user's own devices."""
        before, after, peers = done
        if after.version != before.version:
            self.told(ProfileNotice(user_id=after.user_id, version=after.version), {*peers, after.uid})
        if after.presence != before.presence:
            self.shown([(after.user_id, after.uid)])

    async def hidden_from(self, uid: int, names: Collection[str]) -> frozenset[str]:
        """Those of the users who do not show `uid` whether they are online."""
        if not names:
            return frozenset()
        return await self._database.read(lambda connection: profiles.hidden_from(connection, uid, names))

    async def blind(self, user_id: str, viewers: Collection[int]) -> frozenset[int]:
        """Those of the viewers (uids) to whom a user does not show whether it is online."""
        return await self._database.read(lambda connection: profiles.blind(connection, user_id, viewers))


def _changed(profile: Profile, wish: Wish) -> Profile:
    """The profile as it is wished; "" takes a text away."""
    return profile._replace(
        display_name=profile.display_name if wish.display_name is None else wish.display_name or None,
        avatar=profile.avatar if wish.avatar is None else wish.avatar or None,
        status=profile.status if wish.status is None else wish.status or None,
        presence=wish.presence or profile.presence,
    )


def _check(wish: Wish) -> None:
    """Raises `InvalidInput` for what can't be set."""
    name, avatar, status, presence = wish
    if name is not None and (len(name) > MAX_NAME or not name.isprintable()):
        raise InvalidInput(f"displayName must be at most {MAX_NAME} printable characters.")
    if avatar is not None and not _is_avatar(avatar):
        raise InvalidInput(
            f"avatar must be an https address of at most {MAX_AVATAR} characters, or the id of a picture you uploaded."
        )
    if status is not None and (len(status) > MAX_STATUS or not status.isprintable()):
        raise InvalidInput(f"status must be at most {MAX_STATUS} printable characters.")
    if presence is not None and presence not in AUDIENCES:
        raise InvalidInput(f"presence must be one of {', '.join(AUDIENCES)}.")


def _is_avatar(text: str) -> bool:
    return not text or is_file(text) or is_https(text, MAX_AVATAR)
