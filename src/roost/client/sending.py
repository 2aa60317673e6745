"""Sending: the part of the client that puts messages into the outbox, and says what passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from roost.client.changing import MessageLike, server_id
from roost.client.drafts import Drafting
from roost.client.identity import new_message_id
from roost.client.lifecycle import Lifecycle
from roost.client.store import sending
from roost.client.store.rows import PENDING, StoredMessage
from roost.model import ids
from roost.model.attachment import Attachment
from roost.model.message import MessageType, message_type_of
from roost.model.sticker import Sticker
from roost.protocol import frames


class Sending(Lifecycle, Drafting):
    """What a `Client` sends. It is on disk first, and goes out as soon as there is a connection."""

    async def send(  # noqa: PLR0913 - what a message may have
        self,
        to: str,
        content: str = "",
        *,
        message_type: int = MessageType.TEXT,
        message_id: str | None = None,
        reply_to: MessageLike | None = None,
        mentions: Sequence[str] = (),
        ttl: int = 0,
        attachments: Sequence[Attachment] = (),
        sticker: Sticker | None = None,
    ) -> StoredMessage:
        """Puts a message into the outbox and returns it, `pending`; it is sent as soon as there is a connection.

        `to` is a user id, `g:` and a group id, or a conversation id; `mentions` are members, or `@all`. `MessageSent`
        or `SendFailed` tells the outcome. `attachments` were uploaded, or came with a message; the type is then that of
        pictures or files by itself. `sticker`: see `send_sticker`. Raises `InvalidID`.
        """
        if sticker is not None:
            message_type, content = MessageType.EMOJI, sticker.emoji
        if attachments and message_type == MessageType.TEXT:
            message_type = message_type_of(attachments)
        message = StoredMessage(
            message_id=new_message_id() if message_id is None else ids.message_id(message_id),
            server_msg_id="",
            conversation_id=self.conversation_id(to),
            conversation_seq=0,
            sender_id=self.user_id,
            message_type=int(message_type),
            content=content,
            create_time=time.time_ns() // 1_000_000,
            server_time=0,
            version=0,
            reply_to=None if reply_to is None else str(server_id(reply_to)),
            mentions=ids.user_ids(mentions) or None,
            ttl=ttl,
            attachments=list(attachments) or None,
            sticker=sticker,
            state=PENDING,
        )
        await self.store.put(message)
        self._following.outbox.wake()
        await self.save_draft(message.conversation_id, "")
        return message

    async def send_sticker(self, to: str, sticker: Sticker, **options: Any) -> StoredMessage:
        """Puts a sticker into the outbox, with the options of `send`. It is of `stickers()`, or came with a message.

        Where no pack has it any more when it is sent, sending fails with `unknown_sticker`.
        """
        return await self.send(to, sticker=sticker, **options)

    async def flush(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - `close` and scripts need it
        """Waits until nothing is pending: everything is sent or has failed. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            await self._following.outbox.flushed()

    async def unsent(self) -> list[StoredMessage]:
        """The outbox: pending and failed messages, in the order of sending."""
        return await self.store.read(sending.unsent)

    async def retry(self, message_id: str | None = None) -> int:
        """Makes a failed message, or all of them, pending again; returns how many."""
        count = await self.store.write(sending.retry, message_id)
        self._following.outbox.begin_again()
        return count

    async def discard(self, message_id: str) -> bool:
        """Removes a message from the outbox; False where it is not there, or on its way to the server just now."""
        if self._following.outbox.is_under_way(message_id):
            return False
        return await self.store.write(sending.discard, message_id)

    async def mark_read(self, conversation: str, conversation_seq: int | None = None) -> None:
        """Moves the read mark, to the last message if no place is given. It never goes back; told when online."""
        conversation_id = self.conversation_id(conversation)
        if await self.store.write(sending.mark_read, conversation_id, conversation_seq) is not None:
            self._following.read_marks.wake()

    async def typing(self, conversation: str) -> None:
        """Tells the others in the conversation that this user is typing; nothing happens offline."""
        self._following.connection.send(frames.Typing(conversation_id=self.conversation_id(conversation)))

    def _draft_written(self) -> None:
        self._following.drafts.wake()
