"""Connections to RabbitMQ: how one is opened with its queue, and how one ends.

Whoever waits for the broker sets a limit, with `asyncio.timeout` and never with the client's own: those are
`asyncio.wait_for`, which may swallow a cancellation before Python 3.12 (python/cpython#86296), and a worker that was
stopped would wait for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple, TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import CONNECTION_EXCEPTIONS as LOST

from roost.push.contract import TRIES

R = TypeVar("R")

PATIENCE = 5.0
"""Seconds that the broker has to take a connection or to confirm a slice of things."""

HEARTBEAT = 10
"""Seconds between signs of life (AMQP 0-9-1 §4.2.7): a broker that is silent for three of them is gone."""

PUT_ASIDE = 10_000
"""Things that a dead-letter queue keeps, for a person to look at; the oldest go first. The outbox has them all."""


class Line(NamedTuple):
    """A connection with what was opened on it."""

    connection: AbstractConnection
    channel: AbstractChannel
    queue: AbstractQueue


async def open_line(url: str, name: str) -> Line:
    """Connects, and makes the queues where they are not there yet. Raises one of `LOST`; who calls has a limit."""
    connection = await aio_pika.connect(
        url,
        heartbeat=HEARTBEAT,
        client_properties={"connection_name": f"roost {name}"},
    )
    try:
        channel = await connection.channel(on_return_raises=True)
        dead = f"{name}.dead"
        await channel.declare_queue(dead, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": PUT_ASIDE})
        queue = await channel.declare_queue(
            name,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                # For those whose worker dies of them each time; what only fails is put aside by the worker.
                "x-delivery-limit": TRIES,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": dead,
            },
        )
    except BaseException:
        await hang_up(connection)
        raise
    return Line(connection, channel, queue)


def outcome(ended: R | BaseException) -> R:
    """What a task ended with: one that the client cancelled had a connection that broke."""
    if isinstance(ended, asyncio.CancelledError):
        raise ConnectionError("the connection was closed")
    if isinstance(ended, BaseException):
        raise ended
    return ended


async def hang_up(line: Line | AbstractConnection) -> None:
    """Closes a connection, also one whose other end does not answer."""
    connection = line.connection if isinstance(line, Line) else line
    with contextlib.suppress(*LOST):
        async with asyncio.timeout(PATIENCE):
            await connection.close()
