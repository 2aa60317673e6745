"""One-to-one latency: from the send to the receipt on the receiver's socket, at a steady 5,000 messages a second.

The load is open: a message goes out when its time has come, whether or not earlier ones have arrived. Both ends are
in this process and read one monotonic clock. "Send" is the moment before the write; the figure from the *due* time
also holds the generator's own lateness, and is shown so that nothing hides in it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from typing import Any, NamedTuple

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

WARM_UP = 1
"""Seconds at the start that are not counted."""


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


class Times(NamedTuple):
    """For each message when it was due, sent and received, in nanoseconds of one clock; the warm-up comes first."""

    due: list[int]
    sent: list[int]
    arrived: list[int]
    warm_up: int
    """Messages of the warm-up."""

    def milliseconds(self, since: list[int], percent: float, rounds: int) -> list[float]:
        """The percentile of the time since then, in each of so many rounds."""
        size = (len(self.sent) - self.warm_up) // rounds
        slices = [slice(self.warm_up + i * size, self.warm_up + (i + 1) * size) for i in range(rounds)]
        return [
            percentile([(at - of) / 1e6 for of, at in zip(since[part], self.arrived[part], strict=True)], percent)
            for part in slices
        ]

    def rate(self) -> int:
        """Messages sent a second."""
        seconds = (self.sent[-1] - self.sent[self.warm_up]) / 1e9
        return round((len(self.sent) - self.warm_up - 1) / seconds)


async def _measure(server: Server, *, rounds: int, seconds: int) -> list[Figure]:
    busy = Busy(server)
    times, notes = await paced(server.data, (server.port, server.port), RATE, rounds * seconds, busy)
    return _figures(times, rounds, notes)


async def paced(
    data: Path, ports: tuple[int, int], rate: int, seconds: int, busy: Busy, name: str = ""
) -> tuple[Times, dict[str, Any]]:
    """So many messages a second, sent at the first port and received at the second; `name`: of users not used yet."""
    warm_up, total = WARM_UP * rate, (WARM_UP + seconds) * rate
    due, sent, arrived = [0] * total, [0] * total, [0] * total
    receivers = [_Clocked(sign(data, f"r{name}{i}", "phone"), arrived, i) for i in range(PAIRS)]
    templates = [Template("private", f"r{name}{i}", i) for i in range(PAIRS)]
    senders = [Sender(sign(data, f"s{name}{i}", "phone"), template, window=0) for i, template in enumerate(templates)]
    await connect_all(receivers, ports[1])
    await connect_all(senders, ports[0])
    gc.collect()
    gc.disable()
    busy.begin()
    try:
        await _send_paced(senders, templates, due, sent, rate)
    finally:
        gc.enable()
    notes = busy.notes()
    await until(lambda: sum(r.delivered for r in receivers) == total, ends_of([*receivers, *senders]))
    await close_all([*receivers, *senders])
    return Times(due, sent, arrived, warm_up), notes


async def _send_paced(
    senders: list[Sender], templates: list[Template], due: list[int], sent: list[int], rate: int
) -> None:
    """Message n goes out on pair `n % PAIRS`, as its number `n // PAIRS`, one period after message n-1."""
    period = 1_000_000_000 // rate
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


def _figures(times: Times, rounds: int, notes: dict[str, Any]) -> list[Figure]:
    notes = {**notes, "sentPerSecond": times.rate()}

    def figure(name: str, since: list[int], percent: float, target: float | None = None) -> Figure:
        return Figure(NAME, name, "ms", times.milliseconds(since, percent, rounds), target, "less", notes)

    return [
        figure("send to receipt, p50", times.sent, 50, 1.0),
        figure("send to receipt, p99", times.sent, 99, 10.0),
        figure("send to receipt, p99.9", times.sent, 99.9),
        figure("due to receipt, p50", times.due, 50),
        figure("due to receipt, p99", times.due, 99),
    ]
