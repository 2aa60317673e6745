"""What a client asks the server and does not keep."""

from __future__ import annotations

from typing import Any

import msgspec

from roost.client.identity import new_message_id
from roost.model import ids
from roost.protocol.answers import Scheduled, ScheduledList, SearchPage


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

    async def schedule(
        self, to: str, content: str, send_time: int, *, message_id: str | None = None, **fields: Any
    ) -> Scheduled:
        """Has the server send a message at `send_time` (milliseconds); it comes by the log then.

        `fields` are those of the message in the words of HTTP (`messageType`, `replyTo`, `mentions`, `ttl`). Where it
        is refused by then, `ScheduledFailed` tells. Raises `InvalidInput`, `NotAMember` or `LimitReached`.
        """
        body: dict[str, Any] = {"conversationID": self.conversation_id(to), "content": content, "sendTime": send_time}
        body |= {"messageID": new_message_id() if message_id is None else message_id, **fields}
        found: Scheduled = await self._call("POST", "/messages/scheduled", Scheduled, body=body)
        return found

    async def scheduled(self) -> list[Scheduled]:
        """What this user has scheduled, the next first."""
        found: ScheduledList = await self._call("GET", "/messages/scheduled", ScheduledList)
        return found.scheduled

    async def reschedule(
        self, scheduled_id: str, *, content: str | None = None, send_time: int | None = None
    ) -> Scheduled:
        """Gives a scheduled message another content or time. Raises `UnknownMessage`, or `Conflict` once it is sent."""
        asked: dict[str, Any] = {"content": content, "sendTime": send_time}
        body = {name: value for name, value in asked.items() if value is not None}
        found: Scheduled = await self._call("PATCH", f"/messages/scheduled/{scheduled_id}", Scheduled, body=body)
        return found

    async def cancel_scheduled(self, scheduled_id: str) -> None:
        """Has a scheduled message not sent. Raises `UnknownMessage`, or `Conflict` once it is sent."""
        await self._call("DELETE", f"/messages/scheduled/{scheduled_id}", msgspec.Raw)

    def conversation_id(self, name: str) -> str:
        """The conversation with a user, of a group (`g:` and its id), or of a conversation id. Raises `InvalidID`."""
        raise NotImplementedError

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError
