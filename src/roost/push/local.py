"""The queue of a server that does its own work: in this process, and gone with it; the outbox hands out again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from roost.errors import Unavailable
from roost.push.contract import TRIES

T = TypeVar("T")

LIMIT = 1_000
"""Things in the queue, those at work included: enough to keep workers busy. The outbox keeps what does not fit, and
other nodes take it from there."""

PATIENCE = 5.0
"""Seconds that `put` waits for the next thing to fit in."""

logger = structlog.get_logger()


class LocalQueue(Generic[T]):
    """A `Queue` of at most `limit` things.

    A thing whose `handle` raised is handed out again after `pause` seconds, doubled each time, and forgotten after
    `TRIES`. `patience` in seconds.
    """

    lasting = False

    def __init__(self, *, limit: int = LIMIT, pause: float = 1.0, patience: float = PATIENCE) -> None:
        self._waiting: asyncio.Queue[tuple[int, int]] = asyncio.Queue()  # which attempt, and which of `_held`
        self._numbers = itertools.count()
        self._held: dict[int, T] = {}
        # Given back when a thing is done with and not when it is taken: a thing can always return to the queue.
        self._room = asyncio.Semaphore(limit)
        self._limit = limit
        self._left = asyncio.Event()
        self._pause = pause
        self._patience = patience
        self._closed = False

    async def room(self) -> int:
        """How many things it takes at once now; waits until it is half empty."""
        while len(self._held) > self._limit // 2:
            self._left.clear()
            await self._left.wait()
        return self._limit - len(self._held)

    def held(self) -> list[T]:
        """The things in it, those in hand included."""
        return list(self._held.values())

    async def put(self, things: Sequence[T]) -> None:
        """Waits while the queue is full. Raises `Unavailable` where it stays so for `patience`, or is closed."""
        for thing in things:
            if self._closed:
                raise Unavailable("The queue is closed.")
            try:
                async with asyncio.timeout(self._patience):
                    await self._room.acquire()
            except TimeoutError:
                raise Unavailable("The queue is full.") from None
            number = next(self._numbers)
            self._held[number] = thing
            self._waiting.put_nowait((1, number))

    async def work(self, handle: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
        """Hands things to `handle` until cancelled; then those at work go back into the queue."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(at_once):
                hands.create_task(self._work(handle))

    async def _work(self, handle: Callable[[T], Awaitable[None]]) -> None:
        while True:
            attempt, number = await self._waiting.get()
            try:
                finished = await self._finished(handle, self._held[number], attempt)
            except asyncio.CancelledError:
                self._waiting.put_nowait((attempt, number))
                raise
            if finished:
                del self._held[number]
                self._room.release()
                self._left.set()
            else:
                self._waiting.put_nowait((attempt + 1, number))

    async def _finished(self, handle: Callable[[T], Awaitable[None]], thing: T, attempt: int) -> bool:
        """Whether `thing` is done with: handled, or put aside. If not, its pause is over."""
        try:
            await handle(thing)
        except Exception as error:
            if attempt >= TRIES:
                logger.exception("put aside what failed", attempt=attempt)
                return True
            logger.warning("failed, to be handed out again", attempt=attempt, reason=repr(error))
            await asyncio.sleep(self._pause * 2 ** (attempt - 1))
            return False
        return True

    async def backlog(self) -> int:
        """How many things wait for a worker."""
        return self._waiting.qsize()

    async def close(self) -> None:
        """Takes nothing more. Who works is cancelled by those who started it."""
        self._closed = True
