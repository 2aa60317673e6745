"""Webhooks: what is to be told, and what was given up."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from roost.db.schema.base import LONG_TEXT, ROWID, metadata

webhook_outbox = Table(
    "webhook_outbox",
    metadata,
    Column("event_id", ROWID, primary_key=True, autoincrement=True),
    Column("hook", String(50), nullable=False),
    Column("topic", String(110), nullable=False),
    Column("event", String(20), nullable=False),
    Column("body", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Index("events_due", "hook", "due_at", "event_id"),
    Index("events_of_topic", "hook", "topic", "event_id"),
    sqlite_autoincrement=True,
)
"""Events without an outcome, written in the transaction of what they tell of. Those of a `topic` go one by one."""

webhook_failures = Table(
    "webhook_failures",
    metadata,
    Column("event_id", ROWID, primary_key=True, autoincrement=False),
    Column("hook", String(50), nullable=False),
    Column("topic", String(110), nullable=False),
    Column("event", String(20), nullable=False),
    Column("body", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("given_up_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Index("failures_by_time", "given_up_at"),
)
"""Events that were given up, and why."""
