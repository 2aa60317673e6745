"""The statements that a kind of database must bring for `roost.journal.append`.

Each is called inside the writer's transaction with whole batches and returns plain values. Locking is theirs:
`log_heads` and `conversation_heads` lock the rows they read until the transaction ends, in sorted order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from roost.journal.contract import Place


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


class EntryRow(NamedTuple):
    """A row of `log`. `change` is JSON."""

    uid: int
    seq: int
    mid: int | None
    origin: int
    logged_at: int
    change: str | None


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


class Statements(Protocol):
    """What `append` needs of a database."""

    def uids(self, connection: Connection, user_ids: Iterable[str]) -> dict[str, int]:
        """Those of the users that exist."""

    def conversations(self, connection: Connection, ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        """`(cid, head)` of those conversations that exist and are not dissolved; locked."""

    def create_private(self, connection: Connection, ids: Sequence[str], now: int) -> dict[str, tuple[int, int]]:
        """Makes private conversations without messages."""

    def add_members(self, connection: Connection, rows: Sequence[tuple[int, int, str, int, int]]) -> None:
        """Rows of `(cid, uid, role, read_seq, joined_at)`."""

    def members(self, connection: Connection, cids: Iterable[int]) -> dict[int, list[int]]:
        """The uids of the members of each conversation, sorted."""

    def sent_before(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> list[FoundMessage]:
        """The messages that exist with these `(sender, message_id)`."""

    def log_heads(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        """The last seq of each log that exists; locked."""

    def save_log_heads(self, connection: Connection, heads: Sequence[Place]) -> None:
        """Sets the last seq of each log, making those that don't exist."""

    def save_conversation_heads(self, connection: Connection, heads: Sequence[tuple[int, int]]) -> None:
        """Sets the head of each `(cid, head)`."""

    def insert_messages(self, connection: Connection, rows: Sequence[MessageRow]) -> None:
        """Stores messages."""

    def insert_entries(self, connection: Connection, rows: Sequence[EntryRow]) -> None:
        """Stores log entries."""

    def next_mids(self, connection: Connection, count: int) -> int:
        """Reserves `count` server message ids; returns the first. No two nodes ever get the same."""


Row = Sequence[Any]
