"""What the tables share: their register, and types that are the same on SQLite, PostgreSQL and MySQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, Text
from sqlalchemy.dialects import mysql

metadata = MetaData()

ROWID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes a column its rowid only where the type is exactly INTEGER."""
LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
"""MySQL's TEXT ends at 64 KiB."""
DIGEST = LargeBinary(32).with_variant(mysql.VARBINARY(32), "mysql")
"""MySQL can't make a key of a BLOB."""
