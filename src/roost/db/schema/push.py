"""Pushes: where to, which are due, what became of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from roost.db.schema.base import ROWID, metadata

push_addresses = Table(
    "push_addresses",
    metadata,
    Column("aid", ROWID, primary_key=True, autoincrement=True),
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
    Column("task_id", ROWID, primary_key=True, autoincrement=True),
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
    Column("push_id", ROWID, primary_key=True, autoincrement=True),
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
    Index("pushes_to_user", "user_id", "push_id"),
)
"""Every attempt and what became of it (A9). `message_id` is the server's; `error_msg` says why, where it was not sent;
`created_at` is when the push was put into the outbox."""
