"""The statements that a kind of database must bring for `roost.journal.append`.

Each is called inside the writer's transaction with whole batches and returns plain values. Locking is theirs:
`log_heads` and `conversation_heads` keep every other writer out of these logs and conversations until the
transaction ends; they are asked for in sorted order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from roost.hooks.events import EventRow


class MessageRow(NamedTuple):
    """A row of `messages`, in the order of its columns."""

    mid: int
    sender: int
    sender_seq: int
    message_id: str
    cid: int
    conversation_seq: int
    message_type: int
    content: str
    create_time: int
    server_time: int
    extra: str | None


EntryRow = tuple[int, int, int | None, int, int, str | None]
"""A row of `log`: uid, seq, mid, origin, logged_at, change as JSON. Plain, because a group message has thousands."""


PushRow = tuple[int, int, int, int, int, int, int]
"""A row of `push_outbox`: aid, uid, did, mid, seq, due_at, created_at."""

PositionRow = tuple[int, int, int, int]
"""A row of `positions`: uid, did, mark, synced_at."""


PageRow = tuple[str, int, str, int, str, str]
"""A row of `audit`: chain, position, kind, written_at, body, digest. Its key is the database's to give."""


class Besides(NamedTuple):
    """What is stored with messages and their entries: pushes, pages of the audit log, events for webhooks."""

    pushes: Sequence[PushRow] = ()
    pages: Sequence[PageRow] = ()
    events: Sequence[EventRow] = ()


NOTHING = Besides()


class FoundMessage(NamedTuple):
    """A message that was there before its draft."""

    mid: int
    sender: int
    sender_seq: int
    message_id: str
    conversation_id: str
    conversation_seq: int
    message_type: int
    content: str
    create_time: int
    server_time: int
    version: int
    edit_time: int
    recall_time: int
    extra: str | None


class AlreadySent(Exception):
    """A message of this sender with this message id is stored already."""


class Opened(NamedTuple):
    """A conversation that takes messages. `members` are uids, sorted; of a `large` one they are not read.

    `restricted`: not all of them may write.
    """

    cid: int
    members: Sequence[int]
    restricted: bool = False
    large: bool = False


class Statements(Protocol):
    """What `append` needs of a database."""

    def uids(self, connection: Connection, user_ids: Iterable[str]) -> dict[str, int]:
        """Those of the users that exist and were not erased."""

    def conversations(self, connection: Connection, ids: Iterable[str]) -> dict[str, Opened]:
        """Those conversations that exist and are not dissolved, with their members of now."""

    def create_private(self, connection: Connection, ids: Sequence[str], now: int) -> dict[str, int]:
        """Makes private conversations without messages and members; returns their cids."""

    def add_members(self, connection: Connection, rows: Sequence[tuple[int, int, str, int, int]]) -> None:
        """Rows of `(cid, uid, role, read_seq, joined_at)`."""

    def sent_before(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> list[FoundMessage]:
        """The messages that exist with these `(sender, message_id)`."""

    def conversation_heads(self, connection: Connection, cids: Sequence[int]) -> dict[int, int]:
        """The last number given in each conversation; locked."""

    def log_heads(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        """The last seq given in each log; locked."""

    def store(
        self,
        connection: Connection,
        messages: Sequence[MessageRow],
        entries: Sequence[EntryRow],
        besides: Besides = NOTHING,
    ) -> None:
        """Stores messages, log entries, and what goes with them.

        Those of one conversation, log or chain are in the order of their numbers.

        Raises `AlreadySent`, and has stored nothing, where a message with that sender and message id is there.
        """

    def save_positions(self, connection: Connection, rows: Sequence[PositionRow]) -> None:
        """Moves positions on, never back, and drops the marks they have passed."""

    def next_mids(self, connection: Connection, count: int) -> int:
        """Reserves `count` server message ids; returns the first. No two nodes ever get the same."""

    def one_step(self, conversations: Iterable[str], count: int) -> bool:
        """Whether messages to these conversations need no other write than one `store`, which is atomic by itself."""

    def forget(self, conversation: str) -> None:
        """Who may write in this conversation is another than before, as of this transaction."""

    def rolled_back(self) -> None:
        """What was done since the transaction (or a savepoint in it) began did not happen."""
