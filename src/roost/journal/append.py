"""How a batch of drafts gets its places: the one algorithm for all databases, run inside the writer's transaction.

The batch is settled in the order in which it came, so a conversation's messages keep the order of their arrival
and a user's log the order of commits. Duplicates are rare, so a batch is first stored as if it had none; the unique
index knows better, nothing is stored then, and the batch is settled again with the duplicates looked up. A number
that is given is used, or there would be a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from random import Random

from sqlalchemy import Connection

from roost.audit.ledger import Ledger
from roost.audit.sends import SendRow, pages_of
from roost.errors import NotAMember, RoostError, UnknownConversation, UnknownReceiver
from roost.hooks.events import EventRow, Hooks, Moderation
from roost.journal import attachments, extra, rights
from roost.journal.contract import Committed, Draft, Place
from roost.journal.largebatch import LargeBatch
from roost.journal.statements import (
    AlreadySent,
    Besides,
    EntryRow,
    FoundMessage,
    MessageRow,
    Opened,
    PushRow,
    Statements,
)
from roost.model.message import Message

Milliseconds = Callable[[], int]
_ids = Random()  # noqa: S311 - ids must differ, not be secret; the kernel's randomness costs a system call each
Outcome = Committed | RoostError

PushTo = tuple[int, int, int, int, int]
"""Where a message is to be pushed: aid, uid, did, its seq there, and after how many milliseconds."""
Where = Callable[[list[Place], int], Sequence[PushTo]]
"""Where a message with these places, of this author (uid), is to be pushed."""
Pushes = Callable[[Connection, Collection[int]], Where | None]
"""Asked once for each batch, in its transaction, with all who get something of it (uids); None: nobody is told by push.
"""


def no_pushes(_: Connection, __: Collection[int]) -> Where | None:
    """Nobody is told by push."""
    return None


class Numbers:
    """The next numbers of some logs or conversations, nobody else's until the transaction ends."""

    def __init__(self, heads: dict[int, int]) -> None:
        self.heads = heads

    def take(self, key: int) -> int:
        """The next number of `key`."""
        number = self.heads[key] + 1
        self.heads[key] = number
        return number

    def take_each(self, keys: Iterable[int]) -> list[Place]:
        """The next number of each of the keys, once."""
        heads = self.heads
        places = []
        for key in keys:
            number = heads[key] + 1
            heads[key] = number
            places.append((key, number))
        return places


class Append:
    """Gives drafts their places. One for the life of the server; it keeps no state between batches."""

    def __init__(
        self,
        statements: Statements,
        clock: Milliseconds,
        pushes: Pushes,
        ledger: Ledger | None,
        hooks: Hooks | None,
    ) -> None:
        """`ledger`: where messages are audited, `hooks`: who is told of them; None where it is nobody."""
        self.hooks = hooks if hooks is not None and (hooks.wants("message") or hooks.wants("moderation")) else None
        self.statements = statements
        self.clock = clock
        self.pushes = pushes
        self.ledger = ledger if ledger is not None and ledger.settings.sends else None

    def one_step(self, drafts: list[Draft]) -> bool:
        """Whether the batch is one write, so that no transaction is needed around it (see `roost.db.database`)."""
        if self.ledger is not None and not self.ledger.ready:
            return False
        plain = [draft.conversation_id for draft in drafts if draft.extra is None]
        return len(plain) == len(drafts) and self.statements.one_step(plain, len(drafts))

    def __call__(self, connection: Connection, drafts: list[Draft]) -> list[Outcome]:
        """One outcome per draft, in order: where it is now, or why it was refused.

        The refusals are `UnknownReceiver`, `UnknownConversation` and `NotAMember`.
        """
        batch = _Batch(self, connection, drafts)
        try:
            return batch.settle(None)
        except AlreadySent:
            return batch.settle(batch.sent_before())


class _Batch:
    def __init__(self, append: Append, connection: Connection, drafts: list[Draft]) -> None:
        self._pushes = append.pushes
        self._hooks = append.hooks
        self._ledger = append.ledger
        self._statements = append.statements
        self._made: dict[str, Opened] = {}
        self._closed: set[str] = set()
        self._connection = connection
        self._drafts = drafts
        self._now = append.clock()

    def settle(self, found: dict[tuple[int, str], Committed] | None) -> list[Outcome]:
        """Places and stores every draft that was not `found` before.

        None: nobody has looked. Then raises `AlreadySent` where it matters: also before a refusal, because what was
        sent once stays sent, whatever happened to the sender's rights since.
        """
        earlier = {} if found is None else found
        statements, connection = self._statements, self._connection
        opened = self._open_conversations()
        numbers = Numbers(statements.conversation_heads(connection, sorted(one.cid for one in opened.values())))
        receivers = {uid for conversation in opened.values() for uid in conversation.members}
        large = LargeBatch(connection, self._drafts, opened)
        logs = Numbers(statements.log_heads(connection, sorted(receivers | large.senders)))
        large.begin(statements)
        opened |= self._restricted_from_the_start()
        first_mid = statements.next_mids(connection, len(self._drafts))
        outcomes: list[Outcome] = []
        messages: list[MessageRow] = []
        entries: list[EntryRow] = []
        pushes: list[PushRow] = []
        taken: list[Draft] = []
        uses: list[attachments.Use] = []
        events: list[EventRow] = []
        where = self._pushes(connection, receivers.union(large.called))
        for mid, draft in enumerate(self._drafts, first_mid):
            conversation = opened.get(draft.conversation_id)
            settled = _duplicate(draft, earlier) or self._refusal(draft, conversation, large, earlier)
            if found is None and isinstance(settled, RoostError) and draft.message_id is not None:
                raise AlreadySent
            if settled is not None or conversation is None:
                outcomes.append(settled or UnknownConversation())
                continue
            entries += self._missed(draft, conversation, large, logs)
            committed, row = self._place(mid, draft, conversation, numbers, logs)
            told = large.enter(conversation.cid, draft, mid) if conversation.large else committed.places
            taken.append(draft)
            messages.append(row)
            entries += _entries(committed, mid, draft, self._now)
            if committed.message.attachments:
                uses.append(attachments.Use(mid, conversation.cid, committed.message.attachments))
            if where is not None:
                to = where(told, draft.author.uid)
                pushes += due(to, mid, self._now)
                committed.pushes = len(to)
            if self._hooks is not None:
                events += _events(self._hooks, committed.message, draft, self._now)
            if draft.message_id is not None:
                earlier[draft.author.uid, draft.message_id] = committed
            outcomes.append(committed)
        self._store(messages, entries, taken, Besides(pushes, (), events))
        large.store()
        if uses:
            attachments.send(connection, uses)
        stored = [one.message for one in outcomes if isinstance(one, Committed) and (one.places or one.large)]
        extra.keep_times(connection, stored)
        return outcomes

    def _store(self, messages: list[MessageRow], entries: list[EntryRow], taken: list[Draft], besides: Besides) -> None:
        store, connection, ledger = self._statements.store, self._connection, self._ledger
        if ledger is None:
            store(connection, messages, entries, besides)
            return
        pages = pages_of(ledger, connection, _sends(messages, taken, content=ledger.settings.content), self._now)
        store(connection, messages, entries, besides._replace(pages=pages))
        if pages:
            ledger.written(pages[-1])

    def _missed(self, draft: Draft, conversation: Opened, large: LargeBatch, logs: Numbers) -> Sequence[EntryRow]:
        """What the author's log lacks of a large conversation comes before the author's own."""
        if not conversation.large or draft.system:
            return ()
        uid, now = draft.author.uid, self._now
        missed = large.missed(conversation.cid, uid)
        return [(uid, logs.take(uid), entry.mid, 0, now, entry.change) for entry in missed]

    def _open_conversations(self) -> dict[str, Opened]:
        """The conversations of the batch and who is in them; a private one is made by its first message."""
        wanted = {draft.conversation_id: draft for draft in self._drafts}
        opened = self._statements.conversations(self._connection, wanted)
        missing = {name: draft for name, draft in wanted.items() if name not in opened and draft.to is not None}
        return opened | self._create_private(missing) if missing else opened

    def _create_private(self, missing: dict[str, Draft]) -> dict[str, Opened]:
        uids = self._statements.uids(self._connection, {draft.to for draft in missing.values() if draft.to})
        pairs = {
            name: sorted({draft.author.uid, uids[draft.to]})
            for name, draft in missing.items()
            if draft.to is not None and draft.to in uids
        }
        self._closed = self._blocked(pairs)
        pairs = {name: pair for name, pair in pairs.items() if name not in self._closed}
        if not pairs:
            return {}
        made = self._statements.create_private(self._connection, sorted(pairs), self._now)
        rows = [(made[name], uid, "member", 0, self._now) for name, pair in pairs.items() for uid in pair]
        self._statements.add_members(self._connection, rows)
        self._made = {name: Opened(made[name], pair) for name, pair in pairs.items()}
        return self._made

    def _blocked(self, pairs: dict[str, list[int]]) -> set[str]:
        """The conversations that nobody makes: who wants to has been blocked by the other."""
        blocks = rights.blocks_among(self._connection, {uid for pair in pairs.values() for uid in pair})
        if not blocks:
            return set()
        free = {
            draft.conversation_id
            for draft in self._drafts
            if draft.system
            or not any((uid, draft.author.uid) in blocks for uid in pairs.get(draft.conversation_id, ()))
        }
        return set(pairs) - free

    def _restricted_from_the_start(self) -> dict[str, Opened]:
        """Those conversations of the batch that were made just now, of which one user has blocked the other."""
        if not self._made:
            return {}
        blocks = rights.blocks_among(self._connection, {uid for one in self._made.values() for uid in one.members})
        found = {
            name: one._replace(restricted=True)
            for name, one in self._made.items()
            if (pair := tuple(one.members)) in blocks or pair[::-1] in blocks
        }
        if found:
            rights.restrict(self._connection, [one.cid for one in found.values()])
        return found

    def sent_before(self) -> dict[tuple[int, str], Committed]:
        """The drafts of the batch that were stored before it, by sender and message id."""
        keys = [(draft.author.uid, draft.message_id) for draft in self._drafts if draft.message_id is not None]
        found = self._statements.sent_before(self._connection, keys) if keys else []
        senders = {draft.author.uid: draft.author.user_id for draft in self._drafts}
        return {(row.sender, row.message_id): as_committed(row, senders[row.sender]) for row in found}

    def _refusal(
        self,
        draft: Draft,
        conversation: Opened | None,
        large: LargeBatch,
        earlier: dict[tuple[int, str], Committed],
    ) -> RoostError | None:
        if conversation is None:
            return self._no_conversation(draft)
        private = draft.conversation_id.startswith("p:")
        if conversation.restricted and private and rights.is_of_erased(self._connection, conversation.cid):
            return self._no_conversation(draft)
        if draft.system:
            return None
        uid, cid = draft.author.uid, conversation.cid
        if not (large.has(cid, uid) if conversation.large else uid in conversation.members):
            return NotAMember()
        barred = None
        if conversation.restricted:
            barred = rights.refusal(self._connection, conversation.cid, draft.author.uid, self._now)
        if draft.extra is not None and barred is None:
            barred = extra.refusal(self._connection, draft, draft.extra, conversation.cid, earlier)
        return barred

    def _no_conversation(self, draft: Draft) -> RoostError:
        if draft.conversation_id in self._closed:
            return rights.blocked()
        return UnknownReceiver(f"There is no user {draft.to}.") if draft.to else UnknownConversation()

    def _place(
        self, mid: int, draft: Draft, conversation: Opened, numbers: Numbers, logs: Numbers
    ) -> tuple[Committed, MessageRow]:
        places = logs.take_each(conversation.members)
        if conversation.large and not draft.system:
            places = logs.take_each([draft.author.uid])
        author_seq = logs.heads.get(draft.author.uid, 0)  # the server writes to conversations that it is not in
        message = Message(
            message_id=draft.message_id or f"{_ids.getrandbits(128):032x}",
            server_msg_id=str(mid),
            conversation_id=draft.conversation_id,
            conversation_seq=numbers.take(conversation.cid),
            sender_id=draft.author.user_id,
            message_type=draft.message_type,
            content=draft.content,
            create_time=draft.create_time,
            server_time=self._now,
            version=1,
        )
        if draft.extra is not None:
            extra.put(draft.extra, message)
        row = MessageRow(
            mid,
            draft.author.uid,
            author_seq,
            message.message_id,
            conversation.cid,
            message.conversation_seq,
            message.message_type,
            message.content,
            message.create_time,
            message.server_time,
            None if draft.extra is None else extra.pack(message),
        )
        return Committed(message, author_seq, places, large=conversation.cid if conversation.large else 0), row


def _duplicate(draft: Draft, earlier: dict[tuple[int, str], Committed]) -> Committed | None:
    first = earlier.get((draft.author.uid, draft.message_id)) if draft.message_id is not None else None
    return first and Committed(first.message, first.author_seq, [], duplicate=True)


def _entries(committed: Committed, mid: int, draft: Draft, now: int) -> list[EntryRow]:
    author, origin = draft.author.uid, draft.author.did
    return [(uid, seq, mid, origin if uid == author else 0, now, None) for uid, seq in committed.places]


def _events(hooks: Hooks, message: Message, draft: Draft, now: int) -> list[EventRow]:
    """What webhooks are told of a message."""
    rows = hooks.rows("message", draft.conversation_id, message, now)
    if draft.flagged:
        flagged = Moderation(
            what="flagged",
            user_id=message.sender_id,
            conversation_id=message.conversation_id,
            server_msg_id=message.server_msg_id,
            content=message.content,
            words=list(draft.flagged),
        )
        rows += hooks.rows("moderation", draft.conversation_id, flagged, now)
    return rows


def _sends(messages: list[MessageRow], drafts: list[Draft], *, content: bool) -> list[SendRow]:
    """Messages, and the drafts they were made of, as the audit log has them."""
    return [
        (
            row.mid,
            (author := draft.author).user_id,
            author.device_id,
            author.address,
            draft.conversation_id,
            draft.message_type,
            draft.content if content else None,
        )
        for row, draft in zip(messages, drafts, strict=True)
    ]


def due(pushes: Sequence[PushTo], mid: int, now: int) -> list[PushRow]:
    """The rows of the outbox for a message."""
    return [(aid, uid, did, mid, seq, now + wait, now) for aid, uid, did, seq, wait in pushes]


def as_committed(row: FoundMessage, sender_id: str) -> Committed:
    """A message that was there before its draft."""
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
    if row.extra is not None:
        extra.unpack(row.extra, message)
    return Committed(message, row.sender_seq, [], duplicate=True)
