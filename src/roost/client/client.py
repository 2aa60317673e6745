"""The client: what an application, a bot or a test uses to talk to Roost.

    async with Client("http://127.0.0.1:8080", token=token, store="alice.db") as client:
        await client.send("bob", "hi")
        async for message in client.messages():
            print(message.sender_id, message.content)

Everything is in the store first: reading works offline, sending works offline, and a restart goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast, overload

import msgspec

from roost.client.asking import Asking
from roost.client.blocks import Blocks
from roost.client.changing import Changing, MessageLike, server_id
from roost.client.delivery import Delivery
from roost.client.drafts import Drafting
from roost.client.errors import ClientClosed, NetworkError
from roost.client.events import Event, MessageReceived, State
from roost.client.files import Files
from roost.client.following import Following
from roost.client.groups import Groups
from roost.client.holes import fill_history
from roost.client.http import Http
from roost.client.identity import new_message_id
from roost.client.profiles import Profiles
from roost.client.stickers import Stickering
from roost.client.store import sending
from roost.client.store.entries import set_muted
from roost.client.store.reading import Conversation
from roost.client.store.rows import PENDING, StoredMessage
from roost.client.store.store import Store
from roost.client.sync import Network, SyncManager, SyncMetrics
from roost.client.tokens import Tokens, TokenSource, hints
from roost.errors import NotAMember, NotFound
from roost.model import ids
from roost.model.attachment import Attachment
from roost.model.message import MessageType, message_type_of
from roost.model.sticker import Sticker
from roost.protocol import frames
from roost.protocol.answers import Presence

E = TypeVar("E", bound=Event)
H = TypeVar("H", bound=Callable[..., Any])

LINGER = 3.0
"""Seconds that leaving `async with` waits for what is pending."""
MAX_ASKED = 500
"""Users in one question of who is online (D8)."""


class Client(Changing, Groups, Blocks, Profiles, Asking, Files, Drafting, Stickering):
    """One user on one device, with one store. Use it in one event loop, as `async with` or open/connect/close."""

    def __init__(
        self,
        url: str,
        *,
        token: TokenSource,
        store: str | Path,
        device_id: str | None = None,
        network: Network | None = None,
        patience: float = 1.0,
    ) -> None:
        """A client of the server at `url`, such as `http://127.0.0.1:8080`.

        `token` is a JWT, or an async function that gives one and is asked again when the server refuses the last.
        `store` is the file (`":memory:"` for one that is forgotten); one client at a time may have it open.
        `device_id` names this device; without it the token's device counts, or else the store's own.
        `network` sets the size of sync pages; None adapts it. `patience` scales waits, for tests.
        """
        self._tokens = Tokens(token)
        self.store = Store(store)
        self._delivery = Delivery(self.store)
        self._following = Following(
            url.rstrip("/"), self._tokens, self.store, self._delivery, device_id=device_id, patience=patience
        )
        self._following.sync.network = network
        self._patience = patience
        self._opened = self._closed = False
        self._opening = asyncio.Lock()

    # --- life ---

    async def __aenter__(self) -> Self:
        """Opens the store and connects in the background."""
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits a moment for what is pending, and closes."""
        await self.close(linger=LINGER if kind is None else 0.0)

    async def open(self) -> None:
        """Opens the store without connecting: reading, and `sync`, work; what is sent waits.

        Raises `StoreInUse`, `StoreTooNew` or `StoreBelongsToAnother`; `ClientClosed` after `close`.
        """
        async with self._opening:
            if self._closed:
                raise ClientClosed("This client was closed; make another.")
            if not self._opened:
                await self._open()

    async def _open(self) -> None:
        config = await self.store.open()
        try:
            if config.user_id is None and (claimed := await self._claimed_user()) is not None:
                await self.store.claim(claimed)
                config = await self.store.config()
        except BaseException:
            await self.store.close()
            raise
        self._following.start(config)
        self._delivery.start(config.delivered_seq, config.delivered_id)
        self._opened = True

    async def _claimed_user(self) -> str | None:
        """Whose token this is, as far as it can be told without the server."""
        try:
            return hints(await self._tokens.get()).user_id
        except Exception:  # noqa: BLE001 - offline; `ready` will tell
            return None

    async def connect(self) -> None:
        """Opens the store, and connects in the background, again and again; returns at once.

        While it waits for its next attempt, this makes it try now.
        """
        await self.open()
        self._following.connection.start()

    async def connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - see `flush`
        """Waits until everything that waited is stored and new messages come live.

        Raises the error that ended the connection for good, or `TimeoutError`.
        """
        connection = self._following.connection
        async with asyncio.timeout(timeout):
            await connection.until(State.CONNECTED)

    async def disconnect(self) -> None:
        """Goes offline until `connect`; the store stays open."""
        await self._following.connection.stop("offline by wish")

    async def close(self, *, linger: float = 0.0) -> None:
        """Ends everything. Waits up to `linger` seconds for what is pending; otherwise it stays for the next start."""
        if not self._opened:
            return
        if linger and self._following.connection.alive:
            with contextlib.suppress(TimeoutError):
                await self.flush(linger)
        self._opened, self._closed = False, True
        await self._delivery.stop()
        await self._following.stop()
        await self.store.close()

    @property
    def user_id(self) -> str:
        """Whose client this is. Raises `ClientClosed` where nobody has told it yet."""
        user_id = self._following.user_id
        if user_id is None:
            raise ClientClosed("Nobody knows yet whose token this is; connect first.")
        return user_id

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._following.connection.state

    @property
    def state_reason(self) -> str:
        """Why it stands there, for a person."""
        return self._following.connection.reason

    @property
    def sync(self) -> SyncManager:
        """Pulling on demand: start_sync, stop_sync, reset_sync, metrics."""
        return self._following.sync

    async def refresh(self) -> SyncMetrics:
        """Pulls what is new, and waits for it (C12)."""
        return await self.sync.start_sync()

    # --- events ---

    def on(self, kind: type[E]) -> Callable[[H], H]:
        """Decorator: the function, plain or async, is called with each event of this kind."""

        def register(handler: H) -> H:
            self._delivery.on(kind, cast("Callable[[E], Awaitable[None] | None]", handler))
            return handler

        return register

    def off(self, handler: Callable[..., Any]) -> None:
        """The function is called no longer."""
        self._delivery.off(handler)

    async def messages(self) -> AsyncGenerator[StoredMessage, None]:
        """Messages of others, and of this user's other devices: each once, in order, from the first never handed over.

        Asking for the next, or leaving the loop, says that the last one is handled.
        """
        async with contextlib.aclosing(self.events(MessageReceived)) as events:
            async for event in events:
                yield cast("StoredMessage", event.message)

    @overload
    def events(self) -> AsyncGenerator[Event, None]: ...
    @overload
    def events(self, *kinds: type[E]) -> AsyncGenerator[E, None]: ...
    def events(self, *kinds: type[Event]) -> AsyncGenerator[Event, None]:
        """Events of these kinds, or all. An iterator that is open must be read: the next event waits for it."""
        return self._delivery.events(*kinds)

    # --- sending ---

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
            mentions=[ids.user_id(name) for name in mentions] or None,
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

    # --- reading the store ---

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
        """A message of the store by the server's id."""
        return await self.store.message(int(server_msg_id))

    # --- asking the server ---

    async def online(self, user_ids: Sequence[str | int]) -> dict[str, Presence]:
        """Who of these is online, and when last seen; asked in questions of 500 (D8)."""
        found: dict[str, Presence] = {}
        names = [ids.user_id(user_id) for user_id in user_ids]
        for first in range(0, len(names), MAX_ASKED):
            some = ",".join(names[first : first + MAX_ASKED])
            found |= await self._call("GET", "/messages/online", dict[str, Presence], query={"user_ids": some})
        return found

    async def watch(self, user_ids: Sequence[str | int]) -> None:
        """Subscribes to `PresenceChanged` of these users, instead of those before; it outlives reconnects."""
        self._following.watch([ids.user_id(user_id) for user_id in user_ids])

    async def mute(self, conversation: str, *, muted: bool = True) -> None:
        """Mutes a conversation, or unmutes it."""
        conversation_id = self.conversation_id(conversation)
        await self._call("PUT", f"/conversations/{conversation_id}/mute", msgspec.Raw, body={"muted": muted})
        await self.store.write(set_muted, conversation_id, muted=muted)

    @property
    def _http(self) -> Http:
        if not self._opened:
            raise ClientClosed
        return self._following.http

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        if not self._opened:
            raise ClientClosed
        return await self._following.http.call(method, path, kind, body=body, query=query)
