"""What the tests of queues share: a thing to be queued, and a worker for the length of a block."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from roost.push.contract import Queue

PATIENCE = 30.0
"""Seconds for what happens at once, on a machine that is busy with something else."""


class Thing(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


def fresh_name() -> str:
    """The name of a queue that no other test uses."""
    return f"roost.test.{uuid.uuid4().hex[:12]}"


@contextlib.asynccontextmanager
async def working(
    queue: Queue[Thing], handle: Callable[[Thing], Awaitable[None]], *, at_once: int
) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that is cancelled when the block ends; what it raised itself comes out then."""
    worker = asyncio.create_task(queue.work(handle, at_once=at_once))
    try:
        yield worker
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


async def drained(queue: Queue[Thing], *, to: int = 0, until: Callable[[], bool] = lambda: True) -> None:
    """Returns when so many wait for a worker, and `until` holds."""
    async with asyncio.timeout(PATIENCE):
        while not until() or await queue.backlog() != to:  # noqa: ASYNC110 - a broker tells nobody
            await asyncio.sleep(0.02)
