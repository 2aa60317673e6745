"""Messages that may be others by now: they could change where this store was not told of it.

That is so after a snapshot, for what is older than its messages, and in a group that one had left and is in again.
`stale_through` of a conversation says up to which conversationSeq. They are read anew, the newest first; until then the
store has them as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roost.client.store.entries import Book

SCHEMA = "ALTER TABLE conversations ADD COLUMN stale_through INTEGER NOT NULL DEFAULT 0"
CAME_BACK = "stale_through = CASE WHEN gone THEN last_seq ELSE stale_through END"
"""Belongs to each statement by which this user is in a group that it may have left."""

STALE = "SELECT conversation_id FROM conversations WHERE stale_through > 0 AND NOT gone"
NEWEST = """
    SELECT max(m.conversation_seq) FROM conversations c JOIN messages m ON m.conversation = c.key
    WHERE c.conversation_id = ? AND NOT c.gone AND m.conversation_seq <= c.stale_through"""


def conversations(book: Book) -> list[str]:
    """The ids of those where something is to be read anew."""
    return [row[0] for row in book.execute(STALE).fetchall()]


def newest(book: Book, conversation_id: str) -> int | None:
    """The newest message of a conversation that is to be read anew (its conversationSeq); None where none is."""
    found: int | None = book.execute(NEWEST, (conversation_id,)).fetchone()[0]
    return found
