"""What the server does by itself when its time has come."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table
from sqlalchemy import UniqueConstraint as Unique

from roost.db.schema.base import LONG_TEXT, ROWID, metadata

expiring = Table(
    "expiring",
    metadata,
    Column("mid", ROWID, primary_key=True, autoincrement=False),
    Column("due_at", BigInteger, nullable=False),
    Index("messages_expiring", "due_at"),
)
"""Messages whose content is to go, written with them; `due_at` is when."""

scheduled = Table(
    "scheduled",
    metadata,
    Column("sid", ROWID, primary_key=True, autoincrement=True),
    Column("uid", BigInteger, nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("conversation_id", String(110), nullable=False),
    Column("send", LONG_TEXT, nullable=False),
    Column("send_time", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Unique("uid", "message_id", name="scheduled_once"),
    Index("messages_scheduled", "due_at"),
    sqlite_autoincrement=True,
)
"""Messages to be sent at `send_time`: `send` is the frame, as JSON. `taken_at` is when a node claimed it, or 0;
`due_at` when it is to be sent, or the claim ends."""

drafts = Table(
    "drafts",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("conversation_id", String(110), primary_key=True),
    Column("content", LONG_TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("did", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Index("drafts_to_be_logged", "due_at"),
    sqlite_with_rowid=False,
)
"""What each user has begun to write in each conversation; empty where it was sent or given up. `did` wrote it last;
`due_at` is when the user's log is to tell of it, null where it has."""
