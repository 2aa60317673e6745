"""What waits to be told to the server: the outbox of messages, and read marks."""

from __future__ import annotations

from typing import NamedTuple

from roost.client.store.entries import Book
from roost.client.store.marks import move_read_mark
from roost.client.store.rows import PENDING, StoredMessage, fields_of, more_of
from roost.errors import RoostError

_SELECT = (
    "SELECT place, message_id, conversation_id, message_type, content, create_time, state, error_code, error, "
    "more "
    "FROM outbox "
)


NO_LIMIT = 2**31
"""Attempts that no message ever has."""


class Waiting(NamedTuple):
    """A message of the outbox. `place` orders them."""

    place: int
    message: StoredMessage


class ReadMark(NamedTuple):
    """A read mark that the server does not know yet."""

    conversation_id: str
    conversation_seq: int


def put(book: Book, message: StoredMessage) -> None:
    """Puts a message into the outbox. A message id that is there already is left as it is."""
    book.key(message.conversation_id)
    book.execute(
        "INSERT INTO outbox (message_id, conversation_id, message_type, content, create_time, state, more) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
        (
            message.message_id,
            message.conversation_id,
            message.message_type,
            message.content,
            message.create_time,
            PENDING,
            more_of(message),
        ),
    )


def waiting(book: Book, after: int, count: int) -> list[Waiting]:
    """Pending messages behind a place, in the order of sending."""
    rows = book.execute(f"{_SELECT} WHERE state = 'pending' AND place > ? ORDER BY place LIMIT ?", (after, count))
    return [_waiting(book, row) for row in rows.fetchall()]


def unsent(book: Book, conversation_id: str | None = None) -> list[StoredMessage]:
    """Everything in the outbox, pending or failed, in the order of sending."""
    if conversation_id is None:
        rows = book.execute(f"{_SELECT} ORDER BY place")
    else:
        rows = book.execute(f"{_SELECT} WHERE conversation_id = ? ORDER BY place", (conversation_id,))
    return [_waiting(book, row).message for row in rows.fetchall()]


def _waiting(book: Book, row: tuple[object, ...]) -> Waiting:
    place, message_id, conversation_id, message_type, content, create_time, state, error_code, error, more = row
    message = StoredMessage(
        message_id=message_id,  # type: ignore[arg-type]
        server_msg_id="",
        conversation_id=conversation_id,  # type: ignore[arg-type]
        conversation_seq=0,
        sender_id=book.user_id or "",
        message_type=message_type,  # type: ignore[arg-type]
        content=content,  # type: ignore[arg-type]
        create_time=create_time,  # type: ignore[arg-type]
        server_time=0,
        version=0,
        state=state,  # type: ignore[arg-type]
        error_code=error_code,  # type: ignore[arg-type]
        error=error,  # type: ignore[arg-type]
        **fields_of(more),  # type: ignore[arg-type]
    )
    return Waiting(place, message)  # type: ignore[arg-type]


def refused(book: Book, message_id: str, error: RoostError, *, max_attempts: int | None) -> StoredMessage | None:
    """Notes a refusal: the message stays pending, or has failed: for good, or after so many refusals with hope.

    `max_attempts` None does not count this one. Returns the message as it is now, None if it is gone.
    """
    book.execute(
        "UPDATE outbox SET attempts = attempts + ?2, error_code = ?3, error = ?4, "
        "state = CASE WHEN ?5 OR attempts + ?2 >= ?6 THEN 'failed' ELSE state END WHERE message_id = ?1",
        (
            message_id,
            int(max_attempts is not None),
            error.code,
            str(error),
            not error.retryable,
            NO_LIMIT if max_attempts is None else max_attempts,
        ),
    )
    return find(book, message_id)


def find(book: Book, message_id: str) -> StoredMessage | None:
    """A message of the outbox."""
    row = book.execute(f"{_SELECT} WHERE message_id = ?", (message_id,)).fetchone()
    return None if row is None else _waiting(book, row).message


def retry(book: Book, message_id: str | None) -> int:
    """Makes a failed message (or all) pending again; returns how many."""
    return book.execute(
        "UPDATE outbox SET state = 'pending', attempts = 0, error_code = NULL, error = NULL "
        "WHERE state = 'failed' AND (?1 IS NULL OR message_id = ?1)",
        (message_id,),
    ).rowcount


def discard(book: Book, message_id: str) -> bool:
    """Removes a message from the outbox; one that is pending may be on its way already."""
    return book.execute("DELETE FROM outbox WHERE message_id = ?", (message_id,)).rowcount > 0


def pending_count(book: Book) -> int:
    """How many messages wait to be sent."""
    return int(book.execute("SELECT count(*) FROM outbox WHERE state = 'pending'").fetchone()[0])


def mark_read(book: Book, conversation_id: str, conversation_seq: int | None) -> int | None:
    """Moves the read mark here, and queues it for the server, merged with what waits; to the end if no seq is given.

    Returns where it stands, None if it stood there or further already.
    """
    key = book.find(conversation_id)
    if key is None:
        return None
    last, read = book.execute("SELECT last_seq, read_seq FROM conversations WHERE key = ?", (key,)).fetchone()
    wanted = last if conversation_seq is None else min(conversation_seq, last)
    if wanted <= read:
        return None
    move_read_mark(book, key, wanted)
    book.execute(
        "INSERT INTO read_marks (conversation_id, conversation_seq) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET conversation_seq = max(conversation_seq, excluded.conversation_seq)",
        (conversation_id, wanted),
    )
    return int(wanted)


def read_marks(book: Book) -> list[ReadMark]:
    """The read marks that the server does not know yet."""
    return [
        ReadMark(*row) for row in book.execute("SELECT conversation_id, conversation_seq FROM read_marks").fetchall()
    ]


def mark_known(book: Book, mark: ReadMark) -> None:
    """The server has taken (or for good refused) a read mark; a later one still waits."""
    book.execute("DELETE FROM read_marks WHERE conversation_id = ? AND conversation_seq <= ?", mark)
