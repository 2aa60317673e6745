"""Groups: what is changed of one, and the log entries that tell of it, are one transaction.

Whatever is changed is decided on a `Gathering`: the group, locked, and who asks for it. Roles: the owner may do
everything; admins change settings, and whatever concerns plain members (`roost.flow.groups.membership`); nobody but
the owner has a say over admins.

A group that grows beyond `fanout.max_members` becomes a large one (see `roost.journal.large`), and stays so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from roost.audit import Act, record
from roost.db.database import Database
from roost.errors import Banned, Forbidden, InvalidInput, UnknownReceiver
from roost.flow.fanout import Fanout
from roost.flow.pulling import Pulling
from roost.journal import avatars
from roost.journal.avatars import Holder
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.model import ids
from roost.model.audience import Audience, Large
from roost.model.message import Change, GroupSettings
from roost.roster import blocks, groups, large
from roost.roster import conversations as roster
from roost.roster.conversations import ADMIN, MEMBER, OWNER, Conversation, Member
from roost.roster.crowd import Crowd
from roost.roster.present import present
from roost.roster.users import uids_of

MAX_NAME = 100
"""Characters in a group's name."""
MAX_TEXT = 500
"""Characters in its description, and in its avatar."""
AT_ONCE = 2000
"""Members that are added with one request."""


class GroupState(NamedTuple):
    """A group and how many are in it. Everyone, too; of a large one only who asks."""

    conversation: Conversation
    settings: GroupSettings
    members: list[Member]
    member_count: int


class Wish(NamedTuple):
    """What is to be another in a group; None stays as it is, "" takes away a text."""

    name: str | None = None
    description: str | None = None
    avatar: str | None = None
    announcement_only: bool | None = None
    members_invite: bool | None = None


class Gathering(NamedTuple):
    """A group, locked, as a change of it is decided on: who asks, with which role, and everybody by user id."""

    tx: Connection
    conversation: Conversation
    author: Author
    role: str
    members: Crowd

    @property
    def cid(self) -> int:
        """The key of the group's conversation."""
        return self.conversation.cid

    @property
    def leads(self) -> bool:
        """Whether who asks is the owner or an admin."""
        return self.role in {OWNER, ADMIN}

    def audit(self, name: str, target: str | None = None, /, **details: Any) -> None:
        """Has the audit log say what is done."""
        act = Act(f"group.{name}", self.author, self.conversation.conversation_id, target, details=details or None)
        record(self.tx, act)

    @property
    def large(self) -> bool:
        """Whether it has a log of its own."""
        return self.conversation.large


Decide = Callable[[Gathering], list[Recorded]]
"""Makes a change and records what is told of it: nothing where it is so already. Raises what speaks against it."""


class GroupRoad:
    """What the roads of groups share: deciding on a gathering, recording, telling."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        fanout: Fanout,
        clock: Callable[[], int],
        pulling: Pulling,
        *,
        max_members: int,
        small: int,
    ) -> None:
        """`clock` gives milliseconds. A group with more than `max_members` is a large one.

        Where there are at most `small` members all are told of read marks (`roost.flow.people.marks`).
        """
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._clock = clock
        self._pulling = pulling
        self._max_members = max_members
        self._small = small

    async def state(self, author: Author, group_id: str) -> GroupState:
        """The group as a member sees it. Raises `UnknownConversation` or `NotAMember`."""

        def query(connection: Connection) -> GroupState:
            conversation = roster.find(connection, ids.group_conversation(group_id))
            roster.membership(connection, conversation.cid, author.uid)
            cid, is_large = conversation.cid, conversation.large
            members = roster.seen_members(connection, cid, author.uid, is_large=is_large)
            count = large.count(connection, cid) if is_large else len(members)
            return GroupState(conversation, groups.settings_of(connection, cid), members, count)

        return await self._database.read(query)

    async def _decide(self, author: Author, group_id: str, decide: Decide, *roles: str) -> None:
        """Changes a group as decided, if the author has one of the `roles` (or any, where none is named).

        Raises `UnknownConversation`, `NotAMember` or `Forbidden`.
        """

        def change(tx: Connection) -> list[Recorded]:
            conversation = roster.find_locked(tx, ids.group_conversation(group_id))
            role = roster.require_role(tx, conversation.cid, author.uid, *(roles or roster.ROLES))
            return decide(Gathering(tx, conversation, author, role, Crowd(tx, conversation)))

        await self._write(author, change)

    async def _write(self, author: Author, change: Callable[[Connection], list[Recorded]]) -> None:
        def tell(recorded: list[Recorded]) -> None:
            for entry in recorded:
                if entry.joined:
                    self._pulling.joined(entry.large, entry.joined)
                self._fanout.change(entry, author.uid)

        await self._database.write(change, tell)

    def _check_may_invite(self, here: Gathering) -> None:
        """Raises `Forbidden` unless who asks may bring in others."""
        if not (here.leads or groups.settings_of(here.tx, here.cid).members_invite):
            raise Forbidden("Only the owner and admins bring in members.")

    def _check_may_come(self, tx: Connection, conversation: Conversation, uids: Mapping[str, int]) -> None:
        """Raises `Banned` where one of the users, by user id, is."""
        banned = groups.banned_among(tx, conversation.cid, uids.values())
        for user_id, uid in uids.items():
            if uid in banned:
                raise Banned(f"{user_id} is banned from this group.")

    def _let_in(self, here: Gathering, uids: Mapping[str, int], role: str) -> list[Recorded]:
        """Makes users members, by user id, who were none; the group may grow to a large one. Raises `Banned`.

        Everybody is told that they have come, with one entry for all of them, but for who comes back muted; in a large
        group each is told of itself alone, and one who is let in alone is told to the author as well.
        """
        joined: list[int] = []
        if not here.large and large.count(here.tx, here.cid) + len(uids) > self._max_members:
            here, joined = self._grow(here)
        now = self._clock()
        self._check_may_come(here.tx, here.conversation, uids)
        _check_not_blocked(here.tx, here.author, uids)
        muted = groups.muted_among(here.tx, here.cid, uids.values())
        roster.add_members(here.tx, here.conversation, uids.values(), role, now)
        if len(uids) == 1:
            here.audit("added", *uids, role=role)
        else:
            here.audit("added", None, role=role, members=list(uids))
        everybody = roster.audience(here.tx, here.conversation)
        if not isinstance(everybody, Large):
            there = present(here.tx, here.cid, self._small)
            alike: dict[int, list[str]] = {}
            for user_id, uid in uids.items():
                alike.setdefault(muted.get(uid, 0), []).append(user_id)
            told = [
                (self._coming(here, names, role=role, time=now, until=until, members=there), everybody)
                for until, names in alike.items()
            ]
            first, *others = self._journal.record_each(here.tx, told, here.author)
            return [first._replace(moved=list(uids.items())), *others]
        entries = [
            (uid, self._coming(here, [user_id], role=role, time=now, until=muted.get(uid, 0)))
            for user_id, uid in uids.items()
        ]
        also = [here.author.uid] if len(uids) == 1 and here.author.uid else []
        recorded = self._journal.record_each(here.tx, [(entry, [uid, *also]) for uid, entry in entries], here.author)
        joined += uids.values()
        first = recorded[0]._replace(large=here.cid, joined=joined, moved=list(uids.items()))
        return [first, *recorded[1:]]

    def _coming(self, here: Gathering, names: list[str], *, role: str, **fields: Any) -> Change:
        return self._change(
            here,
            "member",
            action="joined",
            user_id=names[0] if len(names) == 1 else None,
            user_ids=names if len(names) > 1 else None,
            role=role,
            conversation_seq=here.conversation.head,
            **fields,
        )

    def _dissolve(self, here: Gathering) -> Recorded:
        moved = None if here.large else here.members.pairs()
        ended = self._record(here, "group", action="dissolved")._replace(moved=moved)
        roster.dissolve(here.tx, here.cid, self._clock())
        avatars.put(here.tx, Holder(cid=here.cid), None, here.author.uid, self._clock())
        here.audit("dissolved")
        return ended

    def _record(
        self, here: Gathering, kind: str, *, of: int = 0, only: Collection[int] = (), **fields: Any
    ) -> Recorded:
        """Enters a change in the logs of the members, and of whom it is about (`of`, uid); or in `only` these.

        In a large group what is about somebody is entered in that log and in the author's, and nowhere else. `fields`
        are those of a `Change`.
        """
        change = self._change(here, kind, **fields)
        everybody = only or roster.audience(here.tx, here.conversation)
        if isinstance(everybody, Large):
            told: Audience = [uid for uid in (of, here.author.uid) if uid] if of else everybody
        else:
            told = [*everybody, of] if of else everybody
        return self._journal.record(here.tx, change, told, here.author)

    def _change(self, here: Gathering, kind: str, **fields: Any) -> Change:
        conversation_id = here.conversation.conversation_id
        actor_id = here.author.user_id if here.author.uid else None  # which key it was is nobody's business
        return Change(
            kind=kind, conversation_id=conversation_id, actor_id=actor_id, **{"time": self._clock(), **fields}
        )

    def _grow(self, here: Gathering) -> tuple[Gathering, list[int]]:
        """Makes the group a large one, which its log says first. Returns it as it is now, and who is in it (uids)."""
        members = [member.uid for member in roster.members_of(here.tx, here.cid)]
        large.grow(here.tx, here.cid, self._clock())
        grown = here._replace(conversation=here.conversation._replace(large=True))
        self._record(grown, "group", action="large")
        return grown, members


class Groups(GroupRoad):
    """The road of a group itself: made, set, dissolved."""

    async def create(
        self, author: Author, group_id: str | int | None, wish: Wish, member_ids: Sequence[str | int]
    ) -> GroupState:
        """Makes a group owned by the author.

        Raises `Conflict` (id taken) or `UnknownReceiver` (no such member); for its avatar what `avatars.put` raises.
        """
        group = ids.group_id(group_id if group_id is not None else secrets.token_hex(8))
        names = sorted({ids.user_id(value, "members") for value in member_ids} - {author.user_id})
        _check(wish)
        check_number(names)

        def change(tx: Connection) -> list[Recorded]:
            uids = known(tx, names)
            _check_not_blocked(tx, author, uids)
            conversation = roster.create_group(tx, ids.group_conversation(group), wish.name, self._clock())
            roles = dict.fromkeys(uids.values(), MEMBER) | {author.uid: OWNER}
            roster.add_first_members(tx, conversation, roles, self._clock())
            settings = _wished(GroupSettings(), wish)
            plain = settings == GroupSettings()
            if not plain:
                self._set(tx, conversation.cid, author, wish.name, settings)
            here = Gathering(tx, conversation, author, OWNER, Crowd(tx, conversation))
            here.audit("created", name=wish.name, members=[author.user_id, *names])
            shown = None if plain else settings
            there = present(tx, conversation.cid, self._small)
            made = self._record(here, "group", action="created", name=wish.name, settings=shown, members=there)
            made = made._replace(moved=list(uids.items()))
            if len(roles) <= self._max_members:
                return [made]
            _, joined = self._grow(here)
            return [made._replace(large=conversation.cid, joined=joined)]

        await self._write(author, change)
        return await self.state(author, group)

    async def change(self, author: Author, group_id: str, wish: Wish) -> GroupState:
        """Gives the group another name or other settings. For the owner and admins.

        Raises what `_decide` raises; `UnknownAttachment` or `FileTypeRefused` for what can't be the avatar.
        """
        _check(wish)
        if wish == Wish():
            raise InvalidInput(
                "Say what is to be another: name, description, avatar, announcementOnly or membersInvite."
            )

        def decide(here: Gathering) -> list[Recorded]:
            name, before = here.conversation.name, groups.settings_of(here.tx, here.cid)
            settings = _wished(before, wish)
            renamed = wish.name is not None and wish.name != name
            if settings == before and not renamed:
                return []
            self._set(here.tx, here.cid, author, name if wish.name is None else wish.name, settings)
            new_name = wish.name if renamed else None
            if renamed:
                here.audit("renamed", name=new_name)
            if settings == before:
                return [self._record(here, "group", action="renamed", name=new_name)]
            here.audit("changed", **msgspec.to_builtins(settings))
            return [self._record(here, "group", action="changed", name=new_name, settings=settings)]

        await self._decide(author, group_id, decide, OWNER, ADMIN)
        return await self.state(author, group_id)

    def _set(self, tx: Connection, cid: int, author: Author, name: str | None, settings: GroupSettings) -> None:
        """Stores what is set of a group; a picture that it shows from now on is to be the author's."""
        if settings.avatar != groups.settings_of(tx, cid).avatar:
            avatars.put(tx, Holder(cid=cid), settings.avatar, author.uid, self._clock())
        groups.set_settings(tx, cid, name, settings)

    async def dissolve(self, author: Author, group_id: str) -> None:
        """Ends the group. For the owner."""

        def decide(here: Gathering) -> list[Recorded]:
            return [self._dissolve(here)]

        await self._decide(author, group_id, decide, OWNER)


def check_number(names: Sequence[str]) -> None:
    """Raises `InvalidInput` for more new members than may be named at once."""
    if len(names) > AT_ONCE:
        raise InvalidInput(f"members must be at most {AT_ONCE} at once; add the others with further requests.")


def known(tx: Connection, user_ids: Sequence[str]) -> dict[str, int]:
    """The users' keys. Raises `UnknownReceiver` where there is no such user, or its data was erased."""
    uids = uids_of(tx, list(user_ids), erased=False)
    missing = [user_id for user_id in user_ids if user_id not in uids]
    if missing:
        raise UnknownReceiver(f"There is no user {missing[0]}.")
    return uids


def _check_not_blocked(tx: Connection, author: Author, uids: Mapping[str, int]) -> None:
    """Raises `Forbidden` where a user does not want to hear of the author, and does not say so."""
    blocked = blocks.read_by_blockers(tx, author.uid, uids.values())
    for user_id, uid in uids.items():
        if uid in blocked:
            raise Forbidden(f"You can't add {user_id}.")


def _wished(settings: GroupSettings, wish: Wish) -> GroupSettings:
    return GroupSettings(
        description=settings.description if wish.description is None else wish.description or None,
        avatar=settings.avatar if wish.avatar is None else wish.avatar or None,
        announcement_only=settings.announcement_only if wish.announcement_only is None else wish.announcement_only,
        members_invite=settings.members_invite if wish.members_invite is None else wish.members_invite,
    )


def _check(wish: Wish) -> None:
    """Raises `InvalidInput` for what can't be set."""
    if wish.name is not None and (not 1 <= len(wish.name) <= MAX_NAME or not wish.name.isprintable()):
        raise InvalidInput(f"name must be 1-{MAX_NAME} printable characters.")
    if wish.description is not None and (len(wish.description) > MAX_TEXT or "\0" in wish.description):
        raise InvalidInput(f"description must be at most {MAX_TEXT} characters, without U+0000.")
    if wish.avatar is not None and (len(wish.avatar) > MAX_TEXT or not wish.avatar.isprintable()):
        raise InvalidInput(f"avatar must be at most {MAX_TEXT} printable characters.")
