"""A message and a change, as every reader sees them (CONTRACT §2)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from roost.model.attachment import Attachment
from roost.model.names import Wire
from roost.model.sticker import Sticker

EVERYBODY = "@all"
"""Who mentions this mentions all members."""


class MessageType(IntEnum):
    """What `content` is."""

    TEXT = 1
    IMAGE = 2
    FILE = 3
    EMOJI = 4
    SYSTEM = 5


def message_type_of(attachments: Sequence[Attachment]) -> MessageType:
    """What a message is that carries these: an image where all of them are pictures, else a file."""
    return MessageType.IMAGE if all(one.is_picture for one in attachments) else MessageType.FILE


class Origin(Wire, kw_only=True):
    """The message that another was forwarded from, and who wrote it."""

    conversation_id: str
    server_msg_id: str
    sender_id: str


class Message(Wire, kw_only=True):
    """A message in its state of now. Times are milliseconds since 1970-01-01 UTC.

    `seq` is the place in the reader's own log: the one field that differs from reader to reader. It is 0, and
    left out of the encoding, where the message is read outside a log (history) or encoded once for many.
    """

    message_id: str
    server_msg_id: str
    seq: int = 0
    conversation_id: str
    conversation_seq: int
    sender_id: str
    message_type: int
    content: str
    create_time: int
    server_time: int
    version: int
    edit_time: int = 0
    recall_time: int = 0
    reply_to: str | None = None
    mentions: list[str] | None = None
    forwarded_from: Origin | None = None
    reactions: dict[str, list[str]] | None = None
    pinned: bool = False
    recall_reason: str | None = None
    attachments: list[Attachment] | None = None
    ttl: int = 0
    sticker: Sticker | None = None

    @property
    def expire_time(self) -> int:
        """When its content goes (ms); 0 is never."""
        return self.server_time + self.ttl * 1000 if self.ttl else 0


class Extra(Wire, kw_only=True):
    """What few messages carry: the fields of `Message` of the same names.

    `reply_to`: the server id of a message of the same conversation. `mentions`: members, or `EVERYBODY`. `reactions`:
    the users who reacted with each emoji, both in the order of coming. `recall_reason`: why a back end recalled it.
    `ttl`: seconds after `server_time` at which the message is recalled by itself.
    """

    reply_to: str | None = None
    mentions: list[str] | None = None
    forwarded_from: Origin | None = None
    reactions: dict[str, list[str]] | None = None
    pinned: bool = False
    recall_reason: str | None = None
    attachments: list[Attachment] | None = None
    ttl: int = 0
    sticker: Sticker | None = None


class GroupSettings(Wire, kw_only=True):
    """What is set of a group besides its name.

    `announcement_only`: only the owner and admins write. `members_invite`: every member brings in others, not only the
    owner and admins. `avatar` is the id of a file, whose thumbnail the members may read; or an address, or whatever the
    application makes of it.
    """

    description: str | None = None
    avatar: str | None = None
    announcement_only: bool = False
    members_invite: bool = False


class Present(Wire, kw_only=True):
    """A member of a small group as an entry of the log has it: since `join_time`, and up to where it had read.

    Until `muted_until` (ms) it may not write.
    """

    user_id: str
    role: str
    join_time: int
    muted_until: int = 0
    read_seq: int = 0


class Change(Wire, kw_only=True):
    """A log entry that is no message. `kind` tells which of the fields are set.

    - `read`: the read mark of `user_id` in `conversation_id` stands at `conversation_seq`;
    - `group`: the group was made, renamed, changed in its settings or dissolved (`action`: created, renamed, changed,
      dissolved; `name`; `settings`, all of them);
    - `member`: `user_id` became (`action` joined, with `role`) or ceased to be (`left`, `removed`, `banned`) a member;
      or `user_ids` did, several who were added together.
      Who comes in has read everything up to `conversation_seq`; it is 0 where only the role is another. Who comes back
      muted has `until`. `members` are all of a small group, where somebody learns by this entry who is in it; the entry
      of a group that was made has them as well;
    - `mute`: the member `user_id` may not write until `until`; 0: may write again;
    - `conversation`: this user has muted it, or no longer (`action`: muted, unmuted);
    - `invitation`: `actor_id` made or revoked an invitation (`action`: made, revoked); told to the owner and admins;
    - `block`: this user has blocked `user_id`, or no longer (`action`: blocked, unblocked);
    - `ban`: the ban of `user_id` is over (`action`: lifted);
    - `scheduled`: this user's message `message_id` was not sent when its time had come (`action`: failed), because of
      `error`;
    - `draft`: what this user has begun to write there is `content` now, of this `version`; empty is nothing.
    """

    seq: int = 0
    kind: str
    conversation_id: str
    conversation_seq: int = 0
    action: str | None = None
    user_id: str | None = None
    actor_id: str | None = None
    role: str | None = None
    name: str | None = None
    settings: GroupSettings | None = None
    until: int = 0
    message_id: str | None = None
    error: str | None = None
    content: str | None = None
    version: int = 0
    members: list[Present] | None = None
    user_ids: list[str] | None = None
    time: int = 0

    @property
    def users(self) -> list[str]:
        """Whom it is about."""
        return self.user_ids or ([] if self.user_id is None else [self.user_id])


class Entry(msgspec.Struct, gc=False):
    """One place in one user's log: `what` in its state of now. `origin` is the device (did) that caused it, or 0.

    `what.seq` is `seq`.
    """

    seq: int
    origin: int
    what: Message | Change
