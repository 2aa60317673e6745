"""What users have reported."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text, false
from sqlalchemy import UniqueConstraint as Unique

from roost.db.schema.base import LONG_TEXT, ROWID, metadata

reports = Table(
    "reports",
    metadata,
    Column("report_id", ROWID, primary_key=True, autoincrement=True),
    Column("mid", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("comment", Text, nullable=False),
    Column("copy", LONG_TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed", Boolean, nullable=False, default=False, server_default=false()),
    Column("resolution", String(20)),
    Column("note", Text),
    Column("closed_by", String(110)),
    Column("closed_at", BigInteger),
    Unique("mid", "uid", name="reported_once"),
    Index("reports_of_user", "uid"),
    Index("reports_by_state", "closed", "report_id"),
    sqlite_autoincrement=True,
)
"""Reports of messages (`mid`) by users (`uid`, below 0 where the user was erased). `copy` is the JSON of the
`model.message.Message` as it was then, or as it is once its sender was erased.
`resolution` is what operators found, with a `note`; `closed_by` is an operator or a back end's key."""
