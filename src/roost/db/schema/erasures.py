"""Users whose data is being erased, or was."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from roost.db.schema.base import metadata

erasures = Table(
    "erasures",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("passed", String(64), nullable=False, default=""),
    Column("emptied", BigInteger, nullable=False, default=0),
    Column("worked_at", BigInteger, nullable=False, default=0),
    Column("done_at", BigInteger),
)
"""`passed`: the user's messages are emptied up to this message id; `worked_at`: a node was at it then."""
