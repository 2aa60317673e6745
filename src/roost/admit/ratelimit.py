"""How many in how long: a token bucket for each key (D7)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

from roost.errors import RateLimited

REMEMBERED = 100_000
"""Keys kept; the one not seen for longest is forgotten, which at most gives it a full bucket again."""

SLACK = 1e-6
"""What a clock's floating point may lack of a whole one: who comes back exactly when told is let in."""


class RateLimit:
    """`per_minute` for each key, all of them at once if saved up; 0 sets no limit. `clock` gives seconds."""

    def __init__(self, per_minute: int, clock: Callable[[], float], what: str) -> None:
        self._capacity = float(per_minute)
        self._rate = per_minute / 60
        self._clock = clock
        self._what = what
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return self._rate > 0

    def take(self, key: Hashable) -> None:
        """Takes one. Raises `RateLimited`, whose `retry_after` (s) tells when the next is due."""
        self.take_at(key, self._clock())

    def take_at(self, key: Hashable, now: float) -> None:
        """The same, where the time is known."""
        if not self._rate:
            return
        level, since = self._buckets.pop(key, (self._capacity, now))
        level = min(self._capacity, level + (now - since) * self._rate)
        allowed = level >= 1 - SLACK
        self._buckets[key] = (level - 1 if allowed else level, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = (1 - level) / self._rate
            limit = f"at most {int(self._capacity)} {self._what} a minute"
            raise RateLimited(f"Too fast: {limit}.", retry_after=math.ceil(wait * 1000) / 1000)

    def give_back(self, key: Hashable) -> None:
        """Undoes a `take` of just now."""
        if key in self._buckets:
            level, since = self._buckets[key]
            self._buckets[key] = (min(self._capacity, level + 1), since)
