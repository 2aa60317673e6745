"""Groups: what is changed of one, and the log entries that tell of it, are one transaction.

Whatever is changed is decided on a `Gathering`: the group, locked, and who asks for it. Roles: the owner may do
everything; admins change settings, and whatever concerns plain members (`roost.flow.membership`); nobody but the owner
has a say over admins.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from roost.audit import Act, record
from roost.db.database import Database
from roost.errors import Banned, Forbidden, InvalidInput, UnknownReceiver
from roost.flow.fanout import Fanout
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.model import ids
from roost.model.message import Change, GroupSettings
from roost.roster import blocks, groups
from roost.roster import conversations as roster
from roost.roster.conversations import ADMIN, MEMBER, OWNER, Conversation, Member
from roost.roster.users import uids_of

MAX_NAME = 100
"""Characters in a group's name."""
MAX_TEXT = 500
"""Characters in its description, and in its avatar."""
MAX_MEMBERS = 2000
"""Members of a group whose messages are written to each member's log."""


class GroupState(NamedTuple):
    """A group and everyone in it."""

    conversation: Conversation
    settings: GroupSettings
    members: list[Member]


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
    members: dict[str, Member]

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
    def uids(self) -> set[int]:
        """Everybody's keys."""
        return {member.uid for member in self.members.values()}


Decide = Callable[[Gathering], list[Recorded]]
"""Makes a change and records what is told of it: nothing where it is so already. Raises what speaks against it."""


class GroupRoad:
    """What the roads of groups share: deciding on a gathering, recording, telling."""

    def __init__(self, database: Database, journal: Journal, fanout: Fanout, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._clock = clock

    async def state(self, author: Author, group_id: str) -> GroupState:
        """The group as a member sees it. Raises `UnknownConversation` or `NotAMember`."""

        def query(connection: Connection) -> GroupState:
            conversation = roster.find(connection, ids.group_conversation(group_id))
            roster.membership(connection, conversation.cid, author.uid)
            settings = groups.settings_of(connection, conversation.cid)
            return GroupState(conversation, settings, roster.members_of(connection, conversation.cid))

        return await self._database.read(query)

    async def _decide(self, author: Author, group_id: str, decide: Decide, *roles: str) -> None:
        """Changes a group as decided, if the author has one of the `roles` (or any, where none is named).

        Raises `UnknownConversation`, `NotAMember` or `Forbidden`.
        """

        def change(tx: Connection) -> list[Recorded]:
            conversation = roster.find_locked(tx, ids.group_conversation(group_id))
            role = roster.require_role(tx, conversation.cid, author.uid, *(roles or roster.ROLES))
            members = {member.user_id: member for member in roster.members_of(tx, conversation.cid)}
            return decide(Gathering(tx, conversation, author, role, members))

        await self._write(author, change)

    async def _write(self, author: Author, change: Callable[[Connection], list[Recorded]]) -> None:
        def tell(recorded: list[Recorded]) -> None:
            for entry in recorded:
                self._fanout.change(entry, author.uid)

        await self._database.write(change, tell)

    def _check_may_invite(self, here: Gathering) -> None:
        """Raises `Forbidden` unless who asks may bring in others."""
        if not (here.leads or groups.settings_of(here.tx, here.cid).members_invite):
            raise Forbidden("Only the owner and admins bring in members.")

    def _check_may_come(self, tx: Connection, conversation: Conversation, user_id: str, uid: int) -> None:
        """Raises `Banned`."""
        if groups.is_banned(tx, conversation.cid, uid):
            raise Banned(f"{user_id} is banned from this group.")

    def _let_in(self, here: Gathering, user_id: str, uid: int, role: str) -> Recorded:
        """Makes a user a member who was none. Raises `Banned`, or `InvalidInput` where the group is full."""
        self._check_may_come(here.tx, here.conversation, user_id, uid)
        _check_not_blocked(here.tx, here.author, user_id, uid)
        if len(here.members) >= MAX_MEMBERS:
            raise InvalidInput(f"A group has at most {MAX_MEMBERS} members.")
        now = self._clock()
        roster.add_member(here.tx, here.conversation, uid, role, now)
        here.audit("added", user_id, role=role)
        return self._record(
            here,
            "member",
            also=[uid],
            action="joined",
            user_id=user_id,
            role=role,
            until=groups.muted_until(here.tx, here.cid, uid),
            conversation_seq=here.conversation.head,
            time=now,
        )

    def _dissolve(self, here: Gathering) -> Recorded:
        roster.dissolve(here.tx, here.cid, self._clock())
        here.audit("dissolved")
        return self._record(here, "group", action="dissolved")

    def _record(
        self, here: Gathering, kind: str, *, also: Iterable[int] = (), only: set[int] | None = None, **fields: Any
    ) -> Recorded:
        """Enters a change in the logs of the members (or `only` of some), and of others; `fields` as of a `Change`."""
        conversation_id, actor_id = here.conversation.conversation_id, here.author.user_id
        change = Change(
            kind=kind, conversation_id=conversation_id, actor_id=actor_id, **{"time": self._clock(), **fields}
        )
        told = here.uids if only is None else only
        return self._journal.record(here.tx, change, told.union(also), here.author)


class Groups(GroupRoad):
    """The road of a group itself: made, set, dissolved."""

    async def create(
        self, author: Author, group_id: str | int | None, wish: Wish, member_ids: Sequence[str | int]
    ) -> GroupState:
        """Makes a group owned by the author. Raises `Conflict` (id taken) or `UnknownReceiver` (no such member)."""
        group = ids.group_id(group_id if group_id is not None else secrets.token_hex(8))
        names = sorted({ids.user_id(value, "members") for value in member_ids} - {author.user_id})
        _check(wish)
        if len(names) >= MAX_MEMBERS:
            raise InvalidInput(f"A group has at most {MAX_MEMBERS} members.")

        def change(tx: Connection) -> list[Recorded]:
            uids = known(tx, names)
            for name, uid in uids.items():
                _check_not_blocked(tx, author, name, uid)
            conversation = roster.create_group(tx, ids.group_conversation(group), wish.name, self._clock())
            roles = dict.fromkeys(uids.values(), MEMBER) | {author.uid: OWNER}
            roster.add_first_members(tx, conversation, roles, self._clock())
            settings = _wished(GroupSettings(), wish)
            plain = settings == GroupSettings()
            if not plain:
                groups.set_settings(tx, conversation.cid, wish.name, settings)
            here = Gathering(tx, conversation, author, OWNER, {})
            here.audit("created", name=wish.name, members=[author.user_id, *names])
            shown = None if plain else settings
            return [self._record(here, "group", also=roles, action="created", name=wish.name, settings=shown)]

        await self._write(author, change)
        return await self.state(author, group)

    async def change(self, author: Author, group_id: str, wish: Wish) -> GroupState:
        """Gives the group another name or other settings. For the owner and admins."""
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
            groups.set_settings(here.tx, here.cid, name if wish.name is None else wish.name, settings)
            new_name = wish.name if renamed else None
            if renamed:
                here.audit("renamed", name=new_name)
            if settings == before:
                return [self._record(here, "group", action="renamed", name=new_name)]
            here.audit("changed", **msgspec.to_builtins(settings))
            return [self._record(here, "group", action="changed", name=new_name, settings=settings)]

        await self._decide(author, group_id, decide, OWNER, ADMIN)
        return await self.state(author, group_id)

    async def dissolve(self, author: Author, group_id: str) -> None:
        """Ends the group. For the owner."""

        def decide(here: Gathering) -> list[Recorded]:
            return [self._dissolve(here)]

        await self._decide(author, group_id, decide, OWNER)


def known(tx: Connection, user_ids: Sequence[str]) -> dict[str, int]:
    """The users' keys. Raises `UnknownReceiver` where there is no such user."""
    uids = uids_of(tx, list(user_ids))
    missing = [user_id for user_id in user_ids if user_id not in uids]
    if missing:
        raise UnknownReceiver(f"There is no user {missing[0]}.")
    return uids


def _check_not_blocked(tx: Connection, author: Author, user_id: str, uid: int) -> None:
    """Raises `Forbidden` where a user does not want to hear of the author, and does not say so."""
    if blocks.is_blocked(tx, author.uid, by=uid):
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
