"""What the server does by itself when its time has come."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from roost.db.schema.base import ROWID, metadata

expiring = Table(
    "expiring",
    metadata,
    Column("mid", ROWID, primary_key=True, autoincrement=False),
    Column("due_at", BigInteger, nullable=False),
    Index("messages_expiring", "due_at"),
)
"""Messages whose content is to go, written with them; `due_at` is when."""
