"""Messages: sending as the server or as a user, recalling."""

from __future__ import annotations

from collections.abc import Sequence

from roost.client.admin.asking import Asking
from roost.client.changing import MessageLike, server_id
from roost.model.message import Message
from roost.model.sticker import StickerName
from roost.protocol.frames import Sent


class Messages(Asking):
    """What a back end does with messages."""

    async def send(
        self,
        to: str,
        content: str = "",
        *,
        sender: str | None = None,
        message_id: str | None = None,
        message_type: int | None = None,
        reply_to: MessageLike | None = None,
        mentions: Sequence[str] | None = None,
        sticker: StickerName | None = None,
    ) -> Sent:
        """Sends as the server, or in the name of the user `sender`, to a user or a conversation (`g:...`, `p:...`).

        With the same `message_id` again the first receipt comes. A user may send a `sticker`, without `content`.
        """
        body = {
            "conversationID" if ":" in to else "to": to,
            "content": content,
            "senderID": sender,
            "messageID": message_id,
            "messageType": message_type,
            "replyTo": None if reply_to is None else server_id(reply_to),
            "mentions": mentions,
            "sticker": sticker,
        }
        return await self._http.call("POST", "/admin/messages", Sent, body=body)

    async def recall(self, message: MessageLike, *, reason: str | None = None) -> Message:
        """Takes any message back; everybody is told why."""
        path = f"/admin/messages/{server_id(message)}/recall"
        return await self._http.call("POST", path, Message, body={"reason": reason})
