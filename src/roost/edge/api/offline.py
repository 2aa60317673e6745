"""What a device has not stored: sync pages, the offline list, marks, unread counts, clearing."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.conversations import own_conversation
from roost.edge.api.operations import (
    DEFAULT_PAGE_SIZE,
    Call,
    ConversationID,
    PageNumber,
    PageSize,
    Protobuf,
    operation,
)
from roost.errors import UnknownConversation
from roost.model.message import Message
from roost.model.names import Wire
from roost.protocol.frames import Page, SyncRequest
from roost.protocol.protobuf import decode_sync_request, encode_sync_response

MAX_MARKS = 1000
"""Messages marked at once."""
DAYS_KEPT, MAX_DAYS = 7, 36_500


class OfflineList(Wire, kw_only=True):
    """Which page of the offline list, of all conversations or one."""

    page: PageNumber = 1
    page_size: PageSize = DEFAULT_PAGE_SIZE
    conversation_id: ConversationID | None = None


class OfflinePage(Wire, kw_only=True):
    """Messages this device has not synced, oldest first, each once a page; `total` is how many places of the log."""

    messages: list[Message]
    page: int
    page_size: int
    total: int
    has_more: bool


class Marks(Wire, kw_only=True):
    """Messages that this device has stored: `serverMsgID`s, as integers or strings, or senders' own ids."""

    message_ids: Annotated[list[str | int], msgspec.Meta(max_length=MAX_MARKS)]


class Marked(Wire, kw_only=True):
    """How many of them were not marked before."""

    synced: int


class Unread(Wire, kw_only=True):
    """Unread messages of a conversation."""

    conversation_id: str
    unread: int


class UnreadCounts(Wire, kw_only=True):
    """Unread messages, in all and of each conversation that has any."""

    total: int
    conversations: list[Unread]


class Clearing(Wire, kw_only=True):
    """How many days of synced entries to keep."""

    days: Annotated[int, msgspec.Meta(ge=0, le=MAX_DAYS)] = DAYS_KEPT


class Cleared(Wire, kw_only=True):
    """How many entries went."""

    cleared: int


async def sync(call: Call, asked: SyncRequest) -> Page:
    """Read the log after `lastSeq`: a page, complete from `fromSeq` to `maxSeq`, each message once.

    In JSON, or in Protobuf (`SyncRequest`, `SyncResponse`) by Content-Type and Accept. `maxSeq` is the `lastSeq`
    of the next request. `resetRequired` says that the log does not reach back so far: start from /snapshot.
    """
    return await call.roads.catchup.page(call.author, asked.last_seq, asked.count, asked.epoch)


async def offline(call: Call, asked: OfflineList) -> OfflinePage:
    """List what this device has not synced, oldest first.

    What is marked as synced leaves the list: mark after the last page, or read page 1 until it is empty.
    """
    conversation = asked.conversation_id
    if conversation is not None:
        own_conversation(call.author, conversation)
    offset = (asked.page - 1) * asked.page_size
    try:
        found, total = await call.roads.catchup.offline(call.author, conversation, offset, asked.page_size)
    except UnknownConversation:
        if conversation is None or conversation.startswith("g:"):
            raise
        found, total = [], 0  # a private conversation begins with its first message
    return OfflinePage(
        messages=found,
        page=asked.page,
        page_size=asked.page_size,
        total=total,
        has_more=offset + asked.page_size < total,
    )


async def mark_synced(call: Call, asked: Marks) -> Marked:
    """Say that this device has stored messages. Unknown ids and repeats are harmless."""
    await call.roads.pulling.bring(call.author.uid)
    return Marked(synced=await call.roads.positions.mark_synced(call.author, asked.message_ids))


async def unread_count(call: Call) -> UnreadCounts:
    """Count the unread messages."""
    counts = await call.roads.conversations.unread(call.author)
    unread = [Unread(conversation_id=name, unread=number) for name, number in counts.items()]
    return UnreadCounts(total=sum(counts.values()), conversations=unread)


async def clear(call: Call, asked: Clearing) -> Cleared:
    """Remove old entries that all the user's devices have synced. The messages stay in their conversations."""
    return Cleared(cleared=await call.roads.conversations.clear(call.author, asked.days))


OPERATIONS = (
    operation(
        "POST",
        "/messages/sync",
        sync,
        everywhere=True,
        protobuf=Protobuf(decode_sync_request, encode_sync_response),
    ),
    operation("GET", "/messages/offline", offline, everywhere=True),
    operation("POST", "/messages/mark_synced", mark_synced, everywhere=True),
    operation("GET", "/messages/unread_count", unread_count, everywhere=True),
    operation("DELETE", "/messages/offline/clear", clear, everywhere=True),
)
