"""What the HTTP API answers (CONTRACT §3), as the client reads it."""

from __future__ import annotations

import msgspec

from roost.model.message import Message
from roost.model.names import Wire


class Member(Wire, kw_only=True):
    """A member of a group: owner, admin or member, since `join_time` (milliseconds)."""

    user_id: str
    role: str
    join_time: int = 0


class Group(Wire, kw_only=True):
    """A group and everyone in it."""

    group_id: str
    conversation_id: str
    name: str | None = None
    create_time: int = 0
    members: list[Member] = msgspec.field(default_factory=list)


class Presence(Wire, kw_only=True):
    """Whether a user is online, and when last seen (milliseconds; None if never)."""

    online: bool
    last_seen: int | None = None


class HistoryPage(Wire, kw_only=True):
    """Messages of a conversation, oldest first; `next_before` asks for the page before."""

    messages: list[Message]
    next_before: int | None = None


class ConversationSnapshot(Wire, kw_only=True):
    """A conversation in a snapshot: its members and latest messages, oldest first."""

    conversation_id: str
    conversation_seq: int
    read_seq: int
    unread: int
    muted: bool = False
    role: str = "member"
    name: str | None = None
    members: list[Member]
    messages: list[Message]


class Snapshot(Wire, kw_only=True):
    """Everything as of `max_seq` of the log of `epoch`."""

    epoch: str
    max_seq: int
    conversations: list[ConversationSnapshot]


class Session(Wire, kw_only=True):
    """The answer to registration, login and refresh. `expire_time` in milliseconds."""

    token: str
    refresh_token: str
    expire_time: int
    user_id: str
    device_id: str
