"""Drafts: the part of the client that keeps what was begun, and tells the server of it when there is a connection."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from roost.client.http import Http
from roost.client.outbox import ReadMarks
from roost.client.store import drafts
from roost.client.store.store import Store
from roost.errors import RoostError
from roost.protocol.answers import Draft

SETTLE = 1.0
"""Seconds for which what is written meanwhile becomes one request."""

logger = logging.getLogger("roost.client.drafts")


class DraftsToTell(ReadMarks):
    """Tells the server the drafts that wait in the store."""

    def __init__(self, store: Store, http: Http, online: Callable[[], bool], *, patience: float = 1.0) -> None:
        """As `ReadMarks`."""
        super().__init__(store, http, online, patience=patience)
        self._settle = SETTLE * patience

    async def tell_all(self) -> None:
        """Tells every draft. One that the server refuses for good is told no more."""
        waiting = await self._store.read(drafts.waiting)
        if not (waiting and self._online()):
            return  # the next connect calls again
        await asyncio.sleep(self._settle)
        for draft in await self._store.read(drafts.waiting):
            path = f"/conversations/{draft.conversation_id}/draft"
            try:
                known = await self._http.call("PUT", path, Draft, body={"content": draft.content})
            except RoostError as error:
                if error.retryable or error.status in {0, 401}:
                    raise
                logger.warning("the draft in %s was refused: %s", draft.conversation_id, error)
                await self._store.write(drafts.refused, draft)
            else:
                await self._store.write(drafts.apply, known)


class Drafting:
    """What a `Client` does with drafts: they are in the store at once, and on the other devices soon."""

    store: Store

    async def save_draft(self, conversation: str, content: str) -> None:
        """Keeps what this user has begun to write in a conversation; empty is nothing. Sending clears it."""
        now = time.time_ns() // 1_000_000
        if await self.store.write(drafts.write, self.conversation_id(conversation), content, now):
            self._draft_written()

    async def draft(self, conversation: str) -> str:
        """What was begun in a conversation, here or on another device; empty is nothing."""
        return await self.store.read(drafts.read, self.conversation_id(conversation))

    async def drafts(self) -> list[Draft]:
        """What was begun in any conversation."""
        return await self.store.read(drafts.listed)

    def conversation_id(self, name: str) -> str:
        """The conversation that a name means."""
        raise NotImplementedError

    def _draft_written(self) -> None:
        """There is a draft to be told."""
        raise NotImplementedError
