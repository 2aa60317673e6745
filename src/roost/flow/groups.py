"""Groups: a change of membership and the log entries that tell of it are one transaction.

Roles: the owner may do everything, admins add and remove members and rename, members leave. Whoever joins or
leaves, every member's log says so; the one who is removed gets it as a last entry.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from roost.audit import Act, record
from roost.db.database import Database
from roost.errors import Forbidden, InvalidInput, UnknownReceiver
from roost.flow.fanout import Fanout
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.model import ids
from roost.model.message import Change
from roost.roster import conversations as roster
from roost.roster.conversations import ADMIN, MEMBER, OWNER, Conversation, Member
from roost.roster.users import uids_of

MAX_NAME = 100
"""Characters in a group's name."""
MAX_MEMBERS = 2000
"""Members of a group whose messages are written to each member's log."""


class GroupState(NamedTuple):
    """A group and everyone in it."""

    conversation: Conversation
    members: list[Member]


class Groups:
    """The road of membership."""

    def __init__(self, database: Database, journal: Journal, fanout: Fanout, clock: Callable[[], int]) -> None:
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._clock = clock

    async def create(
        self, author: Author, group_id: str | int | None, name: str | None, member_ids: Sequence[str | int]
    ) -> GroupState:
        """Makes a group owned by the author. Raises `Conflict` (id taken) or `UnknownReceiver` (no such member)."""
        group = ids.group_id(group_id if group_id is not None else secrets.token_hex(8))
        names = sorted({ids.user_id(value, "members") for value in member_ids} - {author.user_id})
        _check_name(name)
        if len(names) >= MAX_MEMBERS:
            raise InvalidInput(f"A group has at most {MAX_MEMBERS} members.")

        def change(tx: Connection) -> list[Recorded]:
            uids = _known(tx, names)
            conversation = roster.create_group(tx, ids.group_conversation(group), name, self._clock())
            roles = dict.fromkeys(uids.values(), MEMBER) | {author.uid: OWNER}
            roster.add_first_members(tx, conversation, roles, self._clock())
            made = self._change(conversation, author, "group", action="created", name=name)
            details = {"name": name, "members": [author.user_id, *names]}
            record(tx, Act("group.created", author, conversation.conversation_id, details=details))
            return [self._journal.record(tx, made, [author.uid, *uids.values()], author)]

        await self._write(author, change)
        return await self.state(author, group)

    async def add(self, author: Author, group_id: str, user_id: str, role: str | None) -> GroupState:
        """Adds a member, or gives one another role. Adding who is there already changes nothing."""
        if role is not None and role not in {ADMIN, MEMBER}:
            raise InvalidInput("role must be admin or member.")

        def change(tx: Connection) -> list[Recorded]:
            conversation = roster.find_locked(tx, ids.group_conversation(group_id))
            acting = roster.require_role(tx, conversation.cid, author.uid, OWNER, ADMIN)
            uid = _known(tx, [user_id])[user_id]
            if role == ADMIN and acting != OWNER:
                raise Forbidden("Only the owner names admins.")
            members = roster.members_of(tx, conversation.cid)
            there = next((member for member in members if member.uid == uid), None)
            if there is None:
                if len(members) >= MAX_MEMBERS:
                    raise InvalidInput(f"A group has at most {MAX_MEMBERS} members.")
                roster.add_member(tx, conversation, uid, role or MEMBER, self._clock())
            elif role is None or there.role in {role, OWNER}:
                return []
            elif acting != OWNER:
                raise Forbidden("Only the owner changes roles.")
            else:
                roster.set_role(tx, conversation.cid, uid, role)
            told = {member.uid for member in members} | {uid}
            joined = self._change(conversation, author, "member", action="joined", user_id=user_id, role=role or MEMBER)
            if there is None:
                joined.conversation_seq = conversation.head
            name, details = ("group.role" if there else "group.added"), {"role": role or MEMBER}
            record(tx, Act(name, author, conversation.conversation_id, user_id, details=details))
            return [self._journal.record(tx, joined, told, author)]

        await self._write(author, change)
        return await self.state(author, group_id)

    async def remove(self, author: Author, group_id: str, user_id: str) -> None:
        """Removes a member, or leaves where it is the author's own. The owner can't go; a group dissolves instead."""

        def change(tx: Connection) -> list[Recorded]:
            conversation = roster.find_locked(tx, ids.group_conversation(group_id))
            members = {member.user_id: member for member in roster.members_of(tx, conversation.cid)}
            leaving = user_id == author.user_id
            acting = roster.require_role(
                tx, conversation.cid, author.uid, *(roster.ROLES if leaving else (OWNER, ADMIN))
            )
            gone = members.get(user_id)
            if gone is None:
                return []
            if gone.role == OWNER:
                raise Forbidden("The owner can't leave; dissolve the group or give it to another member.")
            if gone.role == ADMIN and not leaving and acting != OWNER:
                raise Forbidden("Only the owner removes admins.")
            roster.remove_member(tx, conversation.cid, gone.uid)
            action = "left" if leaving else "removed"
            record(tx, Act(f"group.{action}", author, conversation.conversation_id, user_id))
            entry = self._change(conversation, author, "member", action=action, user_id=user_id)
            return [self._journal.record(tx, entry, [member.uid for member in members.values()], author)]

        await self._write(author, change)

    async def rename(self, author: Author, group_id: str, name: str) -> GroupState:
        """Gives the group another name."""
        _check_name(name)

        def change(tx: Connection) -> list[Recorded]:
            conversation = roster.find_locked(tx, ids.group_conversation(group_id))
            roster.require_role(tx, conversation.cid, author.uid, OWNER, ADMIN)
            roster.rename(tx, conversation.cid, name)
            record(tx, Act("group.renamed", author, conversation.conversation_id, details={"name": name}))
            renamed = self._change(conversation, author, "group", action="renamed", name=name)
            told = [member.uid for member in roster.members_of(tx, conversation.cid)]
            return [self._journal.record(tx, renamed, told, author)]

        await self._write(author, change)
        return await self.state(author, group_id)

    async def dissolve(self, author: Author, group_id: str) -> None:
        """Ends the group."""

        def change(tx: Connection) -> list[Recorded]:
            conversation = roster.find_locked(tx, ids.group_conversation(group_id))
            roster.require_role(tx, conversation.cid, author.uid, OWNER)
            told = [member.uid for member in roster.members_of(tx, conversation.cid)]
            roster.dissolve(tx, conversation.cid, self._clock())
            record(tx, Act("group.dissolved", author, conversation.conversation_id))
            ended = self._change(conversation, author, "group", action="dissolved")
            return [self._journal.record(tx, ended, told, author)]

        await self._write(author, change)

    async def state(self, author: Author, group_id: str) -> GroupState:
        """The group as a member sees it. Raises `UnknownConversation` or `NotAMember`."""

        def query(connection: Connection) -> GroupState:
            conversation = roster.find(connection, ids.group_conversation(group_id))
            roster.membership(connection, conversation.cid, author.uid)
            return GroupState(conversation, roster.members_of(connection, conversation.cid))

        return await self._database.read(query)

    async def _write(self, author: Author, change: Callable[[Connection], list[Recorded]]) -> None:
        def tell(recorded: list[Recorded]) -> None:
            for entry in recorded:
                self._fanout.change(entry, author.uid)

        await self._database.write(change, tell)

    def _change(
        self,
        conversation: Conversation,
        author: Author,
        kind: str,
        *,
        action: str,
        user_id: str | None = None,
        role: str | None = None,
        name: str | None = None,
    ) -> Change:
        return Change(
            kind=kind,
            conversation_id=conversation.conversation_id,
            action=action,
            user_id=user_id,
            actor_id=author.user_id,
            role=role,
            name=name,
            time=self._clock(),
        )


def _check_name(name: str | None) -> None:
    if name is not None and (not 1 <= len(name) <= MAX_NAME or not name.isprintable()):
        raise InvalidInput(f"name must be 1-{MAX_NAME} printable characters.")


def _known(tx: Connection, user_ids: list[str]) -> dict[str, int]:
    uids = uids_of(tx, user_ids)
    missing = [user_id for user_id in user_ids if user_id not in uids]
    if missing:
        raise UnknownReceiver(f"There is no user {missing[0]}.")
    return uids
