"""Applying what the log brought: messages, changes and receipts, and the position, in one transaction.

Applying is idempotent. A message meets its own row, a change its own seq, a receipt an outbox row that may be gone
already; so batches may overlap, and a batch may come again after a crash. Only `through` moves the position, and
only forwards; whoever calls sees to it that nothing is left out before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from roost.client.store import drafts, expiry
from roost.client.store.marks import count_others, forget_marks, move_read_mark, raise_mark
from roost.client.store.members import change_member, change_members, leave
from roost.client.store.rows import PLAIN, SENT, UPSERT, Row, StoredMessage, fields_of, message_row
from roost.model.message import Change, GroupSettings, Message
from roost.protocol.answers import Block, Draft
from roost.protocol.frames import Sent

_encode = msgspec.json.Encoder().encode


class Entries(msgspec.Struct, kw_only=True):
    """What is applied together. `through` is the position afterwards, None where it stays."""

    messages: Sequence[Message] = ()
    changes: Sequence[Change] = ()
    receipts: Sequence[Sent] = ()
    through: int | None = None


class Applied(msgspec.Struct, kw_only=True):
    """What applying did: the conversations that changed, and the outbox messages that turned out to be sent.

    `settled` has the ids of all that need not be sent (again): theirs, and those of receipts that came once more.
    `position` is where the store stands now: short of `through` if a receipt was for a message that is nowhere.
    `stale`: there may be messages to be read anew.
    """

    conversations: set[str]
    sent: list[StoredMessage]
    settled: list[str]
    position: int
    stale: bool


class Book:
    """The store's own connection, its user, and the keys of the conversations met so far. One thread uses it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.user_id: str | None = self.execute("SELECT user_id FROM sync").fetchone()[0]
        self._keys: dict[str, int] = {}
        self.next_expiry = expiry.next_due(self)
        """When the next message expires (ms)."""

    def key(self, conversation_id: str) -> int:
        """The key of a conversation, which is entered if it is new."""
        key = self._keys.get(conversation_id)
        if key is None:
            found = self.find(conversation_id)
            key = self._enter(conversation_id) if found is None else found
            self._keys[conversation_id] = key
        return key

    def _enter(self, conversation_id: str) -> int:
        made = self.execute("INSERT INTO conversations (conversation_id) VALUES (?)", (conversation_id,)).lastrowid
        assert made is not None
        if conversation_id.startswith("p:"):
            rows = [(made, user_id) for user_id in set(conversation_id.split(":")[1:])]
            self.connection.executemany(
                "INSERT INTO members (conversation, user_id, role) VALUES (?, ?, 'member')", rows
            )
            self.execute("UPDATE conversations SET members_known = 1, marks_told = 1 WHERE key = ?", (made,))
        return made

    def find(self, conversation_id: str) -> int | None:
        """The key of a conversation, None if it is not here."""
        row = self.execute("SELECT key FROM conversations WHERE conversation_id = ?", (conversation_id,)).fetchone()
        return None if row is None else int(row[0])

    def forget_keys(self) -> None:
        """A transaction was rolled back, or the conversations were removed: what was entered is not there."""
        self._keys.clear()


def apply(book: Book, entries: Entries, now: int) -> Applied:
    """Applies entries; part of the caller's transaction. `now` in milliseconds."""
    settled, rows, changed = _rows(book, entries.messages)
    sent = [message for receipt in entries.receipts if (message := _receipt(book, receipt)) is not None]
    _place(book, entries.receipts)
    rows += [message_row(one, book.key(one.conversation_id), seq=one.seq, sent_here=True) for one in sent]
    changed.update(one.conversation_id for one in sent)
    store_messages(book, rows)
    position = book.execute("SELECT last_sync_seq FROM sync").fetchone()[0]
    for change in entries.changes:
        if change.seq <= position:  # it came before, and later changes with it
            continue
        _apply_change(book, change)
        changed.add(change.conversation_id)
    if entries.through is not None:
        position = max(position, min([entries.through, *_holes(book, entries.receipts)]))
        book.execute("UPDATE sync SET last_sync_time = ?, last_sync_seq = ?", (now, position))
    ids = [message.message_id for message in settled] + [receipt.message_id for receipt in entries.receipts]
    stale = any(change.kind == "member" and book.user_id in change.users for change in entries.changes)
    return Applied(conversations=changed, sent=[*settled, *sent], settled=ids, position=position, stale=stale)


def keep_history(book: Book, messages: Sequence[Message]) -> list[StoredMessage]:
    """Stores messages that did not come from the log; returns those of the outbox among them, which are sent now.

    One of these has no place yet: its receipt brings it, or its copy from the log, whichever is first.
    """
    settled, rows, _ = _rows(book, [msgspec.structs.replace(message, seq=0) for message in messages])
    store_messages(book, rows)
    return settled


def refresh(book: Book, conversation_id: str, page: Sequence[Message]) -> None:
    """Stores a page of history that ends with a stale message, as far as its messages are here (see `stale`).

    From its first message on none is stale then; none at all where the page is empty.
    """
    key = book.key(conversation_id)
    known = "SELECT 1 FROM messages WHERE server_id = ?"
    here = [one for one in page if book.execute(known, (int(one.server_msg_id),)).fetchone()]
    store_messages(book, [message_row(one, key, seq=0, sent_here=False) for one in here])
    first = page[0].conversation_seq if page else 1
    book.execute("UPDATE conversations SET stale_through = ? WHERE key = ?", (first - 1, key))


def _rows(book: Book, messages: Sequence[Message]) -> tuple[list[StoredMessage], list[Row], set[str]]:
    """The rows of messages; those of the outbox among them, which are sent now; their conversations."""
    own = [message.message_id for message in messages if message.sender_id == book.user_id]
    waiting = take_from_outbox(book, own) if own else frozenset[str]()
    rows: list[Row] = []
    settled: list[StoredMessage] = []
    conversations: set[str] = set()
    for message in messages:
        here = bool(waiting) and message.sender_id == book.user_id and message.message_id in waiting
        if here:
            settled.append(as_sent(message))
        rows.append(message_row(message, book.key(message.conversation_id), seq=message.seq, sent_here=here))
        conversations.add(message.conversation_id)
    return settled, rows, conversations


def take_from_outbox(book: Book, message_ids: Iterable[str]) -> frozenset[str]:
    """Removes from the outbox those of these messages that are in it: the server has them. Returns which."""
    found = book.execute(
        "DELETE FROM outbox WHERE message_id IN (SELECT value FROM json_each(?)) RETURNING message_id",
        (_encode(list(message_ids)).decode(),),
    )
    return frozenset(row[0] for row in found.fetchall())


def as_sent(message: Message) -> StoredMessage:
    """A message of one's own as the store has it."""
    fields = {name: getattr(message, name) for name in Message.__struct_fields__}
    return StoredMessage(**fields, state=SENT)


def _receipt(book: Book, receipt: Sent) -> StoredMessage | None:
    """The outbox message that a receipt is about; None where the log brought it before."""
    row = book.execute(
        "DELETE FROM outbox WHERE message_id = ? RETURNING message_type, content, create_time, more",
        (receipt.message_id,),
    ).fetchall()
    if not row or book.user_id is None:
        return None
    message_type, content, create_time, more = row[0]
    if receipt.content is not None:  # the server stored another: words were masked, or it is a sticker
        content = receipt.content
    fields = fields_of(more)
    if receipt.sticker is not None:  # as its pack has it now
        fields["sticker"] = receipt.sticker
    return StoredMessage(
        message_id=receipt.message_id,
        server_msg_id=receipt.server_msg_id,
        seq=receipt.seq,
        conversation_id=receipt.conversation_id,
        conversation_seq=receipt.conversation_seq,
        sender_id=book.user_id,
        message_type=message_type,
        content=content,
        create_time=create_time,
        server_time=receipt.server_time,
        version=1,
        **fields,
        state=SENT,
    )


def _place(book: Book, receipts: Sequence[Sent]) -> None:
    """Gives a message that a history page brought before its receipt its place in the log."""
    book.connection.executemany(
        "UPDATE messages SET seq = ? WHERE server_id = ? AND seq = 0",
        [(receipt.seq, int(receipt.server_msg_id)) for receipt in receipts],
    )


def _holes(book: Book, receipts: Sequence[Sent]) -> list[int]:
    """The places before receipts whose message is nowhere: it was discarded while it was on its way."""
    known = "SELECT 1 FROM messages WHERE server_id = ?"
    return [
        receipt.seq - 1 for receipt in receipts if book.execute(known, (int(receipt.server_msg_id),)).fetchone() is None
    ]


def store_messages(book: Book, rows: Sequence[Row]) -> None:
    """Puts message rows in place, with the search index and the conversations' ends."""
    if not rows:
        return
    ids = (_encode([row[0] for row in rows]).decode(),)
    book.execute(
        "INSERT INTO search (search, rowid, content) SELECT 'delete', server_id, content FROM messages "
        "WHERE server_id IN (SELECT value FROM json_each(?))",
        ids,
    )
    book.connection.executemany(UPSERT, rows)
    book.execute(
        "INSERT INTO search (rowid, content) SELECT server_id, content FROM messages "
        "WHERE server_id IN (SELECT value FROM json_each(?))",
        ids,
    )
    expiry.note(book, rows)
    _move_ends(book, rows)


def _move_ends(book: Book, rows: Sequence[Row]) -> None:
    """Moves the ends of conversations."""
    ends: dict[int, tuple[int, int]] = {}
    for _, key, place, _, *fields in rows:
        if place > ends.get(key, (0, 0))[0]:
            ends[key] = (place, fields[_SERVER_TIME])
    book.connection.executemany(
        "UPDATE conversations SET last_seq = ?1, last_time = ?2 WHERE key = ?3 AND last_seq < ?1",
        [(place, time, key) for key, (place, time) in ends.items()],
    )


_SERVER_TIME = PLAIN.index("server_time")
"""Where the time is among the plain fields of a row."""


def _apply_change(book: Book, change: Change) -> None:
    if change.kind == "block":  # whether or not there is a conversation with that user
        _change_block(book, change)
        _keep_change(book, 0, change, change.kind)
        return
    key = book.key(change.conversation_id)
    kind = change.kind
    if kind == "read" and change.user_id != book.user_id:
        kind = f"read {change.user_id}"
        book.execute("DELETE FROM changes WHERE conversation = ? AND kind = ? AND seq < ?", (key, kind, change.seq))
        raise_mark(book, key, change.user_id or "", change.conversation_seq, change.conversation_seq)
        count_others(book, key)
    elif kind == "read":
        book.execute("DELETE FROM changes WHERE conversation = ? AND kind = 'read' AND seq < ?", (key, change.seq))
        move_read_mark(book, key, change.conversation_seq)
        book.execute(
            "DELETE FROM read_marks WHERE conversation_id = ? AND conversation_seq <= ?",
            (change.conversation_id, change.conversation_seq),
        )
    elif change.kind == "group":
        _change_group(book, key, change)
    elif change.kind == "member":
        change_member(book, key, change)
    elif change.kind == "draft":
        book.execute("DELETE FROM changes WHERE conversation = ? AND kind = 'draft' AND seq < ?", (key, change.seq))
        drafts.apply(book, _draft(change))
    elif change.kind == "mute":
        muted = "UPDATE members SET muted_until = ? WHERE conversation = ? AND user_id = ?"
        book.execute(muted, (change.until, key, change.user_id))
    elif change.kind == "conversation":
        book.execute("UPDATE conversations SET muted = ? WHERE key = ?", (change.action == "muted", key))
    if change.members is not None:
        change_members(book, key, change.members)
    _keep_change(book, key, change, kind)
    book.execute("UPDATE conversations SET last_time = ? WHERE key = ? AND last_time = 0", (change.time, key))


def _draft(change: Change) -> Draft:
    return Draft(
        conversation_id=change.conversation_id,
        content=change.content or "",
        version=change.version,
        update_time=change.time,
    )


def _change_group(book: Book, key: int, change: Change) -> None:
    if change.name is not None:
        book.execute("UPDATE conversations SET name = ? WHERE key = ?", (change.name, key))
    if change.settings is not None:
        set_settings(book, key, change.settings)
    if change.action == "dissolved":
        leave(book, key)
    elif change.action == "large":  # who comes and goes is no longer told
        book.execute("UPDATE conversations SET members_known = 0 WHERE key = ?", (key,))
        forget_marks(book, key)


def _keep_change(book: Book, key: int, change: Change, kind: str) -> None:
    book.execute(
        "INSERT INTO changes (seq, kind, conversation, body) VALUES (?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING",
        (change.seq, kind, key, _encode(change).decode()),
    )


def _change_block(book: Book, change: Change) -> None:
    if change.action == "blocked":
        store_blocks(book, [Block(user_id=change.user_id or "", block_time=change.time)])
    else:
        book.execute("DELETE FROM blocks WHERE user_id = ?", (change.user_id,))


def store_blocks(book: Book, blocks: Iterable[Block]) -> None:
    """These users are blocked."""
    rows = [(one.user_id, one.block_time) for one in blocks]
    book.connection.executemany("INSERT OR REPLACE INTO blocks (user_id, block_time) VALUES (?, ?)", rows)


def set_settings(book: Book, key: int, settings: GroupSettings) -> None:
    """These are the settings of a group."""
    book.execute("UPDATE conversations SET settings = ? WHERE key = ?", (_encode(settings).decode(), key))
