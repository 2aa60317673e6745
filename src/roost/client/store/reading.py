"""What an application asks the store: conversations, history, unread, search, and what it was not told yet."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from roost.client.store.entries import Book
from roost.client.store.marks import marks_of
from roost.client.store.rows import SELECT, StoredMessage, message_of
from roost.client.store.sending import unsent
from roost.model.message import Change, GroupSettings
from roost.protocol.answers import Block, Member
from roost.protocol.frames import Mark

_decode_change = msgspec.json.Decoder(Change).decode

_decode_settings = msgspec.json.Decoder(GroupSettings).decode

_UNREAD = """
    CASE WHEN c.gone THEN 0 ELSE
    (SELECT count(*) FROM messages m WHERE m.conversation = c.key
        AND m.conversation_seq > max(c.read_seq, c.known_from - 1) AND m.sender_id IS NOT :user AND m.recall_time = 0)
    + (SELECT count(*) FROM unread_places u WHERE u.conversation = c.key AND u.conversation_seq > c.read_seq
        AND u.conversation_seq < c.known_from AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.key
            AND m.conversation_seq = u.conversation_seq AND m.recall_time > 0))
    + CASE WHEN c.read_seq < ifnull((SELECT min(u.conversation_seq) FROM unread_places u WHERE u.conversation = c.key),
        c.known_from - 1) THEN c.unread_before ELSE 0 END
    END
"""
"""Unread is derived. Before the first message of a snapshot (`known_from`) it is what the snapshot named, by its
places, until it is read or recalled; if there was more than it names (`unread_before`), that counts until these are
read.

A conversation that is gone has none: no read mark of it can be told any more, so a count would stay for ever.
"""

_LAST_UNSENT = """
    ifnull((SELECT max(o.create_time) FROM outbox o WHERE o.conversation_id = c.conversation_id), 0)
"""

NO_LIMIT = 2**53 - 1
"""A conversationSeq above any."""

_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")
"""Scripts without spaces: the index knows no words in them."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as the store has it.

    `last_seq` is the conversationSeq of its last message, `read_seq` this user's read mark. `gone`: the user left,
    was removed, or the group was dissolved; what was received stays. `members` is None until they are known. `marks`:
    how far the others have got, as far as this is known. `settings` are those of a group.
    """

    conversation_id: str
    name: str | None
    role: str
    muted: bool
    gone: bool
    read_seq: int
    last_seq: int
    last_time: int
    unread: int
    members: list[Member] | None
    marks: list[Mark]
    last_message: StoredMessage | None
    settings: GroupSettings


class Delivery(NamedTuple):
    """Something the application was not told yet. `server_id` orders messages of one place; 0 for changes."""

    seq: int
    server_id: int
    what: StoredMessage | Change
    new: bool


def conversations(book: Book, *, limit: int, offset: int) -> list[Conversation]:
    """The conversations, the latest first."""
    return _conversations(
        book, f"ORDER BY max(c.last_time, {_LAST_UNSENT}) DESC, c.key DESC LIMIT :limit OFFSET :offset", limit, offset
    )


def conversation(book: Book, conversation_id: str) -> Conversation | None:
    """One conversation, None if it is not here."""
    found = _conversations(book, "WHERE c.conversation_id = :name", name=conversation_id)
    return found[0] if found else None


def _conversations(
    book: Book, clause: str, limit: int = 1, offset: int = 0, name: str | None = None
) -> list[Conversation]:
    rows = book.execute(
        "SELECT c.key, c.conversation_id, c.name, c.role, c.muted, c.gone, c.read_seq, c.last_seq, c.last_time, "  # noqa: S608 - constants
        f"{_UNREAD}, c.members_known, c.settings FROM conversations c {clause}",
        {"user": book.user_id, "limit": limit, "offset": offset, "name": name},
    ).fetchall()
    return [
        Conversation(
            conversation_id=row[1],
            name=row[2],
            role=row[3],
            muted=bool(row[4]),
            gone=bool(row[5]),
            read_seq=row[6],
            last_seq=row[7],
            last_time=row[8],
            unread=row[9],
            members=members(book, row[0]) if row[10] else None,
            marks=marks_of(book, row[0]),
            last_message=_last_message(book, row[0]),
            settings=GroupSettings() if row[11] is None else _decode_settings(row[11]),
        )
        for row in rows
    ]


def members(book: Book, key: int) -> list[Member]:
    """The members of a conversation, in the order of joining."""
    rows = book.execute(
        "SELECT user_id, role, join_time, muted_until FROM members WHERE conversation = ? ORDER BY join_time, user_id",
        (key,),
    )
    return [
        Member(user_id=user, role=role, join_time=time, muted_until=until)
        for user, role, time, until in rows.fetchall()
    ]


def _last_message(book: Book, key: int) -> StoredMessage | None:
    row = book.execute(f"{SELECT} WHERE m.conversation = ? ORDER BY m.conversation_seq DESC LIMIT 1", (key,)).fetchone()
    return None if row is None else message_of(row, book.user_id)


def history(book: Book, conversation_id: str, before: int | None, limit: int) -> list[StoredMessage]:
    """The newest messages before a conversationSeq, oldest first; without `before`, what is unsent comes last."""
    key = book.find(conversation_id)
    if key is None:
        return []
    bound = "" if before is None else "AND m.conversation_seq < :before"
    rows = book.execute(
        f"{SELECT} WHERE m.conversation = :key {bound} ORDER BY m.conversation_seq DESC LIMIT :limit",
        {"key": key, "before": before, "limit": limit},
    ).fetchall()
    found = [message_of(row, book.user_id) for row in reversed(rows)]
    return found + unsent(book, conversation_id) if before is None else found


def blocks(book: Book) -> list[Block]:
    """Whom this user has blocked, the latest first."""
    rows = book.execute("SELECT user_id, block_time FROM blocks ORDER BY block_time DESC, user_id").fetchall()
    return [Block(user_id=user_id, block_time=time) for user_id, time in rows]


def last_seqs(book: Book) -> dict[str, int]:
    """Up to which conversationSeq each conversation is known without a gap, as far as the log brought it.

    A receipt or a history page may have brought later messages; what lies before those is not known.
    """
    return dict(
        book.execute(
            "SELECT c.conversation_id, max(m.conversation_seq) FROM messages m "
            "JOIN conversations c ON c.key = m.conversation "
            "WHERE m.seq <> 0 AND m.seq <= (SELECT last_sync_seq FROM sync) GROUP BY m.conversation"
        ).fetchall()
    )


def first_missing(book: Book, conversation_id: str, before: int | None, limit: int) -> int | None:
    """Where a page of history has its first hole, counted backwards: the newest conversationSeq that is not here.

    None where the page is whole, or reaches the beginning.
    """
    key = book.find(conversation_id)
    if key is None:
        return NO_LIMIT
    last = book.execute("SELECT last_seq FROM conversations WHERE key = ?", (key,)).fetchone()[0]
    due = last if before is None else min(last, before - 1)
    rows = book.execute(
        "SELECT conversation_seq FROM messages WHERE conversation = ? AND conversation_seq <= ? "
        "ORDER BY conversation_seq DESC LIMIT ?",
        (key, due, limit),
    ).fetchall()
    for (place,) in rows:
        if place != due:
            return int(due)
        due -= 1
    return int(due) if len(rows) < limit and due > 0 else None


def unread(book: Book) -> dict[str, int]:
    """Unread messages by conversation id, where there are any."""
    rows = book.execute(
        f"SELECT c.conversation_id, {_UNREAD} AS unread FROM conversations c",  # noqa: S608 - constants
        {"user": book.user_id},
    )
    return {conversation_id: count for conversation_id, count in rows.fetchall() if count}


def search(book: Book, text: str, conversation_id: str | None, limit: int) -> list[StoredMessage]:
    """Messages that have every word of `text`, as a word or the beginning of one, the newest first.

    Text in scripts without spaces (Chinese, Japanese, Korean) is looked for as it is, anywhere in a message.
    """
    words = text.split()
    if not words:
        return []
    if _CJK.search(text):
        condition = " AND ".join("m.content LIKE ? ESCAPE '\\'" for _ in words)
        wanted: list[object] = [f"%{_escaped(word)}%" for word in words]
    else:
        condition = "m.server_id IN (SELECT rowid FROM search WHERE search MATCH ?)"
        wanted = [" ".join(f'"{word.replace(chr(34), chr(34) * 2)}"*' for word in words)]
    if conversation_id is not None:
        condition += " AND c.conversation_id = ?"
        wanted.append(conversation_id)
    rows = book.execute(
        f"{SELECT} WHERE {condition} AND m.recall_time = 0 ORDER BY m.server_id DESC LIMIT ?", (*wanted, limit)
    )
    return [message_of(row, book.user_id) for row in rows.fetchall()]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def message(book: Book, server_id: int) -> StoredMessage | None:
    """A message by its server id."""
    row = book.execute(f"{SELECT} WHERE m.server_id = ?", (server_id,)).fetchone()
    return None if row is None else message_of(row, book.user_id)


# --- what the application was not told yet ---


def undelivered(book: Book, seq: int, server_id: int, count: int) -> list[Delivery]:
    """What comes after a place, in the order of the log; at most about `count`, and complete up to its last."""
    new = book.execute(
        f"{SELECT} WHERE (m.seq, m.server_id) > (?, ?) AND m.seq >= max(?, 1) AND m.sent_here = 0 "
        "ORDER BY m.seq, m.server_id LIMIT ?",
        (seq, server_id, seq, count),
    ).fetchall()
    changed = book.execute(f"{SELECT} WHERE m.changed_seq > ? ORDER BY m.changed_seq LIMIT ?", (seq, count)).fetchall()
    changes = book.execute("SELECT seq, body FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", (seq, count)).fetchall()
    found = [Delivery(row[1], row[0], message_of(row, book.user_id), new=True) for row in new]
    found += [Delivery(row[2], row[0], message_of(row, book.user_id), new=False) for row in changed]
    found += [Delivery(place, 0, _decode_change(body), new=True) for place, body in changes]
    found.sort(key=lambda delivery: delivery[:2])
    ends = [rows[-1][place] for rows, place in ((new, 1), (changed, 2), (changes, 0)) if len(rows) == count]
    if ends:  # beyond the end of a source that has more, something may be missing
        found = [delivery for delivery in found if delivery.seq <= min(ends)]
    return found
