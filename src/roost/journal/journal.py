"""The journal as the roads use it: `contract` on top of one database."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from roost.db.database import Database
from roost.journal import reading
from roost.journal.append import Append, Numbers, Outcome, Pushes, as_committed, no_pushes
from roost.journal.contract import Author, Committed, Draft, LogPage, LogState, Recorded
from roost.journal.statements import EntryRow, Statements
from roost.model.message import Change
from roost.protocol.codec import encode_json


class Journal:
    """Appends to and reads from logs. See `roost.journal.contract` for what it guarantees."""

    def __init__(
        self, database: Database, statements: Statements, clock: Callable[[], int], pushes: Pushes = no_pushes
    ) -> None:
        """`pushes` says where a user's messages are to be pushed; `clock` gives milliseconds."""
        self._database = database
        self._statements = statements
        self._clock = clock
        self._append = Append(statements, clock, pushes)

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

    def record(self, connection: Connection, change: Change, uids: Iterable[int], author: Author | None) -> Recorded:
        """Enters a change in the logs of `uids`, in the caller's write transaction. `change.seq` is 0."""
        receivers = sorted(set(uids))
        numbers = Numbers(self._statements.log_heads(connection, receivers))
        places = numbers.take_each(receivers)
        now, text = self._clock(), encode_json(change).decode()
        author_uid, did = (author.uid, author.did) if author else (0, 0)
        rows: list[EntryRow] = [(uid, seq, None, did if uid == author_uid else 0, now, text) for uid, seq in places]
        self._statements.store(connection, [], rows)
        return Recorded(change, places, did)

    async def state(self, uid: int) -> LogState:
        """The head and floor of a log."""
        return await self._database.read(lambda connection: reading.log_state(connection, uid))

    async def page(self, uid: int, after: int, count: int) -> LogPage:
        """At most `count` entries after seq `after`, with the log's state."""
        return await self._database.read(lambda connection: reading.log_page(connection, uid, after, count))
