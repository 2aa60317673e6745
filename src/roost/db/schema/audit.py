"""What was done, in pages that are written once and never changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from roost.db.schema.base import LONG_TEXT, ROWID, metadata

audit = Table(
    "audit",
    metadata,
    Column("page_id", ROWID, primary_key=True, autoincrement=True),
    Column("chain", String(16), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("body", LONG_TEXT, nullable=False),
    Column("digest", String(64), nullable=False),
    sqlite_autoincrement=True,
)
"""The audit log: a page for each act, and for each batch of messages. `roost.audit.pages` explains the columns."""
