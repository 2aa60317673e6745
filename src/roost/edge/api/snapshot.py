"""The snapshot: the way on for a client that is new, or whose position is no longer retained."""

from __future__ import annotations

import msgspec

from roost.edge.api.conversations import ConversationState, state_fields
from roost.edge.api.groups import GroupMember
from roost.edge.api.operations import Call, operation
from roost.model.message import Message
from roost.model.names import Wire


class ConversationSnapshot(ConversationState, kw_only=True):
    """A conversation with its members and latest messages, oldest first; older ones are in its history."""

    members: list[GroupMember]
    messages: list[Message]


class Snapshot(Wire, kw_only=True):
    """Everything as of `maxSeq`, which is the `lastSeq` to go on from, in the log of `epoch`."""

    epoch: str
    max_seq: int
    conversations: list[ConversationSnapshot]


async def snapshot(call: Call) -> Snapshot:
    """Read everything a new client needs, and the cursor to go on from.

    The 1,000 latest conversations with 20 messages each; older ones are in the list and in histories.
    """
    found = await call.roads.conversations.snapshot(call.author)
    conversations = [
        ConversationSnapshot(
            **msgspec.structs.asdict(state_fields(listed)),
            members=[
                GroupMember(user_id=member.user_id, role=member.role, join_time=member.joined_at) for member in members
            ],
            messages=messages,
        )
        for listed, members, messages in found.conversations
    ]
    return Snapshot(epoch=call.roads.catchup.epoch, max_seq=found.state.head, conversations=conversations)


OPERATIONS = (operation("GET", "/snapshot", snapshot),)
