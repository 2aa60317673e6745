"""Logs, and the positions of devices in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from roost.db.schema.base import ROWID, metadata

logs = Table(
    "logs",
    metadata,
    Column("uid", ROWID, primary_key=True, autoincrement=False),
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
