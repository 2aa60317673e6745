"""How far the other members of a conversation have got, and so what became of this user's own messages.

Marks come by the log, in a snapshot, as hints and as answers, in any order; none ever goes back, so the highest holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from roost.client.store.entries import Book, count_others, raise_mark
from roost.protocol.answers import ConversationMarks
from roost.protocol.frames import Mark

ASKED = 100
"""Conversations in one question of marks."""


def store_marks(book: Book, conversation_id: str, marks: Iterable[Mark]) -> bool:
    """Stores marks of other members; whether any is news. Those of a conversation that is not here are passed over."""
    key = book.find(conversation_id)
    if key is None:
        return False
    news = [
        raise_mark(book, key, mark.user_id, mark.read_seq, mark.delivered_seq)
        for mark in marks
        if mark.user_id != book.user_id
    ]
    if any(news):
        count_others(book, key)
    return any(news)


def store_all(book: Book, found: Iterable[ConversationMarks]) -> list[str]:
    """Stores the marks of several conversations; returns those in which any is news."""
    return [one.conversation_id for one in found if store_marks(book, one.conversation_id, one.marks)]


def marks_of(book: Book, key: int) -> list[Mark]:
    """How far the other members of a conversation have got, as far as it is known."""
    rows = book.execute(
        "SELECT user_id, read_seq, delivered_seq FROM marks WHERE conversation = ? ORDER BY user_id", (key,)
    )
    return [Mark(user_id=user, read_seq=read, delivered_seq=got) for user, read, got in rows.fetchall()]


def undelivered_conversations(book: Book) -> list[str]:
    """Conversations with a message of this user that not everybody has got as far as is known, the latest first."""
    rows = book.execute(
        "SELECT c.conversation_id FROM conversations c WHERE NOT c.gone AND EXISTS (SELECT 1 FROM messages m "
        "WHERE m.conversation = c.key AND m.conversation_seq > c.others_delivered AND m.sender_id = ?) "
        "ORDER BY c.last_time DESC LIMIT ?",
        (book.user_id, ASKED),
    )
    return [row[0] for row in rows.fetchall()]
