"""Conversations: who belongs to them, and what was said."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table
from sqlalchemy import UniqueConstraint as Unique

from roost.db.schema.base import DIGEST, LONG_TEXT, ROWID, metadata

conversations = Table(
    "conversations",
    metadata,
    Column("cid", ROWID, primary_key=True, autoincrement=True),
    Column("conversation_id", String(110), nullable=False, unique=True),
    Column("name", String(100)),
    Column("dissolved_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("description", String(500)),
    Column("avatar", String(500)),
    Column("members_invite", Boolean),
    Column("announcement_only", Boolean),
    Column("restricted", Boolean),
    Column("large_at", BigInteger),
    sqlite_autoincrement=True,
)
"""A private conversation is made by its first message. The last number given is that of the last message.

`restricted`: not every member may write here now; `roost.journal.rights` tells who. `large_at`: when it grew beyond
`fanout.max_members`; from then on it has a log of its own (`conversation_log`)."""

members = Table(
    "members",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("role", String(10), nullable=False),
    Column("read_seq", BigInteger, nullable=False, default=0),
    Column("muted", Boolean, nullable=False, default=False),
    Column("joined_at", BigInteger, nullable=False),
    Index("conversations_of_user", "uid", "cid"),
    Index("members_by_role", "cid", "role", "joined_at", "uid"),
    sqlite_with_rowid=False,
)
"""Who belongs to a conversation now, and how far each has read (`read_seq`, a conversationSeq)."""

mutes = Table(
    "mutes",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Index("mutes_of_user", "uid"),
    sqlite_with_rowid=False,
)
"""Until when the admins of a group do not let a member write. It holds for who leaves and comes back, too."""

bans = Table(
    "bans",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("banned_by", BigInteger, nullable=False),
    Column("banned_at", BigInteger, nullable=False),
    Index("bans_of_user", "uid"),
    sqlite_with_rowid=False,
)
"""Who can't come back to a group."""

invitations = Table(
    "invitations",
    metadata,
    Column("token_hash", DIGEST, primary_key=True),
    Column("cid", BigInteger, nullable=False),
    Column("made_by", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("max_uses", Integer, nullable=False),
    Column("uses", Integer, nullable=False),
    Index("invitations_of_group", "cid"),
    Index("invitations_of_user", "made_by"),
)
"""Who has the token (it is stored as its SHA-256) may come into the group. `max_uses` 0: any number of times."""

messages = Table(
    "messages",
    metadata,
    Column("mid", ROWID, primary_key=True, autoincrement=False),
    Column("sender", BigInteger, nullable=False),
    Column("sender_seq", BigInteger, nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("cid", BigInteger, nullable=False),
    Column("conversation_seq", BigInteger, nullable=False),
    Column("message_type", Integer, nullable=False),
    Column("content", LONG_TEXT, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("server_time", BigInteger, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("edit_time", BigInteger, nullable=False, default=0),
    Column("recall_time", BigInteger, nullable=False, default=0),
    Column("extra", LONG_TEXT),
    Unique("sender", "message_id", name="sent_once"),
    Unique("cid", "conversation_seq", name="one_place_in_conversation"),
)
"""`sender_seq` is the message's place in its sender's log, for the answer to a duplicate. `extra` is the JSON
of a `model.message.Extra`."""

pins = Table(
    "pins",
    metadata,
    Column("cid", BigInteger, primary_key=True, autoincrement=False),
    Column("mid", BigInteger, primary_key=True, autoincrement=False),
    Column("pinned_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The pinned messages of each conversation."""
