"""The client for scripts without asyncio: what scripts need, each call returning when it is done.

    with BlockingClient(url, token=token, store="alice.db") as client:
        client.send("bob", "hi")
        client.flush()
        for message in client.messages(timeout=5):
            print(message.content)

A `Client` lives in a thread of its own and is connected all the time; any thread may call.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from roost.client.avatars import Pictured
from roost.client.blocking_files import BlockingFiles
from roost.client.blocking_groups import BlockingGroups
from roost.client.changing import MessageLike
from roost.client.client import Client
from roost.client.events import State
from roost.client.lifecycle import LINGER
from roost.client.store.reading import Conversation
from roost.client.store.rows import StoredMessage
from roost.client.sync import SyncMetrics
from roost.model.message import Message
from roost.model.sticker import Sticker, StickerPack
from roost.protocol.answers import (
    Block,
    Group,
    MessageReceipts,
    OwnProfile,
    Presence,
    Profile,
    ReportTaken,
    Scheduled,
    SearchPage,
)
from roost.protocol.frames import Sent

T = TypeVar("T")


class BlockingClient(BlockingGroups, BlockingFiles):
    """A `Client` for plain functions; takes what `Client` takes."""

    def __init__(self, url: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="roost-client", daemon=True)
        self._url = url
        self._options = options
        self._client: Client | None = None

    def __enter__(self) -> Self:
        """Opens the store and connects in the background."""
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits a moment for what is pending, and closes."""
        self.close(linger=LINGER if kind is None else 0.0)

    def connect(self) -> None:
        """Opens the store, and connects in the background."""
        if not self._thread.is_alive():
            self._thread.start()
        try:
            self._run(self._connect())
        except BaseException:
            self._end_thread()
            raise

    async def _connect(self) -> None:
        self._client = self._client or Client(self._url, **self._options)
        await self._client.connect()

    def close(self, *, linger: float = 0.0) -> None:
        """Ends everything; waits up to `linger` seconds for what is pending."""
        if self._thread.is_alive():
            self._run(self.client.close(linger=linger))
            self._end_thread()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def client(self) -> Client:
        """The client inside; its coroutines belong to its own loop, see `call`."""
        if self._client is None:
            raise RuntimeError("use `with`, or call connect()")
        return self._client

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for any coroutine of `client`: `blocking.call(blocking.client.members("g:tea"))`."""
        return self._run(work)

    @property
    def user_id(self) -> str:
        """Whose client this is. Raises `ClientClosed` where nobody has told it yet."""
        return self.client.user_id

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self.client.state

    def connected(self, timeout: float | None = None) -> None:
        """Waits until everything that waited is stored (seconds). Raises `TimeoutError`."""
        self._run(self.client.connected(timeout))

    def messages(self, timeout: float | None = None) -> Iterator[StoredMessage]:
        """Messages of others, each once, in order; ends when none came for `timeout` seconds."""
        source = self.client.messages()
        try:
            while True:
                try:
                    yield self._run(_next(source, timeout))
                except (StopAsyncIteration, TimeoutError):
                    return
        finally:
            self._run(source.aclose())

    def send(self, to: str, content: str = "", **options: Any) -> StoredMessage:
        """Puts a message into the outbox; see `Client.send`."""
        return self._run(self.client.send(to, content, **options))

    def flush(self, timeout: float | None = None) -> None:
        """Waits until nothing is pending (seconds). Raises `TimeoutError`."""
        self._run(self.client.flush(timeout))

    def unsent(self) -> list[StoredMessage]:
        """The outbox: pending and failed messages, in the order of sending."""
        return self._run(self.client.unsent())

    def retry(self, message_id: str | None = None) -> int:
        """Makes a failed message, or all of them, pending again; returns how many."""
        return self._run(self.client.retry(message_id))

    def discard(self, message_id: str) -> bool:
        """Removes a message from the outbox; see `Client.discard`."""
        return self._run(self.client.discard(message_id))

    def edit(self, message: MessageLike, content: str) -> Message:
        """Gives a text of one's own another content; see `Client.edit`."""
        return self._run(self.client.edit(message, content))

    def recall(self, message: MessageLike) -> Message:
        """Takes a message back; see `Client.recall`."""
        return self._run(self.client.recall(message))

    def react(self, message: MessageLike, emoji: str) -> Message:
        """Reacts with an emoji; see `Client.react`."""
        return self._run(self.client.react(message, emoji))

    def unreact(self, message: MessageLike, emoji: str) -> Message:
        """Takes one's reaction away."""
        return self._run(self.client.unreact(message, emoji))

    def pin(self, message: MessageLike) -> Message:
        """Pins a message; see `Client.pin`."""
        return self._run(self.client.pin(message))

    def unpin(self, message: MessageLike) -> Message:
        """Unpins a message."""
        return self._run(self.client.unpin(message))

    def pins(self, conversation: str) -> list[Message]:
        """The pinned messages of a conversation, the earliest pin first."""
        return self._run(self.client.pins(conversation))

    def report(self, message: MessageLike, reason: str, comment: str = "") -> ReportTaken:
        """Has the operators look at a message; see `Client.report`."""
        return self._run(self.client.report(message, reason, comment))

    def forward(self, message: MessageLike, *conversations: str) -> list[Sent]:
        """Sends a message on; see `Client.forward`."""
        return self._run(self.client.forward(message, *conversations))

    def receipts(self, message: MessageLike, *, after: str | None = None, limit: int = 100) -> MessageReceipts:
        """Who has got and who has read a message; see `Client.receipts`."""
        return self._run(self.client.receipts(message, after=after, limit=limit))

    def blocked(self) -> list[Block]:
        """Whom this user has blocked, the latest first."""
        return self._run(self.client.blocked())

    def block(self, user_id: str) -> None:
        """Blocks a user; see `Client.block`."""
        self._run(self.client.block(user_id))

    def unblock(self, user_id: str) -> None:
        """Takes a block back."""
        self._run(self.client.unblock(user_id))

    def refresh(self) -> SyncMetrics:
        """Pulls what is new (C12). Raises what ended the sync."""
        return self._run(self.client.refresh())

    def mark_read(self, conversation: str, conversation_seq: int | None = None) -> None:
        """Moves the read mark; see `Client.mark_read`."""
        self._run(self.client.mark_read(conversation, conversation_seq))

    def conversations(self, *, limit: int = 100, offset: int = 0) -> list[Conversation]:
        """The conversations, the latest first."""
        return self._run(self.client.conversations(limit=limit, offset=offset))

    def conversation(self, name: str) -> Conversation | None:
        """One conversation, None if the store has none."""
        return self._run(self.client.conversation(name))

    def history(self, conversation: str, *, before: int | None = None, limit: int = 50) -> list[StoredMessage]:
        """Messages of a conversation, oldest first; see `Client.history`."""
        return self._run(self.client.history(conversation, before=before, limit=limit))

    def unread(self) -> dict[str, int]:
        """Unread messages by conversation id."""
        return self._run(self.client.unread())

    def save_draft(self, conversation: str, content: str) -> None:
        """Keeps what this user has begun to write; see `Client.save_draft`."""
        self._run(self.client.save_draft(conversation, content))

    def draft(self, conversation: str) -> str:
        """What was begun in a conversation, here or on another device."""
        return self._run(self.client.draft(conversation))

    def schedule(self, to: str, content: str, send_time: int, **fields: Any) -> Scheduled:
        """Has the server send a message later; see `Client.schedule`."""
        return self._run(self.client.schedule(to, content, send_time, **fields))

    def scheduled(self) -> list[Scheduled]:
        """What this user has scheduled, the next first."""
        return self._run(self.client.scheduled())

    def reschedule(self, scheduled_id: str, **changes: Any) -> Scheduled:
        """Gives a scheduled message another content or time; see `Client.reschedule`."""
        return self._run(self.client.reschedule(scheduled_id, **changes))

    def cancel_scheduled(self, scheduled_id: str) -> None:
        """Has a scheduled message not sent."""
        self._run(self.client.cancel_scheduled(scheduled_id))

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Asks for any operation of the HTTP API over the connection; see `Client.request`."""
        return self._run(self.client.request(method, path, **options))

    def search_server(self, text: str, **options: Any) -> SearchPage:
        """Messages as the server finds them; see `Client.search_server`."""
        return self._run(self.client.search_server(text, **options))

    def search(self, text: str, *, conversation: str | None = None, limit: int = 50) -> list[StoredMessage]:
        """Messages with these words, the newest first."""
        return self._run(self.client.search(text, conversation=conversation, limit=limit))

    def stickers(self) -> list[StickerPack]:
        """All packs of stickers."""
        return self._run(self.client.stickers())

    def send_sticker(self, to: str, sticker: Sticker, **options: Any) -> StoredMessage:
        """Puts a sticker into the outbox; see `Client.send_sticker`."""
        return self._run(self.client.send_sticker(to, sticker, **options))

    def profiles(self, user_ids: Sequence[str | int]) -> dict[str, Profile]:
        """The profiles of users; see `Client.profiles`."""
        return self._run(self.client.profiles(user_ids))

    def set_profile(self, **changes: str) -> OwnProfile:
        """Changes one's own profile; see `Client.set_profile`."""
        return self._run(self.client.set_profile(**changes))

    def set_avatar(self, source: str | Path | bytes) -> OwnProfile:
        """Uploads one's own picture; see `Client.set_avatar`."""
        return self._run(self.client.set_avatar(source))

    def set_group_avatar(self, group_id: str, source: str | Path | bytes) -> Group:
        """Uploads the picture of a group; see `Client.set_group_avatar`."""
        return self._run(self.client.set_group_avatar(group_id, source))

    def avatar(self, of: Pictured | None) -> bytes | None:
        """The picture of a profile or a group; see `Client.avatar`."""
        return self._run(self.client.avatar(of))

    def avatar_of_invitation(self, token: str) -> bytes | None:
        """The picture of the group that an invitation leads to."""
        return self._run(self.client.avatar_of_invitation(token))

    def online(self, user_ids: Sequence[str | int]) -> dict[str, Presence]:
        """Who of these is online."""
        return self._run(self.client.online(user_ids))


async def _next(source: Any, seconds: float | None) -> StoredMessage:
    async with asyncio.timeout(seconds):
        message: StoredMessage = await anext(source)
    return message
