"""Changing what was sent: the part of the client that asks the server to, and keeps what it answers (D9)."""

from __future__ import annotations

from typing import Any

from roost.client.store.store import Store
from roost.errors import InvalidID
from roost.model import ids
from roost.model.message import Message

MessageLike = Message | str | int
"""A message, or the server's id of one."""


class Changing:
    """What a `Client` changes. The answer is in the store when a call returns; `MessageChanged` follows by the log."""

    store: Store

    async def edit(self, message: MessageLike, content: str) -> Message:
        """Gives a text of this user's own another content; returns it as it is now.

        Raises `NetworkError` offline, `TooLate`, `Forbidden`, `MessageRecalled`, `UnknownMessage` or `ContentRejected`.
        """
        return await self._change("PATCH", message, "", {"content": content})

    async def recall(self, message: MessageLike) -> Message:
        """Takes a message back: it keeps its place, without content. The owner and admins of a group take back any."""
        return await self._change("POST", message, "/recall")

    async def _change(self, method: str, message: MessageLike, path: str, body: Any = None) -> Message:
        changed: Message = await self._call(method, f"/messages/{_server_id(message)}{path}", Message, body=body)
        await self.store.save_messages([changed])
        return changed

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError


def _server_id(message: MessageLike) -> int:
    number = ids.server_id(message.server_msg_id if isinstance(message, Message) else message)
    if number is None:
        raise InvalidID("A message can be changed once it is sent; it is named by its server_msg_id.")
    return number
