"""Where everything from the log comes in: in order, without gaps, stored before it is told on.

Batches and live entries of the socket, pages of HTTP and receipts all pass through one queue. `reach` is how far
the queue covers the log without a gap; what would leave one is refused, and reported, so that it is filled by
reading the log. One task stores what is queued; as long as it writes, more is queued, and becomes one transaction.

    received (reach)  >=  stored (position)  >=  acked

The order is the promise: a position moves in the transaction that stores its entries, and the server is told of it
afterwards. Whatever was received and not stored comes again after the next connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from roost.client.errors import ClientClosed
from roost.client.frames import LiveChange, LiveMessage
from roost.client.store.entries import Applied, Entries
from roost.client.store.reset import Restarted
from roost.client.store.store import Store
from roost.model.message import Change, Message
from roost.protocol import frames
from roost.protocol.answers import Snapshot

MAX_TRANSACTION = 1000
"""Entries stored in one transaction at most."""

LogFrame = frames.Offline | LiveMessage | LiveChange | frames.Sent

logger = logging.getLogger("roost.client.intake")


class Item(msgspec.Struct):
    """Something queued; `done` is told when it is stored."""

    entries: Entries
    done: asyncio.Future[Applied] | None = None


class Intake:
    """The way from the wire into the store.

    `applied(outcome, position)` is called after each transaction, `gap(seq)` when something was left out,
    `broken(error)` when the store can't take what came.
    """

    def __init__(
        self,
        store: Store,
        *,
        applied: Callable[[Applied, int], None],
        gap: Callable[[int], None],
        broken: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._applied = applied
        self._gap = gap
        self._broken = broken
        self._queue: list[Item] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._shut = False
        self._task: asyncio.Task[None] | None = None
        self.position = 0
        """Stored up to here."""
        self.reach = 0
        """Received up to here."""

    def start(self, position: int) -> None:
        """Begins to store, from a position."""
        self.position = self.reach = position
        self._task = asyncio.get_running_loop().create_task(self._run(), name="roost-intake")

    async def stop(self) -> None:
        """Stores what is queued, and ends."""
        await self.drained()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def drained(self) -> None:
        """Waits until what is queued is stored; then `reach` is `position`."""
        await self._idle.wait()

    # --- what comes ---

    def take(self, frame: LogFrame) -> None:
        """A frame of the socket. While the store is rebuilt, what comes is passed over: the log has it."""
        if self._shut:
            return
        match frame:
            case frames.Offline():
                self._take(
                    frame.from_seq,
                    frame.through_seq,
                    Entries(messages=frame.messages, changes=frame.changes),
                )
            case frames.Sent():
                place = frame.seq if frame.seq == self.reach + 1 else None
                self._put(Item(Entries(receipts=[frame], through=place)))
            case LiveMessage():
                self._take(frame.seq, frame.seq, Entries(messages=[frame]))
            case LiveChange():
                self._take(frame.seq, frame.seq, Entries(changes=[frame]))

    def _take(self, first: int, last: int, entries: Entries) -> None:
        if last <= self.reach:  # it came before, by another way
            return
        if first > self.reach + 1:
            logger.warning("the log goes on at %d, but %d is due", first, self.reach + 1)
            self._gap(last)
            return
        entries.through = last
        self._put(Item(entries))

    async def take_page(self, page: frames.Page) -> Applied:
        """A page of HTTP; returns when it is stored. One that begins beyond `reach` is refused: it has a gap."""
        if page.from_seq > self.reach + 1:
            raise ValueError(f"a page from {page.from_seq}, but {self.reach + 1} is due")
        entries = Entries(messages=page.messages, changes=page.changes, through=max(page.max_seq, self.reach))
        done = asyncio.get_running_loop().create_future()
        self._put(Item(entries, done))
        return await asyncio.shield(done)

    async def take_snapshot(self, snapshot: Snapshot) -> Restarted:
        """Puts the store where the snapshot is."""
        async with self._rebuilding():
            restarted = await self._store.apply_snapshot(snapshot)
            self.position = self.reach = snapshot.max_seq
        return restarted

    async def clear(self) -> None:
        """Removes what the log brought, and stands at the beginning."""
        async with self._rebuilding():
            await self._store.clear()
            self.position = self.reach = 0

    @contextlib.asynccontextmanager
    async def _rebuilding(self) -> AsyncIterator[None]:
        """Nothing that follows the old position may be stored at the new one."""
        self._shut = True
        try:
            await self.drained()
            yield
        finally:
            self._shut = False

    def _put(self, item: Item) -> None:
        if item.entries.through is not None:
            self.reach = max(self.reach, item.entries.through)
        self._queue.append(item)
        self._idle.clear()
        self._wake.set()

    # --- storing ---

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                items = self._next()
                try:
                    outcome = await self._store.apply(merged(items))
                except Exception as error:
                    if not isinstance(error, ClientClosed):
                        logger.exception("what came could not be stored")
                    self._give_up(items, error)
                    continue
                self.position = outcome.position
                wanted = max([0, *(item.entries.through or 0 for item in items)])
                if self.position < wanted:
                    self._give_up(items, ValueError(f"an entry before {wanted} is missing"))
                for item in items:
                    if item.done is not None and not item.done.done():
                        item.done.set_result(outcome)
                self._tell(outcome)
            self._idle.set()

    def _tell(self, outcome: Applied) -> None:
        try:
            self._applied(outcome, self.position)
        except Exception:  # storing goes on whatever becomes of the news
            logger.exception("what was stored could not be told on")

    def _next(self) -> list[Item]:
        """What is stored together next: at least one item, and never two pages."""
        size = 0
        for count, item in enumerate(self._queue):
            size += len(item.entries.messages) + len(item.entries.changes) + len(item.entries.receipts)
            if count and (size > MAX_TRANSACTION or item.done is not None):
                break
        else:
            count = len(self._queue)
        items, self._queue = self._queue[:count], self._queue[count:]
        return items

    def _give_up(self, items: Sequence[Item], error: Exception) -> None:
        """Nothing behind what could not be stored may be stored either: it all comes again."""
        failed = [*items, *self._queue]
        self._queue = []
        self.reach = self.position
        for item in failed:
            if item.done is not None and not item.done.done():
                item.done.set_exception(error)
        self._broken(error)


def merged(items: Sequence[Item]) -> Entries:
    """The entries of several items as one."""
    if len(items) == 1:
        return items[0].entries
    messages: list[Message] = []
    changes: list[Change] = []
    receipts: list[frames.Sent] = []
    through: int | None = None
    for item in items:
        entries = item.entries
        messages += entries.messages
        changes += entries.changes
        receipts += entries.receipts
        if entries.through is not None:
            through = entries.through
    return Entries(messages=messages, changes=changes, receipts=receipts, through=through)
