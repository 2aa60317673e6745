"""Conversations: the list, read marks, muting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from roost.edge.api.operations import DEFAULT_PAGE_SIZE, Call, ConversationID, PageNumber, PageSize, operation
from roost.errors import InvalidInput, NotAMember
from roost.journal.contract import Author
from roost.model import ids
from roost.model.message import Message
from roost.model.names import Wire
from roost.protocol.answers import ConversationState, Marks
from roost.protocol.frames import Mark
from roost.roster.conversations import Listed

MAX_NAMED = 100
"""Conversations in one question of marks."""


class ConversationOverview(ConversationState, kw_only=True):
    """A conversation in the list."""

    last_message: Message | None


class ConversationList(Wire, kw_only=True):
    """Which page of the list."""

    page: PageNumber = 1
    page_size: PageSize = DEFAULT_PAGE_SIZE


class ConversationPage(Wire, kw_only=True):
    """Conversations, the latest first."""

    conversations: list[ConversationOverview]
    page: int
    page_size: int
    has_more: bool


class ReadMark(Wire, kw_only=True):
    """Up to which message a conversation was read."""

    conversation_id: ConversationID
    conversation_seq: Annotated[int, msgspec.Meta(ge=0)]


class Named(Wire, kw_only=True):
    """Conversation ids with commas between them, at most 100."""

    conversation_ids: Annotated[str, msgspec.Meta(examples=["p:ann:bob,g:tea"])]


class Muting(Wire, kw_only=True):
    """Whether a conversation is muted: no push, still unread."""

    conversation_id: ConversationID
    muted: bool = True


class Muted(Wire, kw_only=True):
    """What holds now."""

    conversation_id: str
    muted: bool


def own_conversation(author: Author, conversation_id: str) -> str:
    """`conversation_id`, if its form is right. Raises `InvalidID`.

    Raises `NotAMember` for a private conversation of others, whether it exists or not: who talks with whom is
    nobody else's.
    """
    ids.conversation_id(conversation_id)
    kind, *names = conversation_id.split(":")
    if kind == "p" and author.user_id not in names:
        raise NotAMember
    return conversation_id


def state_fields(listed: Listed, marks: Mapping[str, list[Mark]]) -> ConversationState:
    """A row of the list as it is shown, with the others' marks where these are known."""
    return ConversationState(
        conversation_id=listed.conversation_id,
        conversation_seq=listed.head,
        read_seq=listed.read_seq,
        unread=listed.unread,
        muted=bool(listed.muted),
        role=listed.role,
        name=listed.name,
        marks=marks.get(listed.conversation_id),
        large=bool(listed.large),
    )


async def list_conversations(call: Call, asked: ConversationList) -> ConversationPage:
    """List one's conversations with last message and unread, the latest first."""
    offset = (asked.page - 1) * asked.page_size
    found = await call.roads.conversations.listed(call.author, offset, asked.page_size + 1)
    chosen = found[: asked.page_size]
    known = await call.roads.marks.of(call.author, [listed.conversation_id for listed, _ in chosen])
    shown = [
        ConversationOverview(**msgspec.structs.asdict(state_fields(listed, known)), last_message=last)
        for listed, last in chosen
    ]
    return ConversationPage(
        conversations=shown,
        page=asked.page,
        page_size=asked.page_size,
        has_more=len(found) > asked.page_size,
    )


async def read(call: Call, asked: ReadMark) -> None:
    """Move one's read mark. It never goes back; one's other devices, and the members of a small group, are told."""
    conversation = own_conversation(call.author, asked.conversation_id)
    await call.roads.marks.read(call.author, conversation, asked.conversation_seq)


async def marks(call: Call, asked: Named) -> Marks:
    """Ask how far the others have got in small conversations of one's own; larger ones are left out."""
    names = [name for name in asked.conversation_ids.split(",") if name]
    if not 1 <= len(names) <= MAX_NAMED:
        raise InvalidInput(f"conversationIDs must name 1-{MAX_NAMED} conversations.")
    for name in names:
        ids.conversation_id(name)
    return Marks(conversations=await call.roads.marks.of_conversations(call.author, names))


async def mute(call: Call, asked: Muting) -> Muted:
    """Mute a conversation, or unmute it with `muted` false."""
    conversation = own_conversation(call.author, asked.conversation_id)
    await call.roads.conversations.mute(call.author, conversation, muted=asked.muted)
    return Muted(conversation_id=conversation, muted=asked.muted)


OPERATIONS = (
    operation("GET", "/conversations", list_conversations),
    operation("POST", "/conversations/{conversation_id}/read", read),
    operation("GET", "/conversations/marks", marks),
    operation("PUT", "/conversations/{conversation_id}/mute", mute),
)
