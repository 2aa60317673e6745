"""What a client asks the server and does not keep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import httpx2
import msgspec

from roost.client.errors import ClientClosed, NetworkError
from roost.client.http import TIMEOUT, data_of, failed
from roost.client.identity import new_message_id
from roost.client.lifecycle import Lifecycle
from roost.errors import RoostError, TokenExpired
from roost.model import ids
from roost.model.attachment import Attachment
from roost.protocol.answers import Failure, Presence, Scheduled, ScheduledList, SearchPage
from roost.protocol.frames import Response

T = TypeVar("T")

MAX_ASKED = 500
"""Users in one question of who is online (D8)."""


class Asking(Lifecycle):
    """What a `Client` asks. Raises `NetworkError` offline."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        kind: Any = Any,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - see `Client.flush`
    ) -> Any:
        """Asks for any operation of the HTTP API over the connection that is there (D2); returns its `data`.

        `path` is what follows `/api/v1`, escaped; `kind` a struct that the answer is decoded to. A token that has
        expired is replaced once, if it can be, by a new connection. Raises what the server refuses; `NetworkError`
        where there is no connection, where it is lost before the answer or none comes for `timeout` seconds (what was
        asked may be done then); `OverHTTPOnly` for files; `TooLarge`.
        """
        asked = f"{method} {path}"
        if query:
            path = f"{path}?{httpx2.QueryParams(query)}"
        try:
            async with asyncio.timeout(timeout):
                return _data(await self._ask(method, f"/api/v1{path}", body), kind, asked)
        except TimeoutError:
            raise NetworkError(f"{asked}: no answer in {timeout:g} s") from None

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Response:
        if not self._opened:
            raise ClientClosed
        following = self._following
        answer = await following.requests.ask(method, path, body)
        if isinstance(_refusal(answer), TokenExpired) and self._tokens.renew():
            await following.connection.renew("its token has expired")
            answer = await following.requests.ask(method, path, body)
        return answer

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
        self,
        to: str,
        content: str,
        send_time: int,
        *,
        message_id: str | None = None,
        attachments: Sequence[Attachment] = (),
        **fields: Any,
    ) -> Scheduled:
        """Has the server send a message at `send_time` (milliseconds); it comes by the log then.

        `fields` are those of the message in the words of HTTP (`messageType`, `replyTo`, `mentions`, `ttl`); with
        `attachments`, which were uploaded, the text may be empty. Where it is refused by then, `ScheduledFailed` tells.
        Raises `InvalidInput`, `NotAMember`, `UnknownAttachment` or `LimitReached`.
        """
        body: dict[str, Any] = {"conversationID": self.conversation_id(to), "content": content, "sendTime": send_time}
        body |= {"messageID": new_message_id() if message_id is None else message_id, **fields}
        if attachments:
            body["attachments"] = [one.id for one in attachments]
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

    async def online(self, user_ids: Sequence[str | int]) -> dict[str, Presence]:
        """Who of these is online, and when last seen; asked in questions of 500 (D8)."""
        found: dict[str, Presence] = {}
        names = ids.user_ids(user_ids)
        for first in range(0, len(names), MAX_ASKED):
            some = ",".join(names[first : first + MAX_ASKED])
            found |= await self._call("GET", "/messages/online", dict[str, Presence], query={"user_ids": some})
        return found

    async def watch(self, user_ids: Sequence[str | int]) -> None:
        """Subscribes to `PresenceChanged` of these users, instead of those before; it outlives reconnects."""
        self._following.watch(ids.user_ids(user_ids))

    async def mute(self, conversation: str, *, muted: bool = True) -> None:
        """Mutes a conversation, or unmutes it."""
        conversation_id = self.conversation_id(conversation)
        await self._call("PUT", f"/conversations/{conversation_id}/mute", msgspec.Raw, body={"muted": muted})


def _refusal(answer: Response) -> RoostError | None:
    if answer.status < HTTPStatus.BAD_REQUEST:
        return None
    return failed(msgspec.json.decode(answer.body, type=Failure))


def _data(answer: Response, kind: type[T], asked: str) -> T:
    """What was asked for. Raises what is refused."""
    if (refusal := _refusal(answer)) is not None:
        raise refusal
    return data_of(answer.body, kind, asked)
