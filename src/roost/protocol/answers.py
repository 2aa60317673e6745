"""What the HTTP API answers, as structs that the server fills and the SDK reads (CONTRACT §3).

Here is what both sides use. What only the server says (pages of lists, counts, devices) stands beside its route in
`edge/api`; sync pages and receipts are frames as well, and stand in `frames`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from roost.model.message import GroupSettings, Message
from roost.model.names import Wire
from roost.model.sticker import StickerName
from roost.protocol.frames import Mark, Sent


class Failure(Wire, kw_only=True):
    """A refusal. `code` and `error` are stable; `message` is for a person; `requestID` finds it in the log."""

    code: int
    error: str
    message: str
    data: dict[str, Any] | None
    request_id: str


class Session(Wire, kw_only=True):
    """What a device holds after logging in. `expireTime` is the access token's, in milliseconds."""

    token: str
    refresh_token: str
    expire_time: int
    user_id: str
    device_id: str


class Presence(Wire, kw_only=True):
    """Whether a user is online, and when last seen (milliseconds; null if never)."""

    online: bool
    last_seen: int | None


class PushAddress(Wire, kw_only=True):
    """A push address of a device. `active`: this server pushes to its kind. Time in milliseconds."""

    platform: str
    preview: bool
    muted: bool
    active: bool
    create_time: int


class Device(Wire, kw_only=True):
    """A device. `position` is the last entry it has stored, `lag` how many entries it is behind its log.

    Times are milliseconds, null if never; `current` marks the device that asks.
    """

    device_id: str
    position: int
    lag: int
    sync_time: int | None
    last_seen: int | None
    current: bool
    push: list[PushAddress]


class Devices(Wire, kw_only=True):
    """One's devices, the newest first; `headSeq` is the end of the log."""

    devices: list[Device]
    head_seq: int


class HistoryPage(Wire, kw_only=True):
    """Messages of a conversation, oldest first. `nextBefore` asks for the page before; null where there is none."""

    messages: list[Message]
    next_before: int | None


class Hit(Wire, kw_only=True):
    """A message that was found. `matches`: where in `snippet`, a part of its text, as [place, length] in characters."""

    message: Message
    snippet: str
    matches: list[tuple[int, int]]


class SearchPage(Wire, kw_only=True):
    """Messages that were found, the newest first. `nextBefore` asks for the page after; null at the end."""

    hits: list[Hit]
    next_before: str | None


class Scheduled(Wire, kw_only=True):
    """A message that is sent at `sendTime` (milliseconds), under its `messageID`. `attachments` are ids."""

    scheduled_id: str
    conversation_id: str
    message_id: str
    message_type: int
    content: str
    send_time: int
    reply_to: str | None = None
    mentions: list[str] | None = None
    attachments: list[str] | None = None
    ttl: int = 0
    sticker: StickerName | None = None


class ScheduledList(Wire, kw_only=True):
    """What a user has scheduled, the next first."""

    scheduled: list[Scheduled]


class Draft(Wire, kw_only=True):
    """What a user has begun to write in a conversation. Of two the one with the higher version counts."""

    conversation_id: str
    content: str
    version: int
    update_time: int


class DraftList(Wire, kw_only=True):
    """What a user has begun to write."""

    drafts: list[Draft]


class Pins(Wire, kw_only=True):
    """The pinned messages of a conversation, the earliest pin first."""

    messages: list[Message]


class Receipts(Wire, kw_only=True):
    """The receipts of forwarded messages, in the order of the conversations."""

    receipts: list[Sent]


class Profile(Wire, kw_only=True):
    """What a user says of itself. `version` counts the changes. `bot`: it is a program.

    `avatar`: an https address; or the id of a file, whose thumbnail everybody may read.
    """

    user_id: str
    display_name: str | None = None
    avatar: str | None = None
    status: str | None = None
    version: int
    bot: bool = False


class OwnProfile(Profile, kw_only=True):
    """One's own. `presence`: who sees one online: everybody, nobody, contacts (who share a conversation)."""

    presence: str


class ProfileList(Wire, kw_only=True):
    """Profiles, in the order in which they were asked for."""

    users: list[Profile]


class Receipt(Wire, kw_only=True):
    """What became of a message with one of those whom it was for."""

    user_id: str
    delivered: bool
    read: bool


class MessageReceipts(Wire, kw_only=True):
    """Who has got and who has read a message, in pages: `receivers` are all whom it was for, `read` of them read it.

    `nextAfter` asks for the page that follows; null where there is none.
    """

    server_msg_id: str
    conversation_id: str
    conversation_seq: int
    receivers: int
    read: int
    receipts: list[Receipt]
    next_after: str | None


class ConversationMarks(Wire, kw_only=True):
    """How far the other members of a small conversation have got."""

    conversation_id: str
    marks: list[Mark]


class Marks(Wire, kw_only=True):
    """The marks of small conversations."""

    conversations: list[ConversationMarks]


class Member(Wire, kw_only=True):
    """A member of a group: owner, admin or member, since `joinTime`; until `mutedUntil` it may not write (ms).

    `bot`: it is a program.
    """

    user_id: str
    role: str
    join_time: int
    muted_until: int = 0
    bot: bool = False


class Group(GroupSettings, kw_only=True):
    """A group and everyone in it, in the order of joining.

    Of a `large` group `members` has only who asks; all are in pages of their own.
    """

    group_id: str
    conversation_id: str
    name: str | None = None
    create_time: int
    members: list[Member]
    member_count: int = 0
    large: bool = False


class MemberPage(Wire, kw_only=True):
    """Members of a group, in an order that stays. `nextAfter` asks for the page behind; null where there is none."""

    members: list[Member]
    next_after: str | None


class Added(Wire, kw_only=True):
    """How many of the users were no members before."""

    added: int


class Removed(Wire, kw_only=True):
    """How many of the users were members before."""

    removed: int


class Ban(Wire, kw_only=True):
    """A user who can't come into a group, who decided it, and when (milliseconds)."""

    user_id: str
    banned_by: str
    ban_time: int


class Bans(Wire, kw_only=True):
    """Who can't come into a group, the latest first."""

    bans: list[Ban]


class Invitation(Wire, kw_only=True):
    """An invitation to a group. Whoever has its `token` comes in; it is told only when the invitation is made.

    Times are milliseconds; without `maxUses` it is good any number of times.
    """

    invitation_id: str
    made_by: str
    create_time: int
    expire_time: int
    uses: int
    max_uses: int = 0
    token: str | None = None


class Invitations(Wire, kw_only=True):
    """The invitations to a group that have not expired, the latest first."""

    invitations: list[Invitation]


class InvitedTo(GroupSettings, kw_only=True):
    """The group that an invitation leads to. `member`: who asks is in it already."""

    group_id: str
    name: str | None = None
    member_count: int
    made_by: str
    expire_time: int
    member: bool


class ConversationState(Wire, kw_only=True):
    """A conversation as this user has it. `conversationSeq` is its last message's, `readSeq` this user's mark.

    `marks`: how far the others have got, in a private one or a small group. Of a `large` one not all is told: who
    comes and goes, and who is typing.
    """

    conversation_id: str
    conversation_seq: int
    read_seq: int
    unread: int
    muted: bool
    role: str
    name: str | None = None
    marks: list[Mark] | None = None
    large: bool = False


class ConversationSnapshot(ConversationState, kw_only=True):
    """A conversation with its members and latest messages, oldest first; older ones are in its history.

    `settings` are a group's, where they are not those of a new one. `unreadBefore`: the conversationSeqs before the
    messages that are unread, ascending; of more than 500 the newest. Of a `large` one `members` has only who asks.
    """

    members: list[Member]
    messages: list[Message]
    unread_before: list[int] | None = None
    settings: GroupSettings | None = None


class Block(Wire, kw_only=True):
    """A user who is blocked, since `blockTime` (milliseconds)."""

    user_id: str
    block_time: int


class Blocks(Wire, kw_only=True):
    """Whom one has blocked, the latest first."""

    blocks: list[Block]


class Snapshot(Wire, kw_only=True):
    """Everything as of `maxSeq`, which is the `lastSeq` to go on from, in the log of `epoch`."""

    epoch: str
    max_seq: int
    conversations: list[ConversationSnapshot]
    blocks: list[Block] = msgspec.field(default_factory=list)
    drafts: list[Draft] = msgspec.field(default_factory=list)


REASONS = ("spam", "harassment", "violence", "sexual", "illegal", "other")
"""Why a message is reported."""


class ReportTaken(Wire, kw_only=True):
    """A report that operators see. `duplicate`: this user had reported the message before, and this is that report."""

    report_id: str
    create_time: int
    duplicate: bool = False
