"""Rates over short rounds, and how busy both processes were meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from bench.load import raise_ended
from bench.machine import processor_seconds
from bench.server import Server

OTHERS = "otherCores"
"""The note that tells how much other programs used."""


class Busy:
    """Who used the processor since the start of the measurement: server, generator, other programs, other machines."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._start = self._now()

    def notes(self) -> dict[str, Any]:
        """Each as a share of one core; 1.0 is a whole core all the time."""
        wall, server, generator, everything, stolen = (
            now - then for now, then in zip(self._now(), self._start, strict=True)
        )
        others = max(0.0, everything - server - generator)
        shares = {"serverCores": server, "generatorCores": generator, OTHERS: others, "stolenCores": stolen}
        return {name: round(seconds / wall, 2) for name, seconds in shares.items()}

    def _now(self) -> tuple[float, ...]:
        return time.monotonic(), self._server.cpu_seconds(), time.process_time(), *processor_seconds()


async def rates(
    count: Callable[[], int],
    ends: Iterable[asyncio.Future[None]],
    *,
    rounds: int,
    seconds: float,
    warm_up: float = 1.0,
) -> list[float]:
    """How fast `count()` grows, a second, in each of the rounds; raises the reason if one of `ends` is done."""
    await asyncio.sleep(warm_up)
    found = []
    for _ in range(rounds):
        started, before = time.monotonic(), count()
        await asyncio.sleep(seconds)
        found.append((count() - before) / (time.monotonic() - started))
        raise_ended(ends)
    return found
