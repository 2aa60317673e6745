"""Messages: sending as the server or as a user, recalling."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.admit import rules
from roost.edge.api.operations import BackEndCall, MessageID, UserID, operation
from roost.errors import InvalidInput
from roost.journal.contract import Author, Draft
from roost.model import ids
from roost.model.message import Message, MessageType
from roost.model.names import Wire
from roost.model.sticker import StickerName
from roost.protocol.frames import Group, Private, Sent

MAX_REASON = 200
"""Characters."""

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REASON)]


class Sending(Wire, kw_only=True):
    """A message of the server itself, or of the user `senderID`, to the user `to` or into a conversation.

    With a `messageID` of your own, sending again is safe: the answer is the first one's.
    """

    to: UserID | None = None
    conversation_id: str | None = None
    sender_id: UserID | None = None
    content: Annotated[str, msgspec.Meta(description="not empty, unless there is a sticker")] = ""
    message_id: MessageID | None = None
    message_type: int | None = None
    reply_to: str | int | None = None
    mentions: list[UserID] | None = None
    sticker: Annotated[StickerName, msgspec.Meta(description="sent without `content`, as type 4")] | None = None


class Recalling(Wire, kw_only=True):
    """A message, by its serverMsgID, and why it is recalled, which is told to everybody."""

    server_msg_id: str
    reason: Reason | None = None


async def send_message(call: BackEndCall, asked: Sending) -> Sent:
    """Send a message as the server (messageType 5), or in the name of a user. No limit on rates holds for it.

    The server's come to any conversation; a user must be a member, and word lists hold.
    """
    if (asked.to is None) is (asked.conversation_id is None):
        raise InvalidInput("Say where the message goes: `to` a user, or into `conversationID`.")
    if asked.sender_id is None:
        return await call.roads.submit.announce(_draft(await call.roads.credentials.system(), asked, call))
    sender = await call.roads.credentials.as_user(ids.user_id(asked.sender_id, "senderID"))
    send = _as_user(sender.user_id, asked)
    return await call.roads.submit.send(sender, send, address=call.address, trusted=True)


def _draft(system: Author, asked: Sending, call: BackEndCall) -> Draft:
    """Raises `InvalidInput` for what the server does not send."""
    of_users = asked.reply_to is not None or asked.mentions or asked.sticker is not None
    if asked.message_type not in {None, MessageType.SYSTEM} or of_users:
        raise InvalidInput(
            "The server's messages have messageType 5, and neither replyTo, mentions nor sticker; name a senderID."
        )
    to = None if asked.to is None else ids.user_id(asked.to, "to")
    if to is None:
        conversation = ids.conversation_id(asked.conversation_id or "")
    else:
        conversation = ids.private_conversation(system.user_id, to)
    return Draft(
        author=system,
        conversation_id=conversation,
        to=to,
        message_id=None if asked.message_id is None else ids.message_id(asked.message_id),
        message_type=MessageType.SYSTEM,
        content=asked.content,
        create_time=call.roads.clock(),
        system=True,
    )


def _as_user(sender: str, asked: Sending) -> Private | Group:
    """Raises `InvalidInput` for a conversation that the sender can't be in."""
    message_type = MessageType.TEXT if asked.message_type is None else asked.message_type
    rules.check_type(message_type)
    kind: type[Private | Group] = Private
    to = asked.to
    if asked.conversation_id is not None:
        conversation = ids.conversation_id(asked.conversation_id)
        to = conversation.removeprefix("g:")
        if conversation.startswith("g:"):
            kind = Group
        else:
            pair = conversation.split(":")[1:]
            if sender not in pair:
                raise InvalidInput(f"{sender} is not in {conversation}.")
            to = pair[1] if pair[0] == sender else pair[0]
    return kind(
        to=to or "",
        content=asked.content,
        message_id=asked.message_id,
        message_type=message_type,
        reply_to=asked.reply_to,
        mentions=asked.mentions,
        sticker=asked.sticker,
    )


async def recall_any(call: BackEndCall, asked: Recalling) -> Message:
    """Recall any message, at any time. Everybody is told, with the reason."""
    changing = call.roads.changing
    return await changing.recall(call.author, asked.server_msg_id, address=call.address, reason=asked.reason)


OPERATIONS = (
    operation("POST", "/admin/messages", send_message, status=201, scope="messages:send"),
    operation("POST", "/admin/messages/{server_msg_id}/recall", recall_any, scope="messages:recall"),
)
