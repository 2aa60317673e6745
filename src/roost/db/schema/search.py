"""What full-text search goes by (`roost.search`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table

from roost.db.schema.base import LONG_TEXT, ROWID, metadata

search_texts = Table(
    "search_texts",
    metadata,
    Column("mid", ROWID, primary_key=True, autoincrement=False),
    Column("terms", LONG_TEXT, nullable=False),
)
"""The terms of each text that was indexed, with spaces between them. Over it lies the database's own full-text index:
on SQLite the FTS5 table `search_index`, kept by triggers, on PostgreSQL a GIN index, on MySQL a FULLTEXT index."""

search_marks = Table(
    "search_marks",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Per conversation: its messages up to this conversationSeq are indexed."""

search_again = Table(
    "search_again",
    metadata,
    Column("mid", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Messages whose text is another since, to be indexed again."""
