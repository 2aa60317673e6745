"""How long to wait before the next attempt: exponential back-off with full jitter (D8)."""

from __future__ import annotations

import random

BASE, CAP = 0.5, 30.0
"""Seconds: the upper bound of the first wait, and of any."""
MAX_DOUBLINGS = 10


def delay(attempt: int, chance: random.Random, *, at_least: float | None = None, base: float = BASE) -> float:
    """Seconds before attempt number `attempt` (0 is the first after a loss).

    Uniform between 0 and a bound that doubles: clients that lost their server at one moment come back spread out.
    A server's hint (`at_least`, seconds) is kept to, and spread out as well.
    """
    bound = min(CAP, base * 2 ** min(attempt, MAX_DOUBLINGS))
    waited = chance.uniform(0, bound)
    return waited if at_least is None else at_least + waited
