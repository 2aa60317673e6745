"""What a client tells the application, as frozen structs.

`MessageReceived`, `MessageChanged`, `ReadMarkMoved`, `MemberRead`, `GroupChanged`, `MembershipChanged` and
`MemberMuted` are **durable**: they come from the store, each once, in the order of the log, across restarts. The others
tell of the moment; a handler that is not there misses them.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from roost.errors import RoostError
from roost.model.message import GroupSettings, Message
from roost.protocol.frames import Mark


class State(Enum):
    """Where the connection stands. `SYNCING` is connected, with entries of the log still to come."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    SYNCING = "syncing"
    CONNECTED = "connected"


class SyncState(Enum):
    """Where the sync stands (C5)."""

    IDLE = "idle"
    SYNCING = "syncing"
    COMPLETED = "completed"
    FAILED = "failed"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Anything a handler can be given."""


class Durable(Event, frozen=True, kw_only=True):
    """An event that comes from the store. `seq` is its place in the user's log."""

    seq: int


class MessageReceived(Durable, frozen=True, kw_only=True):
    """A message of another user, or of this user's other devices, in its state of now."""

    message: Message


class MessageChanged(Durable, frozen=True, kw_only=True):
    """A message that was received or sent before is different now (edited, recalled, reacted to)."""

    message: Message


class ReadMarkMoved(Durable, frozen=True, kw_only=True):
    """This user has read `conversation_id` up to `conversation_seq`, here or on another device."""

    conversation_id: str
    conversation_seq: int


class MemberRead(Durable, frozen=True, kw_only=True):
    """`user_id`, another member of a private conversation or a small group, has read it up to `conversation_seq`."""

    conversation_id: str
    user_id: str
    conversation_seq: int


class GroupChanged(Durable, frozen=True, kw_only=True):
    """A group was made, renamed, changed in its settings or dissolved by `actor_id`.

    `action`: created, renamed, changed, dissolved. `settings` are all of them, where they are others.
    """

    conversation_id: str
    action: str
    name: str | None
    actor_id: str | None
    settings: GroupSettings | None = None


class MembershipChanged(Durable, frozen=True, kw_only=True):
    """`user_id` joined (with `role`), left, was removed or banned by `actor_id`, or may come back.

    `action`: joined, left, removed, banned, unbanned. `user_ids` are all whom it is about, several where they were
    added together; `user_id` is the first of them.
    """

    conversation_id: str
    user_id: str
    user_ids: tuple[str, ...]
    action: str
    role: str | None
    actor_id: str | None


class MemberMuted(Durable, frozen=True, kw_only=True):
    """`actor_id` does not let `user_id` write until `until` (ms); 0: the user may write again."""

    conversation_id: str
    user_id: str
    until: int
    actor_id: str | None


class BlockChanged(Durable, frozen=True, kw_only=True):
    """This user has `blocked` another, or no longer, here or on another device."""

    user_id: str
    blocked: bool


class InvitationsChanged(Durable, frozen=True, kw_only=True):
    """`actor_id` made or revoked (`action`) an invitation that this user may see."""

    conversation_id: str
    action: str
    actor_id: str | None


class ConversationMuted(Durable, frozen=True, kw_only=True):
    """This user has muted a conversation, or no longer, here or on another device."""

    conversation_id: str
    muted: bool


class DraftChanged(Durable, frozen=True, kw_only=True):
    """What this user has begun to write in `conversation_id` is another, by another device; empty is nothing."""

    conversation_id: str
    content: str


class ScheduledFailed(Durable, frozen=True, kw_only=True):
    """A message that this user had scheduled was refused when its time had come; `error` is the word for why."""

    conversation_id: str
    message_id: str
    error: str


class MessageSent(Event, frozen=True, kw_only=True):
    """A message of the outbox is on disk in every receiver's log; it has its server id and places now."""

    message: Message


class SendFailed(Event, frozen=True, kw_only=True):
    """A message of the outbox was refused. `error.retryable` tells whether `client.retry` may help."""

    message_id: str
    conversation_id: str
    error: RoostError


class ConversationChanged(Event, frozen=True, kw_only=True):
    """Something about this conversation is different: messages, unread, name, members (C8)."""

    conversation_id: str


class StateChanged(Event, frozen=True, kw_only=True):
    """The connection's state. `retry_in` is the seconds until the next attempt, where there will be one."""

    state: State
    reason: str
    retry_in: float | None = None
    error: RoostError | None = None


class SyncProgress(Event, frozen=True, kw_only=True):
    """A batch is stored (C8). `done` of `total` entries that were waiting; `total` grows if more arrive."""

    done: int
    total: int
    batch: int

    @property
    def fraction(self) -> float:
        """0.0 to 1.0."""
        return min(1.0, self.done / self.total) if self.total else 1.0


class SyncEnded(Event, frozen=True, kw_only=True):
    """A sync is over: completed, failed (with the error) or idle (stopped)."""

    state: SyncState
    error: RoostError | None = None


class StoreReset(Event, frozen=True, kw_only=True):
    """The store was rebuilt from a snapshot: the log did not reach back to its position, or is another (`epoch`)."""

    position: int
    epoch: str
    foreign_epoch: bool


class MarksMoved(Event, frozen=True, kw_only=True):
    """Others have got further in `conversation_id`: what is known of their devices, and of reading in large groups."""

    conversation_id: str
    marks: list[Mark]


class ProfileChanged(Event, frozen=True, kw_only=True):
    """The profile of `user_id` is another now, its `version`-th; `client.profile` has it."""

    user_id: str
    version: int


class Typing(Event, frozen=True, kw_only=True):
    """`user_id` is typing."""

    conversation_id: str
    user_id: str


class PresenceChanged(Event, frozen=True, kw_only=True):
    """A watched user came or went. `last_seen` in milliseconds."""

    user_id: str
    online: bool
    last_seen: int | None


class HandlerFailed(Event, frozen=True, kw_only=True):
    """A handler raised. It is logged as well; the event it was given counts as handled."""

    event: Any
    error: BaseException
