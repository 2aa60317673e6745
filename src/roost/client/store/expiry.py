"""Messages that expire: by this device's own clock, also while it is offline (D9).

What is left of one is what the server leaves of it: a message that was recalled when its time was over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from roost.client.store.rows import Row

if TYPE_CHECKING:
    from roost.client.store.entries import Book

NEVER = 2**62
"""A time after any (ms)."""

SCHEMA = "CREATE TABLE expiring (server_id INTEGER PRIMARY KEY, due INTEGER NOT NULL)"
NOTE = """
    INSERT OR REPLACE INTO expiring (server_id, due)
    SELECT server_id, server_time + 1000 * json_extract(more, '$.ttl') FROM messages
    WHERE server_id IN (SELECT value FROM json_each(?)) AND recall_time = 0 AND json_extract(more, '$.ttl') > 0"""
NOT_FOUND = """
    INSERT INTO search (search, rowid, content) SELECT 'delete', server_id, content FROM messages
    WHERE server_id IN (SELECT server_id FROM expiring WHERE due <= ?)"""
EMPTY = """
    UPDATE messages SET content = '',
        more = json_remove(more, '$.mentions', '$.reactions', '$.pinned', '$.attachments', '$.sticker'),
        recall_time = (SELECT due FROM expiring WHERE expiring.server_id = messages.server_id)
    WHERE server_id IN (SELECT server_id FROM expiring WHERE due <= ?) AND recall_time = 0"""
FOUND_EMPTY = """
    INSERT INTO search (rowid, content) SELECT server_id, content FROM messages
    WHERE server_id IN (SELECT server_id FROM expiring WHERE due <= ?)"""
DONE = "DELETE FROM expiring WHERE due <= ?"


def note(book: Book, rows: Sequence[Row]) -> None:
    """Notes which of the message rows, just stored, expire."""
    timed = [row[0] for row in rows if any(isinstance(field, str) and '"ttl":' in field for field in row[-2:])]
    if timed:
        book.execute(NOTE, (json.dumps(timed),))
        book.next_expiry = next_due(book)


def next_due(book: Book) -> int:
    """When the next message expires (ms)."""
    due = book.execute("SELECT min(due) FROM expiring").fetchone()[0]
    return NEVER if due is None else int(due)


def expire(book: Book, now: int) -> None:
    """Empties the messages whose time is over; part of the caller's transaction. `now` in milliseconds."""
    for statement in (NOT_FOUND, EMPTY, FOUND_EMPTY, DONE):
        book.execute(statement, (now,))
    book.next_expiry = next_due(book)
