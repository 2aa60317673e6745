"""How a batch of drafts gets its places: the one algorithm for all databases, run inside the writer's transaction.

The batch is settled in the order in which it came, so a conversation's messages keep the order of their arrival
and a user's log the order of commits. Duplicates are recognised before a number is given: a number that is given
is used, or there would be a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import uuid4

from sqlalchemy import Connection

from roost.errors import NotAMember, RoostError, UnknownConversation, UnknownReceiver
from roost.journal.contract import Committed, Draft, Place
from roost.journal.statements import EntryRow, FoundMessage, MessageRow, Statements
from roost.model.message import Message

Milliseconds = Callable[[], int]
Outcome = Committed | RoostError


class Numbers:
    """The next numbers of some logs and conversations, locked in the database until the transaction ends."""

    def __init__(self, heads: dict[int, int]) -> None:
        self.heads = heads
        self.touched: set[int] = set()

    def take(self, key: int) -> int:
        """The next number of `key`."""
        number = self.heads.get(key, 0) + 1
        self.heads[key] = number
        self.touched.add(key)
        return number

    def changed(self) -> list[Place]:
        """What must be saved, in sorted order."""
        return [Place(key, self.heads[key]) for key in sorted(self.touched)]


class Append:
    """Gives drafts their places. One for the life of the server; it keeps no state between batches."""

    def __init__(self, statements: Statements, clock: Milliseconds) -> None:
        self._statements = statements
        self._clock = clock

    def __call__(self, connection: Connection, drafts: list[Draft]) -> list[Outcome]:
        """One outcome per draft, in order: where it is now, or why it was refused (`UnknownReceiver`,
        `UnknownConversation`, `NotAMember`).
        """
        return _Batch(self._statements, connection, drafts, self._clock()).settle()


class _Batch:
    def __init__(self, statements: Statements, connection: Connection, drafts: list[Draft], now: int) -> None:
        self._statements = statements
        self._connection = connection
        self._drafts = drafts
        self._now = now
        self._members: dict[str, list[int]] = {}
        self._cids: dict[str, int] = {}

    def settle(self) -> list[Outcome]:
        conversations = self._open_conversations()
        earlier = self._sent_before()
        receivers = {uid for members in self._members.values() for uid in members}
        logs = Numbers(self._statements.log_heads(self._connection, sorted(receivers)))
        first_mid = self._statements.next_mids(self._connection, len(self._drafts))
        outcomes: list[Outcome] = []
        outcome: Outcome | None
        messages: list[MessageRow] = []
        entries: list[EntryRow] = []
        for mid, draft in enumerate(self._drafts, first_mid):
            outcome = self._duplicate(draft, earlier) or self._refusal(draft)
            if outcome is None:
                outcome, row = self._place(mid, draft, conversations, logs)
                messages.append(row)
                entries += _entries(outcome, row, draft, self._now)
                if draft.message_id is not None:
                    earlier[draft.author.uid, draft.message_id] = outcome
            outcomes.append(outcome)
        self._statements.insert_messages(self._connection, messages)
        self._statements.insert_entries(self._connection, entries)
        self._statements.save_log_heads(self._connection, logs.changed())
        self._statements.save_conversation_heads(self._connection, conversations.changed())
        return outcomes

    def _open_conversations(self) -> Numbers:
        """Finds the conversations of the batch and who is in them; makes private ones at their first message."""
        wanted = {draft.conversation_id: draft for draft in self._drafts}
        found = self._statements.conversations(self._connection, wanted)
        missing = {name: draft for name, draft in wanted.items() if name not in found and draft.to is not None}
        if missing:
            found |= self._create_private(missing)
        members = self._statements.members(self._connection, [cid for cid, _ in found.values()])
        for name, (cid, _) in found.items():
            self._cids[name] = cid
            self._members[name] = members.get(cid, [])
        return Numbers(dict(found.values()))

    def _create_private(self, missing: dict[str, Draft]) -> dict[str, tuple[int, int]]:
        uids = self._statements.uids(self._connection, {draft.to for draft in missing.values() if draft.to})
        pairs = {
            name: {draft.author.uid, uids[draft.to]}
            for name, draft in missing.items()
            if draft.to is not None and draft.to in uids
        }
        made = self._statements.create_private(self._connection, sorted(pairs), self._now) if pairs else {}
        rows = [(made[name][0], uid, "member", 0, self._now) for name, pair in pairs.items() for uid in pair]
        self._statements.add_members(self._connection, rows)
        return made

    def _sent_before(self) -> dict[tuple[int, str], Committed]:
        keys = [(draft.author.uid, draft.message_id) for draft in self._drafts if draft.message_id is not None]
        found = self._statements.sent_before(self._connection, keys) if keys else []
        senders = {draft.author.uid: draft.author.user_id for draft in self._drafts}
        return {(row.sender, row.message_id): _as_committed(row, senders[row.sender]) for row in found}

    def _refusal(self, draft: Draft) -> RoostError | None:
        members = self._members.get(draft.conversation_id)
        if members is None:
            return UnknownReceiver(f"There is no user {draft.to}.") if draft.to else UnknownConversation()
        return None if draft.author.uid in members else NotAMember()

    def _duplicate(self, draft: Draft, earlier: dict[tuple[int, str], Committed]) -> Committed | None:
        first = earlier.get((draft.author.uid, draft.message_id)) if draft.message_id is not None else None
        return first and Committed(first.message, first.author_seq, [], duplicate=True)

    def _place(self, mid: int, draft: Draft, conversations: Numbers, logs: Numbers) -> tuple[Committed, MessageRow]:
        cid = self._cids[draft.conversation_id]
        places = [Place(uid, logs.take(uid)) for uid in self._members[draft.conversation_id]]
        author_seq = logs.heads[draft.author.uid]
        message = Message(
            message_id=draft.message_id or uuid4().hex,
            server_msg_id=str(mid),
            conversation_id=draft.conversation_id,
            conversation_seq=conversations.take(cid),
            sender_id=draft.author.user_id,
            message_type=draft.message_type,
            content=draft.content,
            create_time=draft.create_time,
            server_time=self._now,
            version=1,
        )
        row = MessageRow(
            mid,
            draft.author.uid,
            author_seq,
            message.message_id,
            cid,
            message.conversation_seq,
            message.message_type,
            message.content,
            message.create_time,
            message.server_time,
        )
        return Committed(message, author_seq, places), row


def _entries(committed: Committed, row: MessageRow, draft: Draft, now: int) -> Iterable[EntryRow]:
    author, origin = draft.author.uid, draft.author.did
    for uid, seq in committed.places:
        yield EntryRow(uid, seq, row.mid, origin if uid == author else 0, now, None)


def _as_committed(row: FoundMessage, sender_id: str) -> Committed:
    message = Message(
        message_id=row.message_id,
        server_msg_id=str(row.mid),
        conversation_id=row.conversation_id,
        conversation_seq=row.conversation_seq,
        sender_id=sender_id,
        message_type=row.message_type,
        content=row.content,
        create_time=row.create_time,
        server_time=row.server_time,
        version=row.version,
        edit_time=row.edit_time,
        recall_time=row.recall_time,
    )
    return Committed(message, row.sender_seq, [])
