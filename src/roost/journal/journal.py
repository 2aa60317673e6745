"""The journal as the roads use it: `contract` on top of one database."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from roost.audit.ledger import Ledger
from roost.db.database import Database
from roost.hooks.events import Hooks, emit
from roost.journal import reading
from roost.journal.append import Append, Numbers, Outcome, Pushes, as_committed, no_pushes
from roost.journal.contract import Author, Committed, Draft, LogPage, LogState, Recorded
from roost.journal.statements import EntryRow, Statements
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
        self, connection: Connection, what: Message | Change, uids: Iterable[int], author: Author | None
    ) -> Recorded:
        """Enters a change, or a message that is there, in the logs of `uids`, in the caller's write transaction.

        `what.seq` is 0. In the log of the author the entry's origin is the author's device; None: all are told alike.
        """
        receivers = sorted(set(uids))
        numbers = Numbers(self._statements.log_heads(connection, receivers))
        places = numbers.take_each(receivers)
        now, mid, text = self._clock(), None, None
        if isinstance(what, Message):
            mid = int(what.server_msg_id)
        else:
            text = encode_json(what).decode()
            if what.kind in MEMBERSHIP:
                emit(connection, "membership", what.conversation_id, what)
        author_uid, did = (author.uid, author.did) if author else (0, 0)
        rows: list[EntryRow] = [(uid, seq, mid, did if uid == author_uid else 0, now, text) for uid, seq in places]
        self._statements.store(connection, [], rows)
        return Recorded(what, places, did)

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
