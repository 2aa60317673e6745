"""How many in how long: a bucket for each key (D7).

A bucket is kept as one number, the time at which it will be full again (GCRA, the virtual scheduling of ITU-T I.371):
each take moves it on by what one costs, and no further than a minute ahead of now.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

from roost.errors import RateLimited

REMEMBERED = 100_000
"""Keys kept; the one not seen for longest is forgotten, which at most gives it a full bucket again."""

MINUTE = 60.0
SLACK = 1e-6
"""Seconds that a clock's floating point may lack: who comes back exactly when told is let in."""


class RateLimit:
    """`per_minute` for each key, all of them at once if saved up; 0 sets no limit. `clock` gives seconds."""

    def __init__(self, per_minute: int, clock: Callable[[], float], what: str) -> None:
        self._per_minute = per_minute
        self._cost = MINUTE / per_minute if per_minute else 0.0
        self._clock = clock
        self._what = what
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

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
        full_at = self._full_at.get(key, now)
        full_at = max(full_at, now)
        full_at += self._cost
        early = full_at - now - MINUTE
        if early > SLACK:
            self._full_at.move_to_end(key)
            limit = f"at most {self._per_minute} {self._what} a minute"
            raise RateLimited(f"Too fast: {limit}.", retry_after=math.ceil(early * 1000) / 1000)
        self._full_at[key] = full_at
        if len(self._full_at) > REMEMBERED // 2:  # the order has no meaning yet while there is much room
            self._full_at.move_to_end(key)
            if len(self._full_at) > REMEMBERED:
                self._full_at.popitem(last=False)

    def give_back(self, key: Hashable) -> None:
        """Undoes a `take` of just now."""
        if key in self._full_at:
            self._full_at[key] -= self._cost
