"""The keys of back ends."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from roost.db.schema.base import DIGEST, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("prefix", String(16), primary_key=True),
    Column("key_hash", DIGEST, nullable=False),
    Column("name", String(100), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used", BigInteger, nullable=False, default=0),
)
"""A key is found by its `prefix` and known by its hash; `scopes` stand apart by spaces."""
