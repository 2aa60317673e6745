"""Reading: what the client has in its store, and what is missing there from the server."""

from __future__ import annotations

import contextlib

from roost.client.changing import server_id
from roost.client.errors import NetworkError
from roost.client.events import State
from roost.client.holes import fill_history
from roost.client.lifecycle import Lifecycle
from roost.client.store.reading import Conversation
from roost.client.store.rows import StoredMessage
from roost.errors import NotAMember, NotFound


class Reading(Lifecycle):
    """What a `Client` reads. It needs no network."""

    async def conversations(self, *, limit: int = 100, offset: int = 0) -> list[Conversation]:
        """The conversations with last message and unread, the latest first."""
        return await self.store.conversations(limit=limit, offset=offset)

    async def conversation(self, name: str) -> Conversation | None:
        """One conversation, None if the store has none."""
        return await self.store.conversation(self.conversation_id(name))

    async def history(self, conversation: str, *, before: int | None = None, limit: int = 50) -> list[StoredMessage]:
        """The newest messages before a conversationSeq, oldest first; without `before`, the unsent come last.

        While connected, what the store does not have (from before this device, or before a snapshot) is asked for
        and kept; it is history then, and never comes as `MessageReceived`.
        """
        conversation_id = self.conversation_id(conversation)
        if self.state in (State.SYNCING, State.CONNECTED):
            with contextlib.suppress(NetworkError, NotFound, NotAMember):
                following = self._following
                await fill_history(following.http, self.store, following.keep, conversation_id, before, limit)
        return await self.store.history(conversation_id, before, limit)

    async def unread(self) -> dict[str, int]:
        """Unread messages by conversation id, where there are any."""
        return await self.store.unread()

    async def search(self, text: str, *, conversation: str | None = None, limit: int = 50) -> list[StoredMessage]:
        """Messages with all these words (or words beginning so), the newest first."""
        within = None if conversation is None else self.conversation_id(conversation)
        return await self.store.search(text, within, limit)

    async def message(self, server_msg_id: str | int) -> StoredMessage | None:
        """A message of the store by the server's id. Raises `InvalidID`."""
        return await self.store.message(server_id(server_msg_id))
