"""How far the other members of a conversation have got, and so what became of this user's own messages.

Marks come by the log, in a snapshot, as hints and as answers, in any order; none ever goes back, so the highest holds.
Where the log does not tell them (`marks_told`), in all but small groups, none is kept: there are hints alone, which
the application is told, and a new store could not know of. Why: docs/decisions/0019.
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
    """Stores marks of other members; whether any is news, as every one is where none is kept.

    Those of a conversation that is not here are passed over.
    """
    key = book.find(conversation_id)
    if key is None:
        return False
    if not book.execute("SELECT marks_told FROM conversations WHERE key = ?", (key,)).fetchone()[0]:
        return any(mark.user_id != book.user_id for mark in marks)
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
        "SELECT c.conversation_id FROM conversations c WHERE c.marks_told AND NOT c.gone AND EXISTS ("
        "SELECT 1 FROM messages m WHERE m.conversation = c.key AND m.conversation_seq > c.others_delivered "
        "AND m.sender_id = ?) ORDER BY c.last_time DESC LIMIT ?",
        (book.user_id, ASKED),
    )
    return [row[0] for row in rows.fetchall()]


def move_read_mark(book: Book, key: int, conversation_seq: int) -> None:
    """Moves this user's read mark; it never goes back."""
    book.execute("UPDATE conversations SET read_seq = max(read_seq, ?) WHERE key = ?", (conversation_seq, key))


def raise_mark(book: Book, key: int, user_id: str, read: int, delivered: int) -> bool:
    """Moves another member's marks, where any is kept; they never go back. Whether one moved."""
    if not (read or delivered):
        return False
    moved = book.execute(
        "INSERT INTO marks (conversation, user_id, read_seq, delivered_seq) "
        "SELECT key, ?2, ?3, ?4 FROM conversations WHERE key = ?1 AND marks_told "
        "ON CONFLICT DO UPDATE SET read_seq = max(read_seq, ?3), delivered_seq = max(delivered_seq, ?4) "
        "WHERE read_seq < ?3 OR delivered_seq < ?4",
        (key, user_id, read, max(read, delivered)),
    )
    return moved.rowcount > 0


def begin_marks(book: Book, key: int) -> None:
    """From here on the log tells how far the others have read; who they are is known."""
    book.execute("UPDATE conversations SET marks_told = 1 WHERE key = ?", (key,))
    book.execute(
        "DELETE FROM marks WHERE conversation = ?1 AND user_id NOT IN (SELECT user_id FROM members WHERE "
        "conversation = ?1)",
        (key,),
    )


def forget_marks(book: Book, key: int) -> None:
    """From here on the log does not tell it any more: nothing of it is kept."""
    nothing = "UPDATE conversations SET marks_told = 0, others_read = 0, others_delivered = 0 WHERE key = ?"
    book.execute(nothing, (key,))
    book.execute("DELETE FROM marks WHERE conversation = ?", (key,))


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
        "WHERE key = ?1 AND members_known AND marks_told",
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
