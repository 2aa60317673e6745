"""Drafts: what this user has begun to write, here or on another device (D9).

What was written here stays until the server has it, whatever comes from others meanwhile: the last writer wins there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roost.protocol.answers import Draft

if TYPE_CHECKING:
    from roost.client.store.entries import Book

SCHEMA = """
CREATE TABLE drafts (
    conversation_id TEXT PRIMARY KEY,
    content         TEXT NOT NULL,
    version         INTEGER NOT NULL,
    update_time     INTEGER NOT NULL,
    told            INTEGER NOT NULL
) WITHOUT ROWID"""
_SELECT = "SELECT conversation_id, content, version, update_time FROM drafts"


def write(book: Book, conversation_id: str, content: str, now: int) -> bool:
    """This device has another draft (`now` in ms); False where it has the same."""
    if content == read(book, conversation_id):
        return False
    book.execute(
        "INSERT INTO drafts (conversation_id, content, version, update_time, told) VALUES (?1, ?2, 0, ?3, 0) "
        "ON CONFLICT (conversation_id) DO UPDATE SET content = ?2, update_time = ?3, told = 0",
        (conversation_id, content, now),
    )
    return True


def read(book: Book, conversation_id: str) -> str:
    """What was begun there; empty is nothing."""
    row = book.execute(f"{_SELECT} WHERE conversation_id = ?", (conversation_id,)).fetchone()
    return "" if row is None else str(row[1])


def listed(book: Book) -> list[Draft]:
    """What was begun anywhere."""
    return [_draft(row) for row in book.execute(f"{_SELECT} WHERE content <> ''").fetchall()]


def waiting(book: Book) -> list[Draft]:
    """What the server does not have."""
    return [_draft(row) for row in book.execute(f"{_SELECT} WHERE told = 0").fetchall()]


def apply(book: Book, draft: Draft) -> None:
    """The server has this."""
    book.execute(
        "INSERT INTO drafts (conversation_id, content, version, update_time, told) VALUES (?1, ?2, ?3, ?4, 1) "
        "ON CONFLICT (conversation_id) DO UPDATE SET version = ?3, told = told OR content = ?2, "
        "content = CASE WHEN told THEN ?2 ELSE content END, "
        "update_time = CASE WHEN told OR content = ?2 THEN ?4 ELSE update_time END WHERE ?3 >= version",
        (draft.conversation_id, draft.content, draft.version, draft.update_time),
    )


def refused(book: Book, draft: Draft) -> None:
    """The server does not take this; it stays here, and is told no more."""
    book.execute(
        "UPDATE drafts SET told = 1 WHERE conversation_id = ? AND content = ?", (draft.conversation_id, draft.content)
    )


def replace(book: Book, drafts: list[Draft]) -> None:
    """The server has these, and no others."""
    book.execute("DELETE FROM drafts WHERE told = 1")
    book.execute("UPDATE drafts SET version = 0")
    for draft in drafts:
        apply(book, draft)


def _draft(row: tuple[str, str, int, int]) -> Draft:
    return Draft(conversation_id=row[0], content=row[1], version=row[2], update_time=row[3])
