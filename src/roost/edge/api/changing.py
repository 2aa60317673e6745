"""Changing messages: edit, recall (D9)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.operations import Call, operation
from roost.model.message import Message
from roost.model.names import Wire


class Named(Wire, kw_only=True):
    """A message, by its `serverMsgID`, or by one's own `messageID`."""

    server_msg_id: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]


class Edited(Named, kw_only=True):
    """A message and its new content."""

    content: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]


async def edit(call: Call, asked: Edited) -> Message:
    """Give a text of one's own another content. All members are told; the answer is the message as it is now."""
    return await call.roads.changing.edit(call.author, asked.server_msg_id, asked.content, address=call.address)


async def recall(call: Call, asked: Named) -> Message:
    """Take a message back: it keeps its place, and its content is gone. One's own, or anyone's as owner or admin."""
    return await call.roads.changing.recall(call.author, asked.server_msg_id, address=call.address)


OPERATIONS = (
    operation("PATCH", "/messages/{server_msg_id}", edit, everywhere=True),
    operation("POST", "/messages/{server_msg_id}/recall", recall, everywhere=True),
)
