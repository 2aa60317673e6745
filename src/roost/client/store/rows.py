"""Between rows and structs: how a message lies in the table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from roost.model.message import Extra, Message

RECEIVED, PENDING, SENT, FAILED = "received", "pending", "sent", "failed"
"""The states of a stored message: of others, in the outbox, sent by this user, refused."""
DELIVERED, READ = "delivered", "read"
"""What becomes of one that was sent: all others have it on a device, all others have read it."""


TOLD = -1
"""The `seq` of a message of an earlier log: the application was told of it, and its place is gone."""


class StoredMessage(Message, kw_only=True):
    """A message as the store has it.

    `state` is received, pending (in the outbox) or failed (refused, with `error_code` and `error`); or of this user's
    own sent, delivered (every other member has it on a device) or read (by every other member). While it is pending or
    failed, `server_msg_id` is "" and the places are 0.
    """

    state: str = RECEIVED
    error_code: int | None = None
    error: str | None = None


PLAIN = (
    "message_id",
    "sender_id",
    "message_type",
    "content",
    "create_time",
    "server_time",
    "version",
    "edit_time",
    "recall_time",
)
"""The fields of a message that are columns of the same name."""
KEYS = ("server_msg_id", "seq", "conversation_id", "conversation_seq")
MORE = tuple(name for name in Message.__struct_fields__ if name not in PLAIN and name not in KEYS)
"""All other fields: kept together as JSON, where set."""

_COLUMNS = ", ".join(
    ["m.server_id", "m.seq", "m.changed_seq", "c.conversation_id", "m.conversation_seq", "m.more"]
    + ["c.others_read", "c.others_delivered"]
    + [f"m.{name}" for name in PLAIN]
)
SELECT = f"SELECT {_COLUMNS} FROM messages m JOIN conversations c ON c.key = m.conversation "  # noqa: S608 - constants
"""The rows that `message_of` reads; a condition follows."""
_AFTER_KEYS = 8

_encode = msgspec.json.Encoder().encode
_decode_more = msgspec.json.Decoder(Extra).decode


def more_of(message: Message) -> str | None:
    """The fields beyond the columns, as JSON; None where none is set."""
    fields = {name: getattr(message, name) for name in MORE}
    return _encode(Extra(**fields)).decode() if any(fields.values()) else None


def fields_of(more: str | None) -> dict[str, Any]:
    """What `more_of` kept, as fields of a message."""
    return {} if more is None else msgspec.structs.asdict(_decode_more(more))


def message_of(row: sqlite3.Row | tuple[Any, ...], user_id: str | None) -> StoredMessage:
    """A row of `SELECT` as a message; its `seq` is the newest place."""
    server_id, seq, changed_seq, conversation_id, conversation_seq, more, read, delivered = row[:_AFTER_KEYS]
    fields = dict(zip(PLAIN, row[_AFTER_KEYS:], strict=False))
    fields |= fields_of(more)
    return StoredMessage(
        server_msg_id=str(server_id),
        seq=changed_seq or max(0, seq),
        conversation_id=conversation_id,
        conversation_seq=conversation_seq,
        state=_state(conversation_seq, read, delivered) if fields["sender_id"] == user_id else RECEIVED,
        **fields,
    )


def _state(conversation_seq: int, read: int, delivered: int) -> str:
    """What became of a message of one's own, where all others have read, and got, up to these places."""
    if conversation_seq <= read:
        return READ
    return DELIVERED if conversation_seq <= delivered else SENT


Row = tuple[Any, ...]
"""What `UPSERT` takes: server id, conversation key, conversationSeq, seq, the plain fields, the others, sent here."""


def message_row(message: Message, key: int, *, seq: int, sent_here: bool) -> Row:
    """A message as the row that `UPSERT` takes; `key` is its conversation's."""
    return (
        int(message.server_msg_id),
        key,
        message.conversation_seq,
        seq,
        *[getattr(message, name) for name in PLAIN],
        more_of(message),
        int(sent_here),
    )


_NEWER = "excluded.version >= messages.version"


def _newest(columns: Iterable[str]) -> str:
    return ", ".join(f"{name} = CASE WHEN {_NEWER} THEN excluded.{name} ELSE {name} END" for name in columns)


UPSERT = f"""
INSERT INTO messages (server_id, conversation, conversation_seq, seq, {", ".join(PLAIN)}, more, sent_here)
VALUES ({", ".join("?" * (len(PLAIN) + 6))})
ON CONFLICT (server_id) DO UPDATE SET
    {_newest(["message_type", "content", "edit_time", "recall_time", "more"])},
    version = max(version, excluded.version),
    changed_seq = CASE WHEN seq <> 0 AND excluded.seq > max(seq, ifnull(changed_seq, 0)) THEN excluded.seq
                       ELSE changed_seq END,
    seq = CASE WHEN seq = 0 THEN excluded.seq ELSE seq END,
    sent_here = max(sent_here, excluded.sent_here)
"""  # noqa: S608 - put together from the constants above
