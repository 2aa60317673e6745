"""Whom users do not want to hear of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table

from roost.db.schema.base import metadata

blocks = Table(
    "blocks",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked_at", BigInteger, nullable=False),
    Column("read_seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""`uid` has blocked `blocked`, a uid as well, and had read their conversation up to `read_seq` then: the other sees no
more."""
