"""What a client asks the server and does not keep."""

from __future__ import annotations

from typing import Any

from roost.model import ids
from roost.protocol.answers import SearchPage


class Asking:
    """What a `Client` asks. Raises `NetworkError` offline."""

    async def search_server(
        self,
        text: str,
        *,
        conversation: str | None = None,
        sender: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> SearchPage:
        """Messages with all these words, in all of one's conversations as the server has them, the newest first.

        `before` is the `next_before` of a page, for the page after it. Raises `InvalidInput`, `NotAMember`,
        `RateLimited`, or `SwitchedOff`.
        """
        query: dict[str, Any] = {"q": text, "limit": limit}
        if conversation is not None:
            query["conversation_id"] = self.conversation_id(conversation)
        if sender is not None:
            query["sender_id"] = ids.user_id(sender)
        if before is not None:
            query["before"] = before
        found: SearchPage = await self._call("GET", "/messages/search", SearchPage, query=query)
        return found

    def conversation_id(self, name: str) -> str:
        """The conversation with a user, of a group (`g:` and its id), or of a conversation id. Raises `InvalidID`."""
        raise NotImplementedError

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError
