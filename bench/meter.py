"""Rates over short rounds, and how busy both processes were meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from bench.load import raise_ended
from bench.machine import processor_seconds, seconds_of

OTHERS = "otherCores"
"""The note that tells how much other programs used."""


class Measured(Protocol):
    """What is measured: `Server`, or several."""

    def cpu_seconds(self) -> float:
        """Processor time used so far."""


class Busy:
    """Who used the processor since `begin`: server, generator, what the server uses, other programs and machines."""

    def __init__(self, server: Measured, beside: Mapping[str, int] | None = None) -> None:
        """`beside`: process ids of what the server uses, each by its name."""
        self._server = server
        self._beside = dict(beside or {})
        self.begin()

    def begin(self) -> None:
        """Counts from now on."""
        self._start = self._now()

    def notes(self) -> dict[str, Any]:
        """Each as a share of one core; 1.0 is a whole core all the time."""
        wall, everything, stolen, *parts = (now - then for now, then in zip(self._now(), self._start, strict=True))
        names = ["server", "generator", *self._beside]
        shares = {f"{name}Cores": seconds for name, seconds in zip(names, parts, strict=True)}
        shares |= {OTHERS: max(0.0, everything - sum(parts)), "stolenCores": stolen}
        return {name: round(seconds / wall, 2) for name, seconds in shares.items()}

    def _now(self) -> tuple[float, ...]:
        beside = [seconds_of(process) for process in self._beside.values()]
        return time.monotonic(), *processor_seconds(), self._server.cpu_seconds(), time.process_time(), *beside


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
