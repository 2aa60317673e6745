"""One-to-one throughput: pairs of sockets, each sender with a bounded number of messages not yet acknowledged.

What counts is a message on its receiver's socket, durable by then (CONTRACT §5.1). At the end every receiver must
have had every message of its sender, once and in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench.client import Template, sign
from bench.figures import Figure
from bench.load import Receiver, Sender, close_all, connect_all, ends_of, until
from bench.meter import Busy, rates
from bench.server import Server, running

NAME = "throughput"
ABOUT = "one-to-one, durable messages delivered a second"

PAIRS = 50
WINDOW = 32
"""Messages of one sender that may be without their `sent`."""


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server."""
    with running() as server:
        return uvloop.run(_measure(server, rounds=3 if quick else 7, seconds=1.0 if quick else 2.0))


async def _measure(server: Server, *, rounds: int, seconds: float) -> list[Figure]:
    road = (server.port, server.port)
    found, notes = await flat_out(server.data, [road], Busy(server), rounds=rounds, seconds=seconds)
    return [Figure(NAME, "one-to-one delivered", "messages/s", found, 25_000, notes=notes)]


async def flat_out(
    data: Path, roads: Sequence[tuple[int, int]], busy: Busy, *, rounds: int, seconds: float
) -> tuple[list[float], dict[str, Any]]:
    """Messages delivered a second, in each round. `roads`: ports to send at and to receive at; pairs take turns."""
    receivers = [Receiver(sign(data, f"r{i}", "phone"), ordered=True) for i in range(PAIRS)]
    senders = [
        Sender(sign(data, f"s{i}", "phone"), Template("private", f"r{i}", i), window=WINDOW) for i in range(PAIRS)
    ]
    everyone = [*receivers, *senders]
    for number, (_, port) in enumerate(roads):  # first: a receiver exists from its first token on
        await connect_all(receivers[number :: len(roads)], port)
    for number, (port, _) in enumerate(roads):
        await connect_all(senders[number :: len(roads)], port)
    busy.begin()
    for sender in senders:
        sender.start()
    found = await rates(
        lambda: sum(receiver.delivered for receiver in receivers), ends_of(everyone), rounds=rounds, seconds=seconds
    )
    notes = busy.notes()
    for sender in senders:
        sender.stop()
    for sender, receiver in zip(senders, receivers, strict=True):
        await sender.finished
        await until(lambda s=sender, r=receiver: r.delivered == s.sent, ends_of([sender, receiver]))
    notes["checked"] = sum(receiver.delivered for receiver in receivers)
    await close_all(everyone)
    return found, notes
