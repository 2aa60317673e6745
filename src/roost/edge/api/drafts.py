"""Drafts: what one has begun to write."""

from __future__ import annotations

from roost.edge.api.conversations import own_conversation
from roost.edge.api.operations import Call, ConversationID, operation
from roost.model.names import Wire
from roost.protocol.answers import Draft, DraftList


class Begun(Wire, kw_only=True):
    """A conversation, and what one has begun to write there; empty is nothing."""

    conversation_id: ConversationID
    content: str


async def save_draft(call: Call, asked: Begun) -> Draft:
    """Keep what one has begun to write in a conversation for one's other devices."""
    conversation = own_conversation(call.author, asked.conversation_id)
    return await call.roads.drafts.save(call.author, conversation, asked.content)


async def drafts(call: Call) -> DraftList:
    """List what one has begun to write."""
    return DraftList(drafts=await call.roads.drafts.listed(call.author))


OPERATIONS = (
    operation("PUT", "/conversations/{conversation_id}/draft", save_draft),
    operation("GET", "/drafts", drafts),
)
