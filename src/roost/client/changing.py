"""Changing what was sent: the part of the client that asks the server to, and keeps what it answers (D9)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from roost.client.identity import new_message_id
from roost.client.store.store import Store
from roost.errors import InvalidID
from roost.model import ids
from roost.model.message import Message
from roost.protocol.answers import MessageReceipts, Pins, Receipts, ReportTaken
from roost.protocol.frames import Sent

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

    async def react(self, message: MessageLike, emoji: str) -> Message:
        """Reacts to a message with an emoji. Raises `LimitReached` where it has 20 kinds already."""
        return await self._change("PUT", message, f"/reactions/{quote(emoji, safe='')}")

    async def unreact(self, message: MessageLike, emoji: str) -> Message:
        """Takes this user's reaction away."""
        return await self._change("DELETE", message, f"/reactions/{quote(emoji, safe='')}")

    async def pin(self, message: MessageLike) -> Message:
        """Pins a message in its conversation; in a group for the owner and admins. Raises `LimitReached`."""
        return await self._change("PUT", message, "/pin")

    async def unpin(self, message: MessageLike) -> Message:
        """Unpins a message."""
        return await self._change("DELETE", message, "/pin")

    async def forward(self, message: MessageLike, *conversations: str) -> list[Sent]:
        """Sends a message on to conversations, at most 20; returns the receipts. The copies come by the log."""
        targets = [self.conversation_id(name) for name in conversations]
        body = {"to": targets, "messageIDs": [new_message_id() for _ in targets]}
        path = f"/messages/{server_id(message)}/forward"
        found: Receipts = await self._call("POST", path, Receipts, body=body)
        return found.receipts

    async def report(self, message: MessageLike, reason: str, comment: str = "") -> ReportTaken:
        """Has the operators look at somebody's message, as it is now. Nobody in the conversation is told.

        `reason`: spam, harassment, violence, sexual, illegal or other. Raises `InvalidInput` and `UnknownMessage`.
        """
        body = {"reason": reason, "comment": comment}
        taken: ReportTaken = await self._call("POST", f"/messages/{server_id(message)}/report", ReportTaken, body=body)
        return taken

    async def pins(self, conversation: str) -> list[Message]:
        """The pinned messages of a conversation, the earliest pin first, as the server has them now."""
        path = f"/conversations/{self.conversation_id(conversation)}/pins"
        found: Pins = await self._call("GET", path, Pins)
        return found.messages

    async def receipts(self, message: MessageLike, *, after: str | None = None, limit: int = 100) -> MessageReceipts:
        """Who has got and who has read a message, `limit` users at a time; `next_after` of a page asks for the next."""
        asked: dict[str, Any] = {"limit": limit} | ({} if after is None else {"after": after})
        path = f"/messages/{server_id(message)}/receipts"
        found: MessageReceipts = await self._call("GET", path, MessageReceipts, query=asked)
        return found

    def conversation_id(self, name: str) -> str:
        """The conversation with a user, of a group (`g:` and its id), or of a conversation id. Raises `InvalidID`."""
        raise NotImplementedError

    async def _change(self, method: str, message: MessageLike, path: str, body: Any = None) -> Message:
        changed: Message = await self._call(method, f"/messages/{server_id(message)}{path}", Message, body=body)
        await self.store.save_messages([changed])
        return changed

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError


def server_id(message: MessageLike) -> int:
    """The server's id of a message. Raises `InvalidID` where it has none yet."""
    number = ids.server_id(message.server_msg_id if isinstance(message, Message) else message)
    if number is None:
        raise InvalidID("A message is named by its server_msg_id, which it has once it is sent.")
    return number
