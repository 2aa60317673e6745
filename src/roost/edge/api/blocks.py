"""Block lists: whom one does not want to hear of."""

from __future__ import annotations

from collections.abc import Sequence

from roost.edge.api.operations import Call, UserIDInPath, operation
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import Block, Blocks
from roost.roster import blocks as roster


class User(Wire, kw_only=True):
    """A user."""

    user_id: UserIDInPath


def shown_blocks(blocks: Sequence[roster.Block]) -> list[Block]:
    """Blocks as they are shown."""
    return [Block(user_id=one.user_id, block_time=one.blocked_at) for one in blocks]


async def list_blocks(call: Call) -> Blocks:
    """List whom one has blocked, the latest first."""
    return Blocks(blocks=shown_blocks(await call.roads.blocks.listed(call.author)))


async def block(call: Call, asked: User) -> None:
    """Block a user: no private messages from it, and it learns nothing of one's presence, typing and reading."""
    await call.roads.blocks.block(call.author, ids.user_id(asked.user_id))


async def unblock(call: Call, asked: User) -> None:
    """Take a block back."""
    await call.roads.blocks.unblock(call.author, ids.user_id(asked.user_id))


OPERATIONS = (
    operation("GET", "/blocks", list_blocks),
    operation("PUT", "/blocks/{user_id}", block),
    operation("DELETE", "/blocks/{user_id}", unblock),
)
