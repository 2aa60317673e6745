"""Sending and receiving under load: what the benchmarks, the demo and the fault runs have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from bench.client import NUMBER_WIDTH, Connection, Frame, Template

ACK_EVERY = 100
"""Entries a receiver stores between two acks; well inside the server's window of 500 (CONTRACT §4)."""


class WrongDeliveryError(Exception):
    """A message was lost, doubled or out of order. No figure is worth anything then."""


NOT_STARTED = -1
"""No number: what waited for this user may arrive before `start`, and finishes nothing."""


class Sender(Connection):
    """Sends the messages `first`, `first + 1` … of a template, at most `window` of them without their `sent`."""

    def __init__(self, token: str, template: Template, *, window: int, first: int = 0) -> None:
        super().__init__(token)
        self._template = template
        self._window = window
        self._next = self._first = first
        self._end = NOT_STARTED
        self.acknowledged = first
        """The number below which every message has its `sent`."""
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def sent(self) -> int:
        """The number after the last one written."""
        return self._next

    def start(self, count: int | None = None) -> None:
        """Sends `count` messages, or goes on until `stop`; `finished` is done when all have their `sent`."""
        self._end = 1 << 62 if count is None else self._next + count
        self.refill()

    def stop(self) -> None:
        """Sends nothing more."""
        self._end = self._next
        self._check_finished()

    def received(self, frame: Frame, last: bool) -> None:  # noqa: FBT001
        """Counts receipts and sends as many more; other frames may come between, and be the last of a read."""
        if frame.type == "sent":
            self.acknowledged += 1
        if last:
            self.refill()

    def on_ws_disconnected(self, transport: Any) -> None:
        """Nothing more will be acknowledged."""
        super().on_ws_disconnected(transport)
        if not self.finished.done():
            self.finished.set_exception(self._failure or ConnectionError("the server closed the connection"))
            self.finished.exception()

    def may_reach(self) -> int:
        """The number that sending must not pass for now."""
        return self.acknowledged + self._window

    def refill(self) -> None:
        """Sends what may be sent now."""
        first, last = self._next, min(self.may_reach(), self._end)
        if last > first:
            self._next = last
            self.write(self._template.frames(range(first, last)))
        else:
            self._check_finished()

    def _check_finished(self) -> None:
        if self.acknowledged == self._end and not self.finished.done():
            self.finished.set_result(None)


class Follower:
    """One reader of a log: checks that entries come in order, each once, with none left out.

    `ordered` says that one sender alone writes to it, whose first message has the number 0; then the numbers are
    checked as well.
    """

    def __init__(self, *, last_seq: int = 0, ordered: bool = False) -> None:
        self.seq = last_seq
        """The last seq taken."""
        self.acked = last_seq
        self.delivered = 0
        """Messages taken."""
        self._ordered = ordered

    def follow(self, frame: Frame) -> None:
        """Takes a live entry or a batch; other frames are none of its business."""
        kind = frame.type
        if kind == "message":
            self._advance(frame.seq)
            self.take(int(frame.content[:NUMBER_WIDTH]))
        elif kind == "offline":
            for entry in frame.messages:
                if entry.seq <= self.seq:
                    raise WrongDeliveryError(f"seq {entry.seq} after {self.seq}")
                self.seq = entry.seq
                self.take(int(entry.content[:NUMBER_WIDTH]))
            self.seq = frame.through_seq
        elif kind == "change":
            self._advance(frame.seq)

    def take(self, number: int) -> None:
        """Counts a message."""
        if self._ordered and number != self.delivered:
            raise WrongDeliveryError(f"message {number} where {self.delivered} was due")
        self.delivered += 1

    def _advance(self, seq: int) -> None:
        if seq != self.seq + 1:
            raise WrongDeliveryError(f"seq {seq} after {self.seq}")
        self.seq = seq


class Receiver(Follower, Connection):
    """Follows its log and acks as it goes."""

    def __init__(self, token: str, *, last_seq: int = 0, ordered: bool = False) -> None:
        Connection.__init__(self, token, last_seq=last_seq)
        Follower.__init__(self, last_seq=last_seq, ordered=ordered)

    def received(self, frame: Frame, last: bool) -> None:  # noqa: FBT001
        """Takes what came, and acks now and then."""
        self.follow(frame)
        if last and self.seq - self.acked >= ACK_EVERY:
            self.ack()

    def ack(self) -> None:
        """Tells the server that everything so far is stored."""
        self.acked = self.seq
        self.send({"type": "ack", "seq": self.seq})


async def connect_all(connections: Iterable[Connection], port: int, *, at_once: int = 100) -> None:
    """Connects and authenticates all, `at_once` at a time."""
    gate = asyncio.Semaphore(at_once)

    async def connect(connection: Connection) -> None:
        async with gate:
            await connection.connect(port)

    async with asyncio.TaskGroup() as tasks:
        for connection in connections:
            tasks.create_task(connect(connection))


async def close_all(connections: Iterable[Connection]) -> None:
    """Closes all at once."""
    await asyncio.gather(*(connection.close() for connection in connections))


def ends_of(connections: Iterable[Connection]) -> list[asyncio.Future[None]]:
    """What is done when one of them has ended."""
    return [connection.closed for connection in connections]


def raise_ended(ends: Iterable[asyncio.Future[None]]) -> None:
    """Raises the reason if one of these has ended."""
    for end in ends:
        if end.done():
            raise end.exception() or ConnectionError("the server closed a connection")


async def until(done: Callable[[], bool], ends: Iterable[asyncio.Future[None]], *, timeout: float = 60.0) -> None:
    """Waits until `done()` is true; raises the reason if one of `ends` is done before, or TimeoutError (seconds)."""
    async with asyncio.timeout(timeout):
        while not done():
            raise_ended(ends)
            await asyncio.sleep(0.01)
