"""A client's life: its store is opened, it connects, tells what happens, and is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast, overload

from roost.client.delivery import Delivery
from roost.client.errors import ClientClosed
from roost.client.events import Event, MessageReceived, State
from roost.client.following import Following
from roost.client.http import Http
from roost.client.store.rows import StoredMessage
from roost.client.store.store import Store
from roost.client.sync import Network, SyncManager, SyncMetrics
from roost.client.tokens import Tokens, TokenSource, hints
from roost.model import ids

E = TypeVar("E", bound=Event)
H = TypeVar("H", bound=Callable[..., Any])

LINGER = 3.0
"""Seconds that leaving `async with` waits for what is pending."""


class Lifecycle:
    """What a `Client` is before it says anything: one store, and the following of one log."""

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
                async with asyncio.timeout(linger):
                    await self._following.outbox.flushed()
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

    # --- for the other parts ---

    def conversation_id(self, name: str) -> str:
        """The conversation with a user, of a group (`g:` and its id), or of a conversation id. Raises `InvalidID`."""
        if ":" in name:
            return ids.conversation_id(name)
        return ids.private_conversation(self.user_id, ids.user_id(name))

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
