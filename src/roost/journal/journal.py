"""The journal as the roads use it: `contract` on top of one database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import Connection

from roost.audit.ledger import Ledger
from roost.db.database import Database
from roost.hooks.events import Hooks, emit
from roost.journal import large, reading
from roost.journal.append import Append, Numbers, Outcome, Pushes, as_committed, no_pushes
from roost.journal.calling import Called, call
from roost.journal.contract import Author, Committed, Draft, LogPage, LogState, Recorded
from roost.journal.pulling import Pulled, pull
from roost.journal.statements import EntryRow, Statements
from roost.model import changes
from roost.model.audience import Audience, Large
from roost.model.message import Change, Message
from roost.protocol.codec import encode_json

MEMBERSHIP = frozenset({"group", "member", "mute", "ban"})
"""Kinds of changes of which webhooks are told."""


class Journal:
    """Appends to and reads from logs. See `roost.journal.contract` for what it guarantees."""

    def __init__(
        self,
        database: Database,
        statements: Statements,
        clock: Callable[[], int],
        pushes: Pushes = no_pushes,
        ledger: Ledger | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        """`pushes` says where messages are pushed, `ledger` audits them, `hooks` tell of them; `clock` gives ms."""
        self._database = database
        self._statements = statements
        self._clock = clock
        self._pushes = pushes
        self._append = Append(statements, clock, pushes, ledger, hooks)

    def append(self, draft: Draft, done: Callable[[Outcome | Exception], None]) -> None:
        """Hands a draft to the open batch. `done` is called on the event loop once it is on disk, or refused.

        Raises `Unavailable` at once where too much waits already.
        """
        self._database.submit(self._append, draft, done)

    async def sent_before(self, author: Author, message_id: str) -> Committed | None:
        """The message of this author with this id as it is now, a duplicate; None where there is none."""
        keys = [(author.uid, message_id)]
        found = await self._database.read(lambda connection: self._statements.sent_before(connection, keys))
        return as_committed(found[0], author.user_id) if found else None

    def record(
        self, connection: Connection, what: Message | Change, audience: Audience, author: Author | None
    ) -> Recorded:
        """Enters a change, or a message that is there, in the logs of `audience`, in the caller's write transaction.

        `what.seq` is 0. In the log of the author the entry's origin is the author's device; None: all are told alike.
        Everybody in a large conversation, which the caller has locked, is told by its own log; all alike.
        """
        if isinstance(audience, Large):
            large.enter_next(connection, audience.cid, what)
            _emit(connection, what)
            return Recorded(what, [], 0, audience.cid)
        return self.record_each(connection, [(what, audience)], author)[0]

    def record_each(
        self, connection: Connection, entries: Sequence[tuple[Message | Change, Collection[int]]], author: Author | None
    ) -> list[Recorded]:
        """The same for several entries, each in the logs of its users (uids), in this order."""
        receivers = {uid for _, uids in entries for uid in uids}
        numbers = Numbers(self._statements.log_heads(connection, sorted(receivers)))
        author_uid, did = (author.uid, author.did) if author else (0, 0)
        now = self._clock()
        rows: list[EntryRow] = []
        recorded: list[Recorded] = []
        for what, uids in entries:
            places = numbers.take_each(sorted(set(uids)))
            mid = int(what.server_msg_id) if isinstance(what, Message) else None
            text = encode_json(what).decode() if mid is None else None
            rows += [(uid, seq, mid, did if uid == author_uid else 0, now, text) for uid, seq in places]
            _emit(connection, what)
            recorded.append(Recorded(what, places, did))
        self._statements.store(connection, [], rows)
        return recorded

    def pull(self, connection: Connection, uids: Iterable[int], cid: int | None = None) -> Pulled:
        """Enters a piece of what the logs of `uids` lack, of their large conversations or of one."""
        return pull(connection, self._statements, uids, self._clock(), cid=cid)

    def pull_all(self, connection: Connection, uids: Collection[int], cid: int) -> None:
        """Enters all that the logs of `uids` lack of a conversation: what follows comes after it."""
        pull(connection, self._statements, uids, self._clock(), cid=cid, most=large.ALL * max(1, len(uids)))

    def call(self, connection: Connection) -> Called:
        """Writes a piece of the pushes for messages that mention all members of a large conversation."""
        return call(connection, self._statements, self._pushes, self._clock)

    def lock(self, connection: Connection, uids: Iterable[int]) -> None:
        """Nobody else enters anything in these logs until the caller's write transaction ends."""
        self._statements.log_heads(connection, sorted(set(uids)))

    def forget(self, conversation_id: str) -> None:
        """Who may write in a conversation is another, as of the caller's write transaction."""
        self._statements.forget(conversation_id)

    async def state(self, uid: int) -> LogState:
        """The head and floor of a log."""
        return await self._database.read(lambda connection: reading.log_state(connection, uid))

    async def page(self, uid: int, after: int, count: int) -> LogPage:
        """At most `count` entries after seq `after`, with the log's state."""
        return await self._database.read(lambda connection: reading.log_page(connection, uid, after, count))


def _emit(connection: Connection, what: Message | Change) -> None:
    """Has back ends hear of who came and went, and of what was recalled. Raises `ValueError` for what is no change."""
    if isinstance(what, Message):
        if what.recall_time:  # nothing of it changes afterwards
            emit(connection, "recall", what.conversation_id, what)
        return
    changes.check(what)
    if what.kind in MEMBERSHIP:
        emit(connection, "membership", what.conversation_id, what)
