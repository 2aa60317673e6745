"""Every table of Roost, portable over SQLite, PostgreSQL and MySQL. docs/on-disk-format.md explains the columns.

Inside, users, devices, conversations and messages are integers (`uid`, `did`, `cid`, `mid`): random or textual
keys halve the rate of inserts. Times are integer milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.dialects import mysql

metadata = MetaData()

_ROWID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes a column its rowid only where the type is exactly INTEGER."""
_LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
"""MySQL's TEXT ends at 64 KiB."""
_DIGEST = LargeBinary(32).with_variant(mysql.VARBINARY(32), "mysql")
"""MySQL can't make a key of a BLOB."""

deployment = Table(
    "deployment",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts of the whole deployment: `epoch` names the life of its logs, `next_mid` the next block of server ids, `checked`
is written to see whether it can be, `copying` marks what is half copied (`roost.db.copying`), `secret` tells
whether a node has the others' jwt.secret (`roost.edge.auth.shared`)."""

users = Table(
    "users",
    metadata,
    Column("uid", _ROWID, primary_key=True, autoincrement=True),
    Column("user_id", String(50, collation=None), nullable=False, unique=True),
    Column("display_name", String(100)),
    Column("password_hash", String(200)),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

devices = Table(
    "devices",
    metadata,
    Column("did", _ROWID, primary_key=True, autoincrement=True),
    Column("uid", BigInteger, nullable=False),
    Column("device_id", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False, default=0),
    Unique("uid", "device_id", name="one_device"),
    sqlite_autoincrement=True,
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", _DIGEST, primary_key=True),
    Column("uid", BigInteger, nullable=False),
    Column("did", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("refresh_of_device", "uid", "did"),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("cid", _ROWID, primary_key=True, autoincrement=True),
    Column("conversation_id", String(110), nullable=False, unique=True),
    Column("name", String(100)),
    Column("dissolved_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""A private conversation is made by its first message. The last number given is that of the last message."""

members = Table(
    "members",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("role", String(10), nullable=False),
    Column("read_seq", BigInteger, nullable=False, default=0),
    Column("muted", Boolean, nullable=False, default=False),
    Column("joined_at", BigInteger, nullable=False),
    Index("conversations_of_user", "uid", "cid"),
    sqlite_with_rowid=False,
)
"""Who belongs to a conversation now, and how far each has read (`read_seq`, a conversationSeq)."""

messages = Table(
    "messages",
    metadata,
    Column("mid", _ROWID, primary_key=True, autoincrement=False),
    Column("sender", BigInteger, nullable=False),
    Column("sender_seq", BigInteger, nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("cid", BigInteger, nullable=False),
    Column("conversation_seq", BigInteger, nullable=False),
    Column("message_type", Integer, nullable=False),
    Column("content", _LONG_TEXT, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("server_time", BigInteger, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("edit_time", BigInteger, nullable=False, default=0),
    Column("recall_time", BigInteger, nullable=False, default=0),
    Column("extra", _LONG_TEXT),
    Unique("sender", "message_id", name="sent_once"),
    Unique("cid", "conversation_seq", name="one_place_in_conversation"),
)
"""`sender_seq` is the message's place in its sender's log, for the answer to a duplicate. `extra` is the JSON
of a `model.message.Extra`."""

pins = Table(
    "pins",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("mid", BigInteger, primary_key=True, autoincrement=False),
    Column("pinned_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The pinned messages of each conversation."""

logs = Table(
    "logs",
    metadata,
    Column("uid", _ROWID, primary_key=True, autoincrement=False),
    Column("floor", BigInteger, nullable=False),
)
"""Per user whose log was ever cleared: the last seq no longer retained. Entries are floor + 1 ... head; the head
is the last entry's seq, or the floor where none is left: never stored twice, so never at odds."""

log = Table(
    "log",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("mid", BigInteger),
    Column("origin", BigInteger, nullable=False, default=0),
    Column("logged_at", BigInteger, nullable=False),
    Column("change", Text),
    sqlite_with_rowid=False,
)
"""The entries: a message (`mid`) or a change (JSON). `origin` is the device that caused it in its own user's log."""

positions = Table(
    "positions",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("did", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),
    Column("synced_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Per device: it has stored every entry up to `mark`."""

marks = Table(
    "marks",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("did", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("synced_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The few entries beyond its mark that a device has stored out of order (A3)."""

push_addresses = Table(
    "push_addresses",
    metadata,
    Column("aid", _ROWID, primary_key=True, autoincrement=True),
    Column("uid", BigInteger, nullable=False),
    Column("did", BigInteger, nullable=False),
    Column("platform", String(10), nullable=False),
    Column("address", Text, nullable=False),
    Column("address_hash", String(64), nullable=False, unique=True),
    Column("preview", Boolean, nullable=False),
    Column("muted", Boolean, nullable=False),
    Column("told", BigInteger, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Unique("did", "platform", name="one_address"),
    Index("addresses_of_user", "uid"),
    sqlite_autoincrement=True,
)
"""Where a device is reached by push. `address_hash` (SHA-256): an address belongs to the device that named it last.
`told` is the last seq that a mail to it has told of."""

push_outbox = Table(
    "push_outbox",
    metadata,
    Column("task_id", _ROWID, primary_key=True, autoincrement=True),
    Column("aid", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("did", BigInteger, nullable=False),
    Column("mid", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("due_at", BigInteger, nullable=False),
    Column("taken_at", BigInteger, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Index("pushes_due", "due_at"),
    Index("pushes_to_address", "aid", "task_id"),
    sqlite_autoincrement=True,
)
"""Pushes without an outcome, written in the message's own transaction. `taken_at`: when the queue got it, or 0."""

push_log = Table(
    "push_log",
    metadata,
    Column("push_id", _ROWID, primary_key=True, autoincrement=True),
    Column("user_id", String(50), nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("push_type", String(10), nullable=False),
    Column("push_status", String(10), nullable=False),
    Column("push_time", BigInteger, nullable=False),
    Column("error_msg", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("device_id", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Index("pushes_of_message", "message_id", "user_id"),
)
"""Every attempt and what became of it (A9). `message_id` is the server's; `error_msg` says why, where it was not sent;
`created_at` is when the push was put into the outbox."""
