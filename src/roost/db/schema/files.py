"""Files: what was uploaded, which messages carry it, and whose picture it is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from roost.db.schema.base import metadata

attachments = Table(
    "attachments",
    metadata,
    Column("attachment_id", String(32), primary_key=True),
    Column("uid", BigInteger, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("thumbnail", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Index("attachments_of_user", "uid"),
    Index("attachments_expiring", "expires_at"),
)
"""Every file that is here, or on its way (`stage`: `model.attachment.Stage`). It goes when `expires_at` is reached;
null where a message carries it, or somebody shows it."""

attachment_uses = Table(
    "attachment_uses",
    metadata,
    Column("attachment_id", String(32), primary_key=True),
    Column("mid", BigInteger, primary_key=True, autoincrement=False),
    Column("cid", BigInteger, nullable=False),
    Index("attachments_of_message", "mid"),
    sqlite_with_rowid=False,
)
"""Which messages carry a file, and in which conversations: whose members may read it."""

avatars = Table(
    "avatars",
    metadata,
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("attachment_id", String(32), nullable=False),
    Index("avatars_of_attachment", "attachment_id"),
    sqlite_with_rowid=False,
)
"""The file that is the picture of a user (`cid` 0), or of a group (`uid` 0)."""
