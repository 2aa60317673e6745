"""Presence of a single node, in its memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from roost.protocol.frames import Online

REMEMBERED = 100_000
"""Users whose last visit is remembered, besides those who are online."""


class Visit(NamedTuple):
    """When a user was last heard of, and until when that counts as being online (milliseconds)."""

    seen: int
    until: int


NEVER = Visit(0, 0)


class MemoryPresence:
    """Implements `roost.presence.contract.Presence`. `ttl` is in seconds, `clock` gives milliseconds."""

    def __init__(self, ttl: float, clock: Callable[[], int]) -> None:
        self._ttl = int(ttl * 1000)
        self._clock = clock
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    async def renew(self, *user_ids: str) -> None:
        for user_id in user_ids:
            self._heard(user_id, self._ttl)

    async def leave(self, user_id: str) -> bool:
        self._heard(user_id, 0)
        return True

    def _heard(self, user_id: str, lease: int) -> None:
        now, visits = self._clock(), self._visits
        visits[user_id] = Visit(now, now + lease)
        visits.move_to_end(user_id)  # so the one who was not heard of for longest is the first
        while len(visits) > REMEMBERED and next(iter(visits.values())).until <= now:
            visits.popitem(last=False)

    async def query(self, user_ids: Iterable[str]) -> dict[str, Online]:
        now = self._clock()
        visits = {user_id: self._visits.get(user_id, NEVER) for user_id in user_ids}
        return {
            user_id: Online(online=until > now, last_seen=seen or None) for user_id, (seen, until) in visits.items()
        }

    def here(self) -> list[str]:
        """Everybody who is online."""
        now = self._clock()
        return [user_id for user_id, visit in self._visits.items() if visit.until > now]
