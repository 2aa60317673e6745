"""Changing messages: edit, recall, reactions, pins; forwarding (D9)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.admit.emoji import MAX_LENGTH
from roost.edge.api.conversations import own_conversation
from roost.edge.api.operations import Call, ConversationID, MessageID, operation
from roost.flow.messages.forwarding import MAX_TARGETS
from roost.model.message import Message
from roost.model.names import Wire
from roost.protocol.answers import Pins, Receipts


class Named(Wire, kw_only=True):
    """A message, by its `serverMsgID`, or by one's own `messageID`."""

    server_msg_id: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]


class Edited(Named, kw_only=True):
    """A message and its new content."""

    content: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]


class Reaction(Named, kw_only=True):
    """A message and an emoji."""

    emoji: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_LENGTH})]


class Forwarded(Named, kw_only=True):
    """A message and the conversations that it goes to; `messageIDs`: one's own ids for the copies, in their order."""

    to: Annotated[list[ConversationID], msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": MAX_TARGETS})]
    message_ids: list[MessageID] | None = None


class Pinboard(Wire, kw_only=True):
    """A conversation."""

    conversation_id: ConversationID


async def edit(call: Call, asked: Edited) -> Message:
    """Give a text of one's own another content. All members are told; the answer is the message as it is now."""
    return await call.roads.changing.edit(call.author, asked.server_msg_id, asked.content, address=call.address)


async def recall(call: Call, asked: Named) -> Message:
    """Take a message back: it keeps its place, and its content is gone. One's own, or anyone's as owner or admin."""
    return await call.roads.changing.recall(call.author, asked.server_msg_id, address=call.address)


async def react(call: Call, asked: Reaction) -> Message:
    """React to a message with an emoji."""
    return await call.roads.changing.react(call.author, asked.server_msg_id, asked.emoji, address=call.address)


async def unreact(call: Call, asked: Reaction) -> Message:
    """Take one's reaction away."""
    return await call.roads.changing.react(
        call.author, asked.server_msg_id, asked.emoji, address=call.address, remove=True
    )


async def pin(call: Call, asked: Named) -> Message:
    """Pin a message in its conversation; in a group as owner or admin."""
    return await call.roads.changing.pin(call.author, asked.server_msg_id, address=call.address)


async def unpin(call: Call, asked: Named) -> Message:
    """Unpin a message; in a group as owner or admin."""
    return await call.roads.changing.pin(call.author, asked.server_msg_id, address=call.address, remove=True)


async def forward(call: Call, asked: Forwarded) -> Receipts:
    """Send a message on to conversations of one's own. A receipt for each, in their order."""
    sent = await call.roads.forwarding.forward(
        call.author, asked.server_msg_id, asked.to, asked.message_ids, address=call.address
    )
    return Receipts(receipts=sent)


async def pinned(call: Call, asked: Pinboard) -> Pins:
    """Read the pinned messages of a conversation."""
    conversation = own_conversation(call.author, asked.conversation_id)
    return Pins(messages=await call.roads.changing.pinned(call.author, conversation))


OPERATIONS = (
    operation("PATCH", "/messages/{server_msg_id}", edit, everywhere=True),
    operation("POST", "/messages/{server_msg_id}/recall", recall, everywhere=True),
    operation("PUT", "/messages/{server_msg_id}/reactions/{emoji}", react, everywhere=True),
    operation("DELETE", "/messages/{server_msg_id}/reactions/{emoji}", unreact, everywhere=True),
    operation("PUT", "/messages/{server_msg_id}/pin", pin, everywhere=True),
    operation("DELETE", "/messages/{server_msg_id}/pin", unpin, everywhere=True),
    operation("POST", "/messages/{server_msg_id}/forward", forward, everywhere=True),
    operation("GET", "/conversations/{conversation_id}/pins", pinned),
)
