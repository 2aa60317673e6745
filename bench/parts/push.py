"""What push costs those who send: one-to-one messages to receivers who are away, each with a push address.

Three servers take turns, fresh ones in every round: with push switched off; with push, and RabbitMQ there to take the
tasks; with push, and nobody at RabbitMQ's address. Nobody works on the tasks, so the whole difference is the server's
own: the rows of the outbox in the message's transaction, and giving them to the queue. At the end the outbox must hold
a row for every message, or none where push is off.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aio_pika
import uvloop
from scripts.servers import free_ports
from scripts.servers.rabbitmq import PROGRAM, RabbitMQ
from tests.push.road import apple_key

from bench.client import Template, sign
from bench.figures import Figure
from bench.load import Sender, close_all, connect_all, ends_of, until
from bench.meter import OTHERS, Busy, rates
from bench.server import UNLIMITED, Server, running
from roost.adapters import TASKS

NAME = "push"
ABOUT = "one-to-one to receivers who are away: push off, RabbitMQ up, RabbitMQ down"

PAIRS = 50
WINDOW = 32
"""Messages of one sender that may be without their `sent`."""
OFF, UP, DOWN = "push off", "RabbitMQ up", "RabbitMQ down"
SHARE = 0.9
"""Of the speed with RabbitMQ up, what must be left with RabbitMQ down."""


def run(*, quick: bool) -> list[Figure]:
    """Measures the variants by turns. Raises `FileNotFoundError` where RabbitMQ is not installed."""
    if not PROGRAM.exists():
        raise FileNotFoundError(f"{PROGRAM} is not there: scripts/install_servers.sh installs RabbitMQ.")
    found: dict[str, list[float]] = {OFF: [], UP: [], DOWN: []}
    notes: dict[str, dict[str, float]] = {}
    with _broker() as broker, tempfile.TemporaryDirectory(prefix="roost-") as folder:
        key = apple_key(Path(folder))
        urls = {OFF: None, UP: broker.url, DOWN: f"amqp://127.0.0.1:{free_ports(1)[0]}/"}
        for _ in range(3 if quick else 7):
            for variant, url in urls.items():
                with running(settings=_settings(key, url)) as server:
                    rate, notes[variant] = uvloop.run(
                        _measure(server, seconds=1.0 if quick else 2.0, pushes=url is not None)
                    )
                found[variant].append(rate)
            uvloop.run(_empty(broker))
    notes[UP]["brokerCores"] = notes[UP].pop(OTHERS)  # the broker's and all others'
    shares = [down / up for down, up in zip(found[DOWN], found[UP], strict=True)]
    return [
        *(Figure(NAME, f"stored, {name}", "messages/s", rounds, notes=notes[name]) for name, rounds in found.items()),
        Figure(NAME, "speed left when RabbitMQ is down", "of that with it up", shares, SHARE, notes=notes[DOWN]),
    ]


def _settings(key: str, url: str | None) -> dict[str, str]:
    push = {
        "QUEUE": "rabbitmq",
        "RABBITMQ": url or "",
        "APNS__ENABLED": "true",
        "APNS__KEY_FILE": key,
        "APNS__KEY_ID": "K",
        "APNS__TEAM_ID": "T",
        "APNS__TOPIC": "org.example.chat",
    }
    return UNLIMITED | ({f"ROOST_PUSH__{name}": value for name, value in push.items()} if url else {})


@contextmanager
def _broker() -> Iterator[RabbitMQ]:
    broker = RabbitMQ()
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


async def _measure(server: Server, *, seconds: float, pushes: bool) -> tuple[float, dict[str, float]]:
    """Messages stored a second."""
    for i in range(PAIRS):
        address = {"platform": "apns", "token": f"{i:064x}"}
        server.request("POST", "/devices", address, sign(server.data, f"r{i}", "phone"))
    senders = [
        Sender(sign(server.data, f"s{i}", "phone"), Template("private", f"r{i}", i), window=WINDOW)
        for i in range(PAIRS)
    ]
    await connect_all(senders, server.port)
    for sender in senders:
        sender.start()
    await asyncio.sleep(0.5)
    busy = Busy(server)
    [rate] = await rates(
        lambda: sum(sender.acknowledged for sender in senders), ends_of(senders), rounds=1, seconds=seconds, warm_up=0.5
    )
    notes = busy.notes()
    for sender in senders:
        sender.stop()
    await until(lambda: all(sender.finished.done() for sender in senders), ends_of(senders))
    sent, (rows, given) = sum(sender.sent for sender in senders), _outbox(server)
    if rows != sent * pushes:
        raise RuntimeError(f"{sent} messages, and {rows} rows in the outbox")
    notes["given"] = given
    await close_all(senders)
    return rate, notes


def _outbox(server: Server) -> tuple[int, int]:
    """Rows, and how many of them the queue has."""
    connection = sqlite3.connect(f"file:{server.data}/roost.db?mode=ro", uri=True)
    try:
        [row] = connection.execute("SELECT count(*), count(*) FILTER (WHERE taken_at > 0) FROM push_outbox")
    finally:
        connection.close()
    return row


async def _empty(broker: RabbitMQ) -> None:
    async with await aio_pika.connect(broker.url) as connection, connection.channel() as channel:
        await channel.queue_delete(TASKS)
