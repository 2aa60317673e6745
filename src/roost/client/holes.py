"""Asking the server for what the store does not have: pages of a conversation's history.

The messages of a conversation are numbered without gaps, so a hole is seen by its numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from roost.client.http import Http
from roost.client.store import reading
from roost.client.store.store import Store, SyncConfig
from roost.model.message import Message
from roost.protocol.answers import ConversationSnapshot, HistoryPage, Snapshot

PAGE = 100
"""Messages in a page of history at most (D8)."""
MAX_MISSED = 20_000
"""Messages fetched to close the gap that a snapshot leaves; what is older is fetched when somebody looks at it."""

Keep = Callable[[list[Message]], Awaitable[None]]
"""Stores messages of a history page."""

logger = logging.getLogger("roost.client.holes")


async def history_page(http: Http, conversation_id: str, user_id: str, before: int | None, limit: int) -> HistoryPage:
    """The newest messages before a conversationSeq, as the server has them."""
    kind, _, rest = conversation_id.partition(":")
    if kind == "g":
        path = f"/messages/group/{rest}"
    else:
        one, _, other = rest.partition(":")
        path = f"/messages/user/{other if one == user_id else one}"
    query: dict[str, Any] = {"limit": limit} | ({} if before is None else {"before": before})
    return await http.call("GET", path, HistoryPage, query=query)


async def fill_history(
    http: Http, store: Store, keep: Keep, conversation_id: str, before: int | None, limit: int
) -> None:
    """Has `keep` store the newest `limit` messages before a conversationSeq, as far as they are missing."""
    user_id = (await store.config()).user_id or ""
    while (missing := await store.read(reading.first_missing, conversation_id, before, limit)) is not None:
        page = await history_page(http, conversation_id, user_id, missing + 1, min(limit, PAGE))
        await keep(page.messages)
        reached = page.messages[0].conversation_seq if page.messages else 0
        if page.next_before is None or reached > missing:  # the beginning, or nothing to be had there
            return


async def close_gap(http: Http, store: Store, config: SyncConfig, snapshot: Snapshot) -> None:
    """Adds to a snapshot what lies between it and the store: the messages that are no longer in the log.

    A store that has never had a log has no gap: it begins with the snapshot.
    """
    if config.last_sync_seq == 0 or config.epoch != snapshot.epoch:
        return
    known = await store.read(reading.last_seqs)
    room = MAX_MISSED
    for conversation in snapshot.conversations:
        joined = next((one.join_time for one in conversation.members if one.user_id == config.user_id), 0)
        found = await _missed(http, config, conversation, known.get(conversation.conversation_id, 0), joined, room)
        conversation.messages[:0] = found
        room -= len(found)
    if room <= 0:
        logger.warning("more than %d messages were missed; the older ones are in their histories", MAX_MISSED)


async def _missed(
    http: Http, config: SyncConfig, conversation: ConversationSnapshot, known: int, joined: int, room: int
) -> list[Message]:
    """The messages of a conversation after `known` and before those of the snapshot, oldest first, at most `room`."""
    found: list[Message] = []
    first = conversation.messages[0].conversation_seq if conversation.messages else 0
    while first > known + 1 and len(found) < room:
        page = await history_page(http, conversation.conversation_id, config.user_id or "", first, PAGE)
        fresh = [one for one in page.messages if one.conversation_seq > known and one.server_time >= joined]
        found[:0] = fresh
        if len(fresh) < len(page.messages) or page.next_before is None:
            break
        first = page.messages[0].conversation_seq
    return found
