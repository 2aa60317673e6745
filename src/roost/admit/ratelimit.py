"""How many in how long: a bucket for each key (D7).

A bucket is kept as one number, the time at which it will be full again (GCRA, the virtual scheduling of ITU-T I.371):
each take moves it on by what one costs, and no further than a minute ahead of now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

from roost.errors import RateLimited

REMEMBERED = 100_000
"""Keys kept, at most; the half not seen for longest is forgotten, which at most gives it full buckets again."""

MINUTE = 60.0
LATEST = MINUTE + 1e-6
"""Seconds from now at which a bucket may be full; more than a minute by what a clock's floating point may lack, so that
who comes back exactly when told is let in."""


class RateLimit:
    """`per_minute` for each key, all of them at once if saved up; 0 sets no limit. `clock` gives seconds."""

    def __init__(self, per_minute: int, clock: Callable[[], float], what: str) -> None:
        self._per_minute = per_minute
        self._cost = MINUTE / per_minute if per_minute else 0.0
        self._clock = clock
        self._what = what
        self._full_at: dict[Hashable, float] = {}
        self._full_at_before: dict[Hashable, float] = {}
        """Those not seen since the other has grown to half of what is kept."""

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return self._per_minute > 0

    def take(self, key: Hashable) -> None:
        """Takes one. Raises `RateLimited`, whose `retry_after` (s) tells when the next is due."""
        if self._per_minute:
            self.take_at(key, self._clock())

    def take_at(self, key: Hashable, now: float) -> None:
        """The same, where the time is known and the limit is on."""
        full_at = self._full_at.get(key)
        if full_at is None:
            full_at = self._recall(key)
        full_at = (full_at if full_at > now else now) + self._cost  # noqa: FURB136 - a third of the time of max()
        if full_at > now + LATEST:
            early = math.ceil((full_at - now - MINUTE) * 1000) / 1000
            raise RateLimited(f"Too fast: at most {self._per_minute} {self._what} a minute.", retry_after=early)
        self._full_at[key] = full_at

    def give_back(self, key: Hashable) -> None:
        """Undoes a `take` of just now."""
        if key in self._full_at:
            self._full_at[key] -= self._cost

    def _recall(self, key: Hashable) -> float:
        """When a bucket will be full that was not seen for some time, or never."""
        full_at = self._full_at_before.pop(key, -math.inf)
        if len(self._full_at) >= REMEMBERED // 2:
            self._full_at, self._full_at_before = {}, self._full_at
        self._full_at[key] = full_at
        return full_at
