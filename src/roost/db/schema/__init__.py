"""Every table of Roost, portable over SQLite, PostgreSQL and MySQL. docs/on-disk-format.md explains the columns.

Inside, users, devices, conversations and messages are integers (`uid`, `did`, `cid`, `mid`): random or textual
keys halve the rate of inserts. Times are integer milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from roost.db.schema.audit import audit
from roost.db.schema.base import metadata
from roost.db.schema.blocks import blocks
from roost.db.schema.conversations import bans, conversations, invitations, members, messages, mutes, pins
from roost.db.schema.erasures import erasures
from roost.db.schema.files import attachment_uses, attachments, avatars
from roost.db.schema.hooks import webhook_failures, webhook_outbox
from roost.db.schema.keys import api_keys
from roost.db.schema.large import calls, conversation_log, cursors
from roost.db.schema.later import drafts, expiring, scheduled
from roost.db.schema.logs import log, logs, marks, positions
from roost.db.schema.people import barred_tokens, deployment, devices, refresh_tokens, revoked_tokens, users
from roost.db.schema.profiles import profiles
from roost.db.schema.push import push_addresses, push_log, push_outbox
from roost.db.schema.reports import reports
from roost.db.schema.search import search_again, search_marks, search_texts
from roost.db.schema.stickers import sticker_packs, stickers

__all__ = [
    "api_keys",
    "attachment_uses",
    "attachments",
    "audit",
    "avatars",
    "bans",
    "barred_tokens",
    "blocks",
    "calls",
    "conversation_log",
    "conversations",
    "cursors",
    "deployment",
    "devices",
    "drafts",
    "erasures",
    "expiring",
    "invitations",
    "log",
    "logs",
    "marks",
    "members",
    "messages",
    "metadata",
    "mutes",
    "pins",
    "positions",
    "profiles",
    "push_addresses",
    "push_log",
    "push_outbox",
    "refresh_tokens",
    "reports",
    "revoked_tokens",
    "scheduled",
    "search_again",
    "search_marks",
    "search_texts",
    "sticker_packs",
    "stickers",
    "users",
    "webhook_failures",
    "webhook_outbox",
]
