"""Who has got and who has read a message."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.operations import Call, UserID, operation
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import MessageReceipts

DEFAULT_RECEIPTS, MAX_RECEIPTS = 100, 200
"""Users on a page."""


class Wanted(Wire, kw_only=True):
    """A message, by its `serverMsgID` or one's own `messageID`, and which page: behind the user `after`."""

    server_msg_id: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]
    after: UserID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_RECEIPTS)] = DEFAULT_RECEIPTS


async def receipts(call: Call, asked: Wanted) -> MessageReceipts:
    """Ask who has got and who has read a message of a conversation of one's own."""
    after = None if asked.after is None else ids.user_id(asked.after, "after")
    return await call.roads.marks.receipts(call.author, asked.server_msg_id, after, asked.limit)


OPERATIONS = (operation("GET", "/messages/{server_msg_id}/receipts", receipts, everywhere=True),)
