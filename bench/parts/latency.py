"""One-to-one latency: from the send to the receipt on the receiver's socket, at a steady 5,000 messages a second.

The load is open: a message goes out when its time has come, whether or not earlier ones have arrived. Both ends are
in this process and read one monotonic clock. "Send" is the moment before the write; the figure from the *due* time
also holds the generator's own lateness, and is shown so that nothing hides in it.
"""

from __future__ import annotations

import asyncio
import gc
import time

import uvloop

from bench.client import Template, sign
from bench.figures import Figure, percentile
from bench.load import Receiver, Sender, close_all, connect_all, ends_of, until
from bench.meter import Busy
from bench.pace import ticking
from bench.server import Server, running

NAME = "latency"
ABOUT = "one-to-one, from send to the receiver's socket at 5,000 messages a second"

PAIRS = 50
RATE = 5_000
"""Messages a second, over all pairs."""

WARM_UP = RATE
"""Messages at the start that are not counted."""


class _Clocked(Receiver):
    """Notes when each message came."""

    def __init__(self, token: str, arrivals: list[int], pair: int) -> None:
        super().__init__(token, ordered=True)
        self._arrivals = arrivals
        self._pair = pair

    def take(self, number: int) -> None:
        super().take(number)
        self._arrivals[number * PAIRS + self._pair] = time.monotonic_ns()


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server."""
    with running() as server:
        return uvloop.run(_measure(server, rounds=3 if quick else 5, seconds=2 if quick else 5))


async def _measure(server: Server, *, rounds: int, seconds: int) -> list[Figure]:
    total = WARM_UP + RATE * seconds * rounds
    due, sent, arrived = [0] * total, [0] * total, [0] * total
    receivers = [_Clocked(sign(server.data, f"r{i}", "phone"), arrived, i) for i in range(PAIRS)]
    templates = [Template("private", f"r{i}", i) for i in range(PAIRS)]
    senders = [Sender(sign(server.data, f"s{i}", "phone"), template, window=0) for i, template in enumerate(templates)]
    await connect_all(receivers, server.port)
    await connect_all(senders, server.port)
    gc.collect()
    gc.disable()
    busy = Busy(server)
    try:
        await _send_paced(senders, templates, due, sent)
    finally:
        gc.enable()
    notes = busy.notes()
    await until(lambda: sum(r.delivered for r in receivers) == total, ends_of([*receivers, *senders]))
    await close_all([*receivers, *senders])
    return _figures(due, sent, arrived, rounds, notes)


async def _send_paced(senders: list[Sender], templates: list[Template], due: list[int], sent: list[int]) -> None:
    """Message n goes out on pair `n % PAIRS`, as its number `n // PAIRS`, one period after message n-1."""
    period = 1_000_000_000 // RATE
    total = len(due)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    position = 0
    start = time.monotonic_ns() + 50 * period

    def tick(count: int) -> None:
        nonlocal position
        for n in range(position, min(position + count, total)):
            number, pair = divmod(n, PAIRS)
            frame = templates[pair].frames((number,))
            due[n] = start + n * period
            sent[n] = time.monotonic_ns()
            senders[pair].write(frame)
        position += count
        if position >= total and not done.done():
            done.set_result(None)

    with ticking(start, period, tick):
        await done


def _figures(due: list[int], sent: list[int], arrived: list[int], rounds: int, notes: dict[str, float]) -> list[Figure]:
    size = (len(sent) - WARM_UP) // rounds
    slices = [slice(WARM_UP + i * size, WARM_UP + (i + 1) * size) for i in range(rounds)]

    def milliseconds(since: list[int], percent: float) -> list[float]:
        return [
            percentile([(at - of) / 1e6 for of, at in zip(since[part], arrived[part], strict=True)], percent)
            for part in slices
        ]

    seconds = (sent[-1] - sent[WARM_UP]) / 1e9
    notes = {**notes, "sentPerSecond": round((len(sent) - WARM_UP - 1) / seconds)}
    return [
        Figure(NAME, "send to receipt, p50", "ms", milliseconds(sent, 50), 1.0, "less", notes),
        Figure(NAME, "send to receipt, p99", "ms", milliseconds(sent, 99), 10.0, "less", notes),
        Figure(NAME, "send to receipt, p99.9", "ms", milliseconds(sent, 99.9), None, "less", notes),
        Figure(NAME, "due to receipt, p50", "ms", milliseconds(due, 50), None, "less", notes),
        Figure(NAME, "due to receipt, p99", "ms", milliseconds(due, 99), None, "less", notes),
    ]
