"""Full-text search in one's own conversations."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.conversations import own_conversation
from roost.edge.api.operations import Call, ConversationID, UserID, operation
from roost.flow.search.searching import Search
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import SearchPage
from roost.search.text import MAX_QUERY

DEFAULT_HITS, MAX_HITS = 20, 100
"""Messages on a page of hits."""


class Asked(Wire, kw_only=True):
    """Words, all of which are in the message; a word of three letters and more is found by its beginning.

    `before` is a page's `nextBefore`.
    """

    q: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_QUERY})]
    conversation_id: ConversationID | None = None
    sender_id: UserID | None = None
    before: Annotated[str, msgspec.Meta(description="a serverMsgID")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_HITS)] = DEFAULT_HITS


async def search(call: Call, asked: Asked) -> SearchPage:
    """Look for messages in the conversations that one belongs to, the newest first.

    What was just said is found a moment later. Recalled messages are never found, edited ones by what they say now.
    """
    wanted = Search(
        q=asked.q,
        conversation_id=None if asked.conversation_id is None else own_conversation(call.author, asked.conversation_id),
        sender_id=None if asked.sender_id is None else ids.user_id(asked.sender_id, "senderID"),
        before=asked.before,
        limit=asked.limit,
    )
    return await call.roads.searching.search(call.author, wanted)


OPERATIONS = (operation("GET", "/messages/search", search, everywhere=True),)
