"""How far the other members of a conversation have got, and so what became of this user's own messages.

Marks come by the log, in a snapshot, as hints and as answers, in any order; none ever goes back, so the highest holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from roost.protocol.answers import ConversationMarks
from roost.protocol.frames import Mark

if TYPE_CHECKING:
    from roost.client.store.entries import Book

ASKED = 100
"""Conversations in one question of marks."""
EVERYTHING = 2**53 - 1
"""A conversationSeq above any."""


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


def move_read_mark(book: Book, key: int, conversation_seq: int) -> None:
    """Moves this user's read mark; it never goes back."""
    book.execute("UPDATE conversations SET read_seq = max(read_seq, ?) WHERE key = ?", (conversation_seq, key))


def raise_mark(book: Book, key: int, user_id: str, read: int, delivered: int) -> bool:
    """Moves another member's marks; they never go back. Whether one moved."""
    if not (read or delivered):
        return False
    moved = book.execute(
        "INSERT INTO marks (conversation, user_id, read_seq, delivered_seq) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET read_seq = max(read_seq, ?3), delivered_seq = max(delivered_seq, ?4) "
        "WHERE read_seq < ?3 OR delivered_seq < ?4",
        (key, user_id, read, max(read, delivered)),
    )
    return moved.rowcount > 0


def count_others(book: Book, key: int) -> None:
    """Up to where all other members have read and got a conversation, as far as its members are known.

    It never goes back: who comes in has read what was there, and who goes is not waited for. In a group in which nobody
    else is left, nobody is waited for at all (`EVERYTHING`), until somebody comes (`count_newcomer`).
    """
    book.execute(
        "UPDATE conversations SET others_read = max(others_read, found.read), "
        "others_delivered = max(others_delivered, found.delivered) FROM ("
        "SELECT ifnull(min(ifnull(k.read_seq, 0)), ?3) AS read, "
        "ifnull(min(ifnull(k.delivered_seq, 0)), ?3) AS delivered "
        "FROM members m LEFT JOIN marks k ON k.conversation = m.conversation AND k.user_id = m.user_id "
        "WHERE m.conversation = ?1 AND m.user_id IS NOT ?2) AS found "
        "WHERE key = ?1 AND members_known",
        (key, book.user_id, EVERYTHING if _is_group(book, key) else 0),
    )


def _is_group(book: Book, key: int) -> bool:
    name = book.execute("SELECT conversation_id FROM conversations WHERE key = ?", (key,)).fetchone()[0]
    return bool(name.startswith("g:"))


def count_newcomer(book: Book, key: int, place: int) -> None:
    """Somebody else is in a group again in which nobody was: what comes after `place` is for that one to read."""
    book.execute(
        "UPDATE conversations SET others_read = min(others_read, ?1), others_delivered = min(others_delivered, ?1) "
        "WHERE key = ?2 AND others_read = ?3",
        (place, key, EVERYTHING),
    )
