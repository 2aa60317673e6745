"""Telling the application: each durable event once, in order, across restarts; the others while they are news.

One task reads the store behind the place up to which the application was told, hands over one event at a time, and
moves the place when it is handled: when every handler has returned and every iterator has come back for the next.
It is never in the way of the connection, and it holds no more than a page, however much waits.

What a death of the process means. The place is saved after each event, before the next is handed over. Killed
between storing and handing over: the event comes at the next start. Killed while it is being handled, or after
that and before the place is saved: this one event comes again, and no other. An orderly `close` waits for handlers,
and counts what an iterator was given as handled. After a power cut, the events of the last seconds may come again.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

from roost.client import changes
from roost.client.events import (
    ConversationChanged,
    Durable,
    Event,
    HandlerFailed,
    MessageChanged,
    MessageReceived,
)
from roost.client.store.reading import Delivery as Entry
from roost.client.store.store import Store
from roost.model.message import Message

E = TypeVar("E", bound=Event)
Handler = Callable[[Any], Awaitable[None] | None]

PAGE = 200
"""Events read from the store at once."""
MAX_NEWS = 1000
"""Passing events that wait for the application at most; beyond it, the oldest are dropped."""
LAST_HANDLER = 5.0
"""Seconds that `close` waits for a handler that runs."""

logger = logging.getLogger("roost.client.delivery")


class Stream:
    """One iterator over events: a rendezvous of the one who tells and the one who asks."""

    def __init__(self, kinds: tuple[type[Event], ...]) -> None:
        self.kinds = kinds
        self._given: Event | None = None
        self._arrived = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self.closed = False

    async def give(self, event: Event) -> bool:
        """Hands an event over; returns when the next is asked for. False if it was never taken."""
        self._given = event
        self._free.clear()
        self._arrived.set()
        await self._free.wait()
        return self._given is None

    async def next(self) -> Event | None:
        """The next event, None at the end. Asking for it says that the one before is handled."""
        self._free.set()
        await self._arrived.wait()
        self._arrived.clear()
        event, self._given = self._given, None
        return event

    def close(self) -> None:
        """Nothing more is given, and what was taken is handled."""
        self.closed = True
        self._free.set()
        self._arrived.set()


class Delivery:
    """The application's side of the client. `wake` when the store has news."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._handlers: list[tuple[type[Event], Handler]] = []
        self._streams: list[Stream] = []
        self._news: deque[Event] = deque(maxlen=MAX_NEWS)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._place = (0, 0)
        self._in_hand: Entry | None = None
        self._suspended = False

    # --- life ---

    def start(self, seq: int, server_id: int) -> None:
        """Goes on behind a place."""
        self._place = (seq, server_id)
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name="roost-delivery")

    async def stop(self) -> None:
        """Ends: handlers that run may finish, iterators end."""
        await asyncio.sleep(0)  # iterators left by `break` are closed by the event loop, in its next turn
        await asyncio.sleep(0)
        self._closing = True
        for stream in list(self._streams):
            stream.close()
        self._wake.set()
        task = self._task
        if task is None:
            return
        if task is asyncio.current_task():  # a handler closes the client: what it was given is handled
            await self._handled()
            return
        _, late = await asyncio.wait({task}, timeout=LAST_HANDLER)
        if late:
            logger.warning("a handler was still running after %.0f s; its event will come again", LAST_HANDLER)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._task = None

    async def suspend(self) -> None:
        """The store is about to be rebuilt: what is in hand counts as handled, and nothing follows until `resume`."""
        self._suspended = True
        await self._handled()

    def resume(self, seq: int, server_id: int) -> None:
        """Goes on behind a place of the rebuilt store."""
        self._place = (seq, server_id)
        self._suspended = False
        self._wake.set()

    # --- who is told ---

    def on(self, kind: type[E], handler: Callable[[E], Awaitable[None] | None]) -> None:
        """Calls `handler` for each event of a kind (or a kind derived from it)."""
        self._handlers.append((kind, handler))
        self._wake.set()

    def off(self, handler: Handler) -> None:
        """Calls it no longer."""
        self._handlers = [(kind, other) for kind, other in self._handlers if other is not handler]

    async def events(self, *kinds: type[Event]) -> AsyncGenerator[Event, None]:
        """The events of these kinds, or all."""
        stream = Stream(kinds or (Event,))
        if self._closing:
            return
        self._streams.append(stream)
        self._wake.set()
        try:
            while (event := await stream.next()) is not None:
                yield event
        finally:
            stream.close()
            if stream in self._streams:
                self._streams.remove(stream)

    def wake(self) -> None:
        """The store has something new."""
        self._wake.set()

    def tell(self, event: Event) -> None:
        """A passing event. It is handed over soon, or never if nobody listens."""
        if isinstance(event, ConversationChanged) and event in self._news:
            return
        self._news.append(event)
        self._wake.set()

    # --- the task ---

    def _wanted(self, kind: type[Event]) -> bool:
        """Whether anybody listens to a kind, or to some kind derived from it."""
        listening = [one for one, _ in self._handlers] + [one for stream in self._streams for one in stream.kinds]
        return any(issubclass(one, kind) or issubclass(kind, one) for one in listening)

    async def _run(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            try:
                more = True
                while more and not self._closing:
                    await self._tell_news()
                    more = self._wanted(Durable) and await self._deliver_page()
            except Exception:
                logger.exception("events could not be delivered")
                await asyncio.sleep(1)
                self._wake.set()

    async def _tell_news(self) -> None:
        while self._news and not self._closing:
            await self._hand_over(self._news.popleft())

    async def _deliver_page(self) -> bool:
        """Delivers what the store has; False where it has nothing more."""
        if self._suspended:
            return False
        found = await self._store.undelivered(*self._place, PAGE)
        for entry in found:
            if self._closing or self._suspended:
                return False
            self._in_hand = entry
            event = event_of(entry, self._store.user_id)
            if event is not None and not await self._hand_over(event):
                self._in_hand = None
                return False
            await self._handled()
            await self._tell_news()
            if not self._wanted(Durable):
                return False
        return bool(found)

    async def _handled(self) -> None:
        """Moves the place over what is in hand."""
        entry, self._in_hand = self._in_hand, None
        if entry is not None:
            self._place = (entry.seq, entry.server_id if entry.new else self._place[1])
            await self._store.delivered(*self._place)

    async def _hand_over(self, event: Event) -> bool:
        """Hands an event to all who want it; False if there were such, and every one was gone before taking it."""
        handlers = [handler for kind, handler in self._handlers if isinstance(event, kind)]
        streams = [stream for stream in self._streams if isinstance(event, stream.kinds) and not stream.closed]
        taken = not streams
        for handler in handlers:
            await self._handle(handler, event)
            taken = True
        for stream in streams:
            taken = (not stream.closed and await stream.give(event)) or taken
        return taken

    async def _handle(self, handler: Handler, event: Event) -> None:
        try:
            outcome = handler(event)
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as error:
            logger.exception("a handler of %s failed", type(event).__name__)
            if not isinstance(event, HandlerFailed):
                self.tell(HandlerFailed(event=event, error=error))


def event_of(entry: Entry, user_id: str | None) -> Event | None:
    """The event that a stored entry is to this user; None for changes that this version has no event for."""
    what = entry.what
    if isinstance(what, Message):
        kind = MessageReceived if entry.new else MessageChanged
        return kind(seq=entry.seq, message=what)
    return changes.event_of(what, user_id)
