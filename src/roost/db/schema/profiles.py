"""What users say of themselves, besides their names."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from roost.db.schema.base import ROWID, metadata

profiles = Table(
    "profiles",
    metadata,
    Column("uid", ROWID, primary_key=True, autoincrement=False),
    Column("avatar", String(500)),
    Column("status", String(200)),
    Column("presence", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)
"""Users who have changed their profile. `presence`: who sees whether they are online."""
