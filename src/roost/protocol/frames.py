"""Every WebSocket frame, and the bodies of sync, as one set of structs (CONTRACT §3-4).

The same structs serve the socket, the HTTP sync route and the SDK, in JSON and in Protobuf.
"""

from __future__ import annotations

from typing import Any

import msgspec

from roost.model.message import Change, Message
from roost.model.names import Wire, wire_name
from roost.model.sticker import Sticker, StickerName

DEFAULT_COUNT = 500
"""Entries in a sync page where the request names no number (C3)."""


class ClientFrame(Wire, tag_field="type", kw_only=True):
    """A frame from the client."""


class Auth(ClientFrame, tag="auth", kw_only=True):
    """Must come first, within `limits.auth_timeout`. With `last_seq` the connection follows the log.

    Without a token (a page that has none writes null) it is refused as a bad token is, not as a frame of a wrong form.
    `hints` asks for `receipts` and `profile` frames, which come when they like.
    """

    token: str | None = None
    device_id: str | int | None = None
    last_seq: int | None = None
    epoch: str | None = None
    hints: bool = False


class Send(ClientFrame, kw_only=True):
    """What the two sending frames share. `create_time` is the sender's clock; the server's is used if absent.

    `reply_to` is the server's or the sender's own id of a message of the conversation; `mentions` are members, or
    `@all`; `attachments` the ids of files. `ttl`: seconds after which the message is recalled by itself; 0 is never. A
    `sticker` is sent without `content`: its emoji is.
    """

    to: str | int
    content: str = ""
    message_id: str | int | None = None
    message_type: int = 1
    create_time: int | None = None
    reply_to: str | int | None = None
    mentions: list[str | int] | None = None
    attachments: list[str] | None = None
    ttl: int = 0
    sticker: StickerName | None = None


class Private(Send, tag="private", kw_only=True):
    """To the user `to`."""


class Group(Send, tag="group", kw_only=True):
    """To the group `to`, of which the sender is a member."""


class Ack(ClientFrame, tag="ack", kw_only=True):
    """This device has stored every entry up to `seq`."""

    seq: int


class Sync(ClientFrame, tag="sync", kw_only=True):
    """Asks for a page of the log after `last_seq`; answered by `sync_batch`."""

    last_seq: int
    count: int = DEFAULT_COUNT
    epoch: str | None = None


class Read(ClientFrame, tag="read", kw_only=True):
    """This user has read the conversation up to `conversation_seq`."""

    conversation_id: str
    conversation_seq: int


class ChangeMessage(ClientFrame, kw_only=True):
    """What the frames that change a message share. The confirmation is the `message` that all members get."""

    server_msg_id: str | int


class Edit(ChangeMessage, tag="edit", kw_only=True):
    """Gives a text of one's own another content."""

    content: str


class Recall(ChangeMessage, tag="recall", kw_only=True):
    """Takes a message back."""


class React(ChangeMessage, tag="react", kw_only=True):
    """Reacts with an emoji, or takes one's reaction away."""

    emoji: str
    remove: bool = False


class Typing(ClientFrame, tag="typing", kw_only=True):
    """This user is typing in the conversation; told to its other members who are here, never logged."""

    conversation_id: str


class Presence(ClientFrame, tag="presence", kw_only=True):
    """Subscribes to the online state of these users; answered with their state of now."""

    user_ids: list[str | int]


class Request(ClientFrame, tag="request", kw_only=True):
    """Asks for an operation of the HTTP API; answered by `response`.

    `method` and `path` (with its query) are those of HTTP; so is `body`, an object. `request_id` is the client's own.
    """

    request_id: str | int
    method: str
    path: str
    body: dict[str, Any] | None = None


class Ping(ClientFrame, tag="ping", kw_only=True):
    """Answered by `pong`; renews the presence lease."""


AnyClientFrame = Auth | Private | Group | Ack | Sync | Read | Edit | Recall | React | Typing | Presence | Request | Ping


class ServerFrame(Wire, tag_field="type", kw_only=True):
    """A frame from the server."""


class Ready(ServerFrame, tag="ready", kw_only=True):
    """Authenticated. `position` is what this device has stored as far as the server knows."""

    user_id: str
    device_id: str
    head_seq: int
    epoch: str
    position: int
    window: int
    max_content: int
    max_frame: int
    server_time: int


class Offline(ServerFrame, tag="offline", kw_only=True):
    """A batch of at most 100 entries that covers the log from `from_seq` to `through_seq`; `remaining` are to come."""

    messages: list[Message]
    changes: list[Change]
    from_seq: int
    through_seq: int
    remaining: int


class Sent(ServerFrame, tag="sent", kw_only=True):
    """The message is durable in every receiver's log; `seq` is its place in the sender's own.

    `content` is what was stored, where that is not what was sent: words were masked (D7), or it is a
    `sticker`.
    """

    message_id: str
    server_msg_id: str
    conversation_id: str
    conversation_seq: int
    seq: int
    server_time: int
    duplicate: bool = False
    content: str | None = None
    sticker: Sticker | None = None


class Page(Wire, kw_only=True):
    """A page of the log (CONTRACT §3, sync rules): complete from `from_seq` to `max_seq`.

    `retained_seq` is there wherever `reset_required` is, also as 0.
    """

    messages: list[Message]
    max_seq: int
    has_more: bool
    total_count: int
    changes: list[Change]
    from_seq: int
    head_seq: int
    epoch: str
    reset_required: bool = False
    retained_seq: int | None = None


class SyncBatch(Page, tag_field="type", tag="sync_batch", kw_only=True):
    """The answer to `sync`."""


class TypingNotice(ServerFrame, tag="typing", kw_only=True):
    """`user_id` is typing in the conversation."""

    conversation_id: str
    user_id: str


class Online(Wire, kw_only=True):
    """Whether a user is online, and when last seen (milliseconds; absent if never)."""

    online: bool
    last_seen: int | None = None


class PresenceNotice(ServerFrame, tag="presence", kw_only=True):
    """The state of users that this connection asked for or subscribed to."""

    users: dict[str, Online]


class ProfileNotice(ServerFrame, tag="profile", kw_only=True):
    """A hint: the profile of `user_id` is another now, the `version`-th."""

    user_id: str
    version: int


class Mark(Wire, kw_only=True):
    """How far a user has got in a conversation: all up to these conversationSeqs is read, or on a device of the user.

    What was read counts as delivered. 0 is nothing, or nothing new where marks are hinted.
    """

    user_id: str
    read_seq: int = 0
    delivered_seq: int = 0


class ReceiptsNotice(ServerFrame, tag="receipts", kw_only=True):
    """A hint for who wrote there: others have got so far. Marks never go back, so the highest that came holds."""

    conversation_id: str
    marks: list[Mark]


Passing = TypingNotice | ReceiptsNotice | ProfileNotice
"""What is told to users who are here, and to nobody later."""


class Pong(ServerFrame, tag="pong", kw_only=True):
    """The answer to `ping`."""

    server_time: int


class Response(ServerFrame, tag="response", kw_only=True):
    """The answer to the `request` with this `request_id`: HTTP's status, and its body, in JSON."""

    request_id: str
    status: int
    body: msgspec.Raw


class Error(ServerFrame, tag="error", kw_only=True):
    """A refusal; `code` and `error` are those of `roost.errors`, `retry_after` is in seconds.

    `message_id` names the message that was to be sent, `server_msg_id` the one that was to be changed, `request_id` the
    request that is none: a well-formed one is always answered by `response`.
    """

    code: int
    error: str
    message: str
    message_id: str | None = None
    server_msg_id: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    data: dict[str, Any] | None = None


class SyncRequest(Wire, kw_only=True):
    """The body of `POST /messages/sync` (C4). `timestamp` is the client's clock, for the sync delay metric."""

    last_seq: int = 0
    count: int = DEFAULT_COUNT
    timestamp: int | None = None
    epoch: str | None = None


def field_names(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The wire names of a struct's fields."""
    return frozenset(wire_name(name) for name in kind.__struct_fields__)
