"""The part of a conversation's history that is in memory: pages are added at either end, and dropped at the other."""

from __future__ import annotations

from roost.client import Client, StoredMessage

PAGE = 60
"""Messages read at once."""
MOST = 300
"""Messages held at most, however long the history is."""


class Window:
    """A run of messages, oldest first. At the end of the history it has the unsent ones, too."""

    def __init__(self, client: Client, conversation_id: str) -> None:
        self._client = client
        self.conversation_id = conversation_id
        self.messages: list[StoredMessage] = []
        self.at_start = False
        """The store has nothing before the first."""
        self.at_end = True
        """The store has nothing behind the last."""

    @property
    def first(self) -> int:
        """The conversationSeq of the first message, 0 without one."""
        return next((message.conversation_seq for message in self.messages if message.conversation_seq), 0)

    @property
    def last(self) -> int:
        """The conversationSeq of the last message that has one, 0 without one."""
        return max((message.conversation_seq for message in self.messages), default=0)

    async def newest(self) -> None:
        """Goes to the end of the history."""
        self.messages = await self._read(None, PAGE)
        self.at_end = True
        self.at_start = self._sent() < PAGE

    async def renew(self, *, following: bool) -> None:
        """Reads the run anew. At the end, what has come is added; `following`, the oldest are dropped for it."""
        if not self.messages or (following and self.at_end):
            await self.newest()
            return
        first, last = self.first, self.last
        if self.at_end:
            found = await self._read(None, MOST)
            if not found or not first or found[0].conversation_seq <= first:
                self.messages = [one for one in found if not one.conversation_seq or one.conversation_seq >= first]
                return
        found = await self._read(last + 1, MOST)
        self.messages = [one for one in found if one.conversation_seq >= first]
        self.at_end = False

    async def earlier(self) -> bool:
        """Adds the page before the first; False where the store has none."""
        if self.at_start or not self.first:
            return False
        found = await self._read(self.first, PAGE)
        self.at_start = len(found) < PAGE
        self.messages = found + self.messages
        if len(self.messages) > MOST:
            self.messages, self.at_end = self.messages[:MOST], False
        return bool(found)

    async def later(self) -> bool:
        """Adds the page behind the last; False at the end."""
        if self.at_end:
            return False
        last = self.last
        found = [one for one in await self._read(last + 1 + PAGE, PAGE) if one.conversation_seq > last]
        self.messages += found
        if len(self.messages) > MOST:
            self.messages, self.at_start = self.messages[-MOST:], False
        known = await self._client.conversation(self.conversation_id)
        if not found or known is None or known.last_seq <= self.last:
            self.at_end = True
            await self.renew(following=not found)
        return True

    async def around(self, conversation_seq: int) -> None:
        """Goes to a place in the history."""
        known = await self._client.conversation(self.conversation_id)
        before = conversation_seq + PAGE // 2
        if known is None or before > known.last_seq:
            await self.newest()
            if self.first <= conversation_seq:
                return
        self.messages = await self._read(before, PAGE)
        self.at_start, self.at_end = len(self.messages) < PAGE, False

    def _sent(self) -> int:
        return sum(1 for message in self.messages if message.conversation_seq)

    async def _read(self, before: int | None, count: int) -> list[StoredMessage]:
        return await self._client.history(self.conversation_id, before=before, limit=count)
