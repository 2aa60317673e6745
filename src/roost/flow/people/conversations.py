"""A user's conversations: the list, unread counts, history, the snapshot of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from roost.db.database import Database
from roost.errors import UnknownConversation
from roost.flow.fanout import Fanout
from roost.flow.messages import drafts
from roost.flow.pulling import Pulling
from roost.journal import large, reading, retention
from roost.journal.contract import Author, LogState, Recorded
from roost.journal.journal import Journal
from roost.journal.positions import Positions
from roost.model import ids
from roost.model.audience import Large
from roost.model.message import Change, GroupSettings, Message
from roost.protocol.answers import Draft
from roost.roster import blocks, groups, marks
from roost.roster import conversations as roster
from roost.roster.blocks import Block
from roost.roster.conversations import Listed, Member
from roost.roster.users import uids_of

SNAPSHOT_CONVERSATIONS = 1000
"""Conversations in a snapshot; older ones are in the list."""
SNAPSHOT_MESSAGES = 20
"""Messages of each conversation in a snapshot; older ones are in its history."""
SNAPSHOT_UNREAD = 500
"""Unread messages of each conversation that a snapshot names by their places, besides those that it has."""
ATTEMPTS = 5
"""Readings of a snapshot while others write to a large conversation; at the last, a message may come once more."""


class Overview(NamedTuple):
    """A conversation in the list, with its last message (A11)."""

    listed: Listed
    last_message: Message | None


class ConversationState(NamedTuple):
    """A conversation in a snapshot: with the members that the user is shown, and latest messages, oldest first.

    `unread_before`: the newest unread conversationSeqs before these, ascending, at most `SNAPSHOT_UNREAD`.
    """

    listed: Listed
    members: list[Member]
    messages: list[Message]
    settings: GroupSettings
    unread_before: list[int]


class Snapshot(NamedTuple):
    """Everything a new or too-old client needs; it goes on from `state.head`."""

    state: LogState
    conversations: list[ConversationState]
    blocks: list[Block]
    drafts: list[Draft]


class Conversations:
    """The road of reading what was said."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        fanout: Fanout,
        positions: Positions,
        clock: Callable[[], int],
        pulling: Pulling,
        *,
        state_ttl: int,
    ) -> None:
        """`state_ttl` (s): a device that has not synced for longer does not hold entries back (B2)."""
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._positions = positions
        self._clock = clock
        self._pulling = pulling
        self._state_ttl = state_ttl * 1000

    async def listed(self, author: Author, offset: int, count: int) -> list[Overview]:
        """The author's conversations, the latest first, with last message and unread."""

        def query(connection: Connection) -> list[Overview]:
            rows = roster.listed(connection, author.uid, offset, count)
            last = reading.messages_by_mid(connection, [row.last_mid for row in rows if row.last_mid])
            return [Overview(row, last.get(row.last_mid or 0)) for row in rows]

        return await self._database.read(query)

    async def unread(self, author: Author) -> dict[str, int]:
        """Unread messages by conversation id, where there are any (A4)."""
        return await self._database.read(lambda connection: roster.unread_counts(connection, author.uid))

    async def history(self, author: Author, conversation_id: str, before: int | None, count: int) -> list[Message]:
        """The newest messages before a conversationSeq, oldest first (D1).

        Raises `UnknownConversation` or `NotAMember`; a private conversation without messages is empty.
        """

        def query(connection: Connection) -> list[Message]:
            conversation = roster.find(connection, conversation_id)
            roster.membership(connection, conversation.cid, author.uid)
            return reading.history(connection, conversation.cid, reading.NO_LIMIT if before is None else before, count)

        return await self._database.read(query)

    async def member_uids(self, author: Author, conversation_id: str) -> frozenset[int]:
        """Everyone who belongs to a conversation; to a private one before its first message, too.

        Of a large one the author alone, if a member: what this is for is not told there. Raises `UnknownConversation`.
        """
        private, *names = conversation_id.split(":")

        def query(connection: Connection) -> frozenset[int]:
            try:
                conversation = roster.find(connection, conversation_id)
            except UnknownConversation:
                if private != "p":
                    raise
                return frozenset(uids_of(connection, names).values())
            everybody = roster.audience(connection, conversation)
            if not isinstance(everybody, Large):
                return frozenset(everybody)
            return frozenset({author.uid} if roster.role_of(connection, conversation.cid, author.uid) else ())

        return await self._database.read(query)

    async def mute(self, author: Author, conversation_id: str, *, muted: bool) -> None:
        """Mutes or unmutes a conversation for the author; all the author's devices are told."""

        def change(tx: Connection) -> Recorded | None:
            conversation = roster.find(tx, ids.conversation_id(conversation_id))
            if not roster.set_muted(tx, conversation.cid, author.uid, muted=muted):
                return None
            told = Change(
                kind="conversation",
                conversation_id=conversation.conversation_id,
                action="muted" if muted else "unmuted",
                time=self._clock(),
            )
            return self._journal.record(tx, told, [author.uid], author)

        def tell(recorded: Recorded | None) -> None:
            if recorded is not None:
                self._fanout.change(recorded, author.uid)

        await self._database.write(change, tell)

    async def clear(self, author: Author, days: float) -> int:
        """Removes log entries older than `days` that all the author's devices have stored (A5); returns how many."""
        await self._positions.save()
        now = self._clock()
        before = now + 1 if days == 0 else now - int(days * 86_400_000)
        cleared = 0
        while piece := await self._database.write(
            lambda tx: retention.clear(tx, author.uid, logged_before=before, active_since=now - self._state_ttl)
        ):
            cleared += piece
        return cleared

    async def snapshot(self, author: Author) -> Snapshot:
        """The author's conversations as they are now, read in one transaction together with the head to go on from.

        What a large one has beyond the log would come once more after the snapshot: it is entered first.
        """
        left = ATTEMPTS
        while True:
            left -= 1
            await self._pulling.bring(author.uid)
            found, is_whole = await self._database.read(lambda connection: _snapshot(connection, author.uid))
            if is_whole or not left:
                return found


def _snapshot(connection: Connection, uid: int) -> tuple[Snapshot, bool]:
    """A snapshot, and whether the log has all that is in it."""
    rows = roster.listed(connection, uid, 0, SNAPSHOT_CONVERSATIONS)
    states = [_conversation_state(connection, row, uid) for row in rows]
    found = Snapshot(
        reading.log_state(connection, uid), states, blocks.of_user(connection, uid), drafts.of_user(connection, uid)
    )
    return found, not large.is_pending(connection, uid)


def _conversation_state(connection: Connection, row: Listed, uid: int) -> ConversationState:
    cid = reading.cid_of(connection, row.conversation_id)
    latest = reading.history(connection, cid, reading.NO_LIMIT, SNAPSHOT_MESSAGES)
    first = latest[0].conversation_seq if latest else 0
    unread = marks.unread_between(connection, cid, uid, row.read_seq, first, SNAPSHOT_UNREAD) if row.unread else []
    members = roster.seen_members(connection, cid, uid, is_large=row.large)
    return ConversationState(row, members, latest, groups.settings_of(connection, cid), unread)
