"""Who there is: users, their devices, their tokens; and facts of the whole deployment."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text, false
from sqlalchemy import UniqueConstraint as Unique

from roost.db.schema.base import DIGEST, ROWID, metadata

deployment = Table(
    "deployment",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts of the whole deployment: `epoch` names the life of its logs, `next_mid` the next block of server ids, `checked`
is written to see whether it can be, `copying` marks what is half copied (`roost.db.copying`), `secret` tells
whether a node has the others' jwt.secret (`roost.edge.auth.shared`)."""

users = Table(
    "users",
    metadata,
    Column("uid", ROWID, primary_key=True, autoincrement=True),
    Column("user_id", String(50, collation=None), nullable=False, unique=True),
    Column("display_name", String(100)),
    Column("password_hash", String(200)),
    Column("created_at", BigInteger, nullable=False),
    Column("bot", Boolean, nullable=False, default=False, server_default=false()),
    Column("deactivated_at", BigInteger),
    Column("erased_at", BigInteger),
    sqlite_autoincrement=True,
)

devices = Table(
    "devices",
    metadata,
    Column("did", ROWID, primary_key=True, autoincrement=True),
    Column("uid", BigInteger, nullable=False),
    Column("device_id", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False, default=0),
    Unique("uid", "device_id", name="one_device"),
    sqlite_autoincrement=True,
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", DIGEST, primary_key=True),
    Column("uid", BigInteger, nullable=False),
    Column("did", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("refresh_of_device", "uid", "did"),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
)

barred_tokens = Table(
    "barred_tokens",
    metadata,
    Column("user_id", String(50), primary_key=True),
    Column("since", BigInteger, nullable=False),
)
"""Per user: only tokens issued `since` this count. Every node has it in memory."""
