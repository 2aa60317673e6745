"""The snapshot: the way on for a client that is new, or whose position is no longer retained."""

from __future__ import annotations

import msgspec

from roost.edge.api.blocks import shown_blocks
from roost.edge.api.conversations import state_fields
from roost.edge.api.groups import shown_members
from roost.edge.api.operations import Call, operation
from roost.model.message import GroupSettings
from roost.protocol.answers import ConversationSnapshot, Snapshot


async def snapshot(call: Call) -> Snapshot:
    """Read everything a new client needs, and the cursor to go on from.

    The 1,000 latest conversations with 20 messages each; older ones are in the list and in histories.
    """
    found = await call.roads.conversations.snapshot(call.author)
    known = await call.roads.marks.of(call.author, [listed.conversation_id for listed, *_ in found.conversations])
    conversations = [
        ConversationSnapshot(
            **msgspec.structs.asdict(state_fields(listed, known)),
            members=shown_members(members),
            messages=messages,
            unread_before=unread_before or None,
            settings=None if settings == GroupSettings() else settings,
        )
        for listed, members, messages, settings, unread_before in found.conversations
    ]
    return Snapshot(
        epoch=call.roads.catchup.epoch,
        max_seq=found.state.head,
        conversations=conversations,
        blocks=shown_blocks(found.blocks),
        drafts=found.drafts,
    )


OPERATIONS = (operation("GET", "/snapshot", snapshot),)
