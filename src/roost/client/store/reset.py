"""Starting again: from a snapshot, or from nothing. What is unsent stays in every case."""

from __future__ import annotations

from typing import NamedTuple

from roost.client.store import drafts, sending
from roost.client.store.entries import (
    Book,
    as_sent,
    set_settings,
    store_blocks,
    store_messages,
    take_from_outbox,
)
from roost.client.store.marks import begin_marks, count_others, forget_marks, move_read_mark, store_marks
from roost.client.store.members import know_members
from roost.client.store.rows import SELECT, TOLD, Row, StoredMessage, message_of, message_row
from roost.model.message import GroupSettings, Message
from roost.protocol.answers import ConversationSnapshot, Snapshot


class Restarted(NamedTuple):
    """What a snapshot did: whether its epoch was `foreign`, and the messages of the outbox that it has: `sent`."""

    foreign: bool
    sent: list[StoredMessage]


def apply_snapshot(book: Book, snapshot: Snapshot, now: int) -> Restarted:
    """Puts the store where the snapshot is.

    In the same log, what was stored stays and is completed. In a foreign one, ids and places mean something else:
    what was stored goes, and the snapshot is all there is.

    A message that this store did not have gets the place of the snapshot, so that the application is told of it.
    """
    epoch = book.execute("SELECT epoch FROM sync").fetchone()[0]
    foreign = epoch is not None and epoch != snapshot.epoch
    told = _forget_log(book) if foreign else frozenset[tuple[str, str]]()
    book.execute("UPDATE conversations SET gone = 1, muted = 0, members_known = 0")
    own = {one.message_id: one for there in snapshot.conversations for one in there.messages if _is_own(book, one)}
    waiting = take_from_outbox(book, own)
    for conversation in snapshot.conversations:
        key = book.key(conversation.conversation_id)
        rows = [
            message_row(
                message,
                key,
                seq=TOLD if (message.sender_id, message.message_id) in told else snapshot.max_seq,
                sent_here=message.message_id in waiting and _is_own(book, message),
            )
            for message in conversation.messages
        ]
        store_messages(book, _without_known_places(book, rows))
        _conversation(book, key, conversation)
    book.execute("DELETE FROM blocks")
    store_blocks(book, snapshot.blocks)
    drafts.replace(book, snapshot.drafts)
    book.execute(
        "UPDATE sync SET epoch = ?, last_sync_seq = ?, last_sync_time = ?", (snapshot.epoch, snapshot.max_seq, now)
    )
    if foreign:
        book.execute("UPDATE sync SET delivered_seq = ?, delivered_id = 0", (snapshot.max_seq - 1,))
    return Restarted(foreign, [as_sent(own[name]) for name in own if name in waiting])


def _is_own(book: Book, message: Message) -> bool:
    return message.sender_id == book.user_id


def _forget_log(book: Book) -> frozenset[tuple[str, str]]:
    """Removes messages and changes; returns the sender's ids of what the application was told (or sent)."""
    seq, server_id = book.execute("SELECT delivered_seq, delivered_id FROM sync").fetchone()
    told = book.execute(
        "SELECT sender_id, message_id FROM messages WHERE sent_here OR (seq, server_id) <= (?, ?)", (seq, server_id)
    ).fetchall()
    _empty(book)
    book.execute("DELETE FROM read_marks")
    return frozenset((sender, message_id) for sender, message_id in told)


def _without_known_places(book: Book, rows: list[Row]) -> list[Row]:
    """A message that has a place keeps it: the place of the snapshot would look like a change of it."""
    placed = "SELECT 1 FROM messages WHERE server_id = ? AND seq <> 0"
    known = {row[0] for row in rows if book.execute(placed, row[:1]).fetchone()}
    return [(*row[:3], 0, *row[4:]) if row[0] in known else row for row in rows]


def _conversation(book: Book, key: int, found: ConversationSnapshot) -> None:
    """The conversation's own row. What the snapshot names as unread before its messages is kept by places."""
    first = found.messages[0].conversation_seq if found.messages else found.conversation_seq + 1
    countable = sum(
        message.conversation_seq > found.read_seq and message.sender_id != book.user_id and not message.recall_time
        for message in found.messages
    )
    book.execute(
        "UPDATE conversations SET name = ?, role = ?, muted = ?, gone = 0, read_seq = max(read_seq, ?), "
        "last_seq = max(last_seq, ?) WHERE key = ?",
        (found.name, found.role, found.muted, found.read_seq, found.conversation_seq, key),
    )
    places = found.unread_before or []
    book.execute("DELETE FROM unread_places WHERE conversation = ?", (key,))
    book.connection.executemany(
        "INSERT INTO unread_places (conversation, conversation_seq) VALUES (?, ?)", [(key, place) for place in places]
    )
    book.execute(
        "UPDATE conversations SET known_from = ?, unread_before = ?, stale_through = ? WHERE key = ?",
        (first, max(0, found.unread - countable - len(places)), first - 1, key),
    )
    set_settings(book, key, found.settings or GroupSettings())
    know_members(book, key, found.members, all_of_them=not found.large)
    (forget_marks if found.marks is None else begin_marks)(book, key)
    store_marks(book, found.conversation_id, found.marks or ())
    count_others(book, key)


def clear(book: Book) -> None:
    """Removes everything that the log brought. The outbox stays, and how far the application was told.

    So do the read marks that the server does not know, and what this store has sent beyond that place: the log, read
    again, does not say that it came from here, and the application would be told of its own messages. What of it has no
    place yet (`seq` 0) may get one beyond.
    """
    delivered = book.execute("SELECT delivered_seq FROM sync").fetchone()
    sent = book.execute(
        f"{SELECT} WHERE m.sent_here AND (m.seq = 0 OR max(m.seq, ifnull(m.changed_seq, 0)) > ?)", delivered
    )
    kept = [(message_of(row, book.user_id), row[1]) for row in sent.fetchall()]
    _empty(book)
    store_messages(
        book, [message_row(one, book.key(one.conversation_id), seq=seq, sent_here=True) for one, seq in kept]
    )
    for mark in sending.read_marks(book):
        move_read_mark(book, book.key(mark.conversation_id), mark.conversation_seq)


def _empty(book: Book) -> None:
    for table in ("messages", "expiring", "changes", "members", "marks", "unread_places", "conversations", "blocks"):
        book.execute(f"DELETE FROM {table}")  # noqa: S608 - the names above
    drafts.replace(book, [])
    book.execute("INSERT INTO search (search) VALUES ('delete-all')")
    book.forget_keys()
    book.execute("UPDATE sync SET last_sync_seq = 0, last_sync_time = 0")
