"""Large conversations: their own logs, and how far these went into the logs of their members."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Table, Text

from roost.db.schema.base import metadata

conversation_log = Table(
    "conversation_log",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("mid", BigInteger),
    Column("fresh", Boolean, nullable=False),
    Column("change", Text),
    sqlite_with_rowid=False,
)
"""What its members are to be told, 1, 2, 3 ... for each large conversation: a message (`mid`; `fresh` where it is new,
and was not changed) or a change (JSON)."""

cursors = Table(
    "cursors",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Per member of a large conversation: the entries of its log up to `place` are in the member's log."""

calls = Table(
    "calls",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("mid", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Messages that mention all members of a large conversation: pushes are written for the members up to `uid`."""
