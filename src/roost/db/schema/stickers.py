"""Packs of stickers, as back ends made them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from roost.db.schema.base import metadata

sticker_packs = Table(
    "sticker_packs",
    metadata,
    Column("pack_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
stickers = Table(
    "stickers",
    metadata,
    Column("pack_id", String(64), primary_key=True),
    Column("sticker_id", String(64), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("emoji", String(16), nullable=False),
    Column("url", String(500), nullable=False),
    sqlite_with_rowid=False,
)
"""`place` orders the stickers of a pack. What was sent has its own copy, in `messages.extra`."""
