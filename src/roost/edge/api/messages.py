"""Messages: sending, history, who is online."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.admit.rules import SENDABLE
from roost.edge.api.operations import (
    AttachmentID,
    Call,
    GroupID,
    GroupIDInPath,
    MessageID,
    UserID,
    UserIDInPath,
    operation,
)
from roost.errors import InvalidInput, UnknownConversation, UnknownReceiver
from roost.model import ids
from roost.model.names import Wire
from roost.model.sticker import StickerName
from roost.protocol.answers import HistoryPage, Presence
from roost.protocol.frames import Group, Private, Sent

MAX_USERS = 500
"""Users in one query of who is online (D8)."""
DEFAULT_HISTORY, MAX_HISTORY = 20, 100
"""Messages on a page of history (D8)."""


class Outgoing(Wire, kw_only=True):
    """A message to be sent. Sending again with the same `messageID` gives the first result (`duplicate`)."""

    content: Annotated[str, msgspec.Meta(description="not empty, unless there are attachments or a sticker")] = ""
    to: UserID | GroupID | None = None
    message_id: MessageID | None = None
    message_type: Annotated[
        int, msgspec.Meta(description="1 text, 2 image, 3 file, 4 emoji", extra_json_schema={"enum": sorted(SENDABLE)})
    ] = 1
    create_time: int | None = None
    reply_to: (
        Annotated[
            str | int, msgspec.Meta(description="`serverMsgID`, or own `messageID`, of a message of the conversation")
        ]
        | None
    ) = None
    mentions: Annotated[list[UserID], msgspec.Meta(description="members, or `@all`")] | None = None
    attachments: Annotated[list[AttachmentID], msgspec.Meta(description="ids of files, 10 at most")] | None = None
    ttl: Annotated[int, msgspec.Meta(description="seconds after which it is recalled by itself; 0 is never")] = 0
    sticker: Annotated[StickerName, msgspec.Meta(description="sent without `content`, as type 4")] | None = None


class ToUser(Outgoing, kw_only=True):
    """A private message. The receiver is `receiverID`, or `to`."""

    receiver_id: UserID | None = None


class ToGroup(Outgoing, kw_only=True):
    """A message to a group. The group is `groupID`, or `to`."""

    group_id: GroupID | None = None


class History(Wire, kw_only=True):
    """Which page of a history: at most `limit` messages before a conversationSeq, or the newest."""

    before: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_HISTORY)] = DEFAULT_HISTORY


class UserHistory(History, kw_only=True):
    """A page of the private conversation with a user."""

    user_id: UserIDInPath


class GroupHistory(History, kw_only=True):
    """A page of a group's conversation."""

    group_id: GroupIDInPath


class Users(Wire, kw_only=True):
    """User ids with commas between them, at most 500."""

    user_ids: Annotated[str, msgspec.Meta(examples=["1,2,3"])]


async def send_to_user(call: Call, asked: ToUser) -> Sent:
    """Send a private message. The answer means that it is on disk in the receiver's log."""
    receiver = asked.receiver_id if asked.receiver_id is not None else asked.to
    if receiver is None:
        raise InvalidInput("Object missing required field `receiverID`")
    send = _filled(Private, asked, receiver)
    return await call.roads.submit.send(call.author, send, address=call.address)


async def send_to_group(call: Call, asked: ToGroup) -> Sent:
    """Send a message to a group of which one is a member."""
    group = asked.group_id if asked.group_id is not None else asked.to
    if group is None:
        raise InvalidInput("Object missing required field `groupID`")
    send = _filled(Group, asked, group)
    return await call.roads.submit.send(call.author, send, address=call.address)


def _filled(kind: type[Private | Group], asked: Outgoing, to: str | int) -> Private | Group:
    return kind(
        to=to,
        content=asked.content,
        message_id=asked.message_id,
        message_type=asked.message_type,
        create_time=asked.create_time,
        reply_to=asked.reply_to,
        mentions=asked.mentions,
        attachments=asked.attachments,
        ttl=asked.ttl,
        sticker=asked.sticker,
    )


async def user_history(call: Call, asked: UserHistory) -> HistoryPage:
    """Read the private conversation with a user, the newest page first."""
    other = ids.user_id(asked.user_id)
    conversation = ids.private_conversation(call.author.user_id, other)
    try:
        return await _history(call, conversation, asked)
    except UnknownConversation:
        if await call.roads.users.account(other) is None:
            raise UnknownReceiver(f"There is no user {other}.") from None
        return HistoryPage(messages=[], next_before=None)


async def group_history(call: Call, asked: GroupHistory) -> HistoryPage:
    """Read the conversation of a group of which one is a member, the newest page first."""
    return await _history(call, ids.group_conversation(ids.group_id(asked.group_id)), asked)


async def _history(call: Call, conversation: str, asked: History) -> HistoryPage:
    found = await call.roads.conversations.history(call.author, conversation, asked.before, asked.limit)
    first = found[0].conversation_seq if found else 1
    return HistoryPage(messages=found, next_before=first if first > 1 else None)


async def online(call: Call, asked: Users) -> dict[str, Presence]:
    """Ask who is online, many users at once."""
    user_ids = [ids.user_id(name.strip(), "userIDs") for name in asked.user_ids.split(",") if name.strip()]
    if not 1 <= len(user_ids) <= MAX_USERS:
        raise InvalidInput(f"userIDs must name 1-{MAX_USERS} users.")
    hidden = await call.roads.hidden_from(call.author.uid, user_ids)
    here = await call.roads.sightings([user_id for user_id in user_ids if user_id not in hidden])
    return {user_id: Presence(online=state.online, last_seen=state.last_seen) for user_id, state in here.items()} | {
        user_id: Presence(online=False, last_seen=None) for user_id in hidden
    }


OPERATIONS = (
    operation("POST", "/messages/user", send_to_user, everywhere=True),
    operation("GET", "/messages/user/{user_id}", user_history, everywhere=True),
    operation("POST", "/messages/group", send_to_group, everywhere=True),
    operation("GET", "/messages/group/{group_id}", group_history, everywhere=True),
    operation("GET", "/messages/online", online, everywhere=True),
)
