"""Presence of a single node, in its memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from roost.protocol.frames import Online

REMEMBERED = 100_000
"""Users whose last visit is remembered."""


class MemoryPresence:
    """Implements `roost.presence.contract.Presence`. `ttl` is in seconds, `clock` gives milliseconds."""

    def __init__(self, ttl: float, clock: Callable[[], int]) -> None:
        self._ttl = int(ttl * 1000)
        self._clock = clock
        self._leases: dict[str, int] = {}
        self._last_seen: OrderedDict[str, int] = OrderedDict()

    async def renew(self, user_id: str) -> None:
        self._leases[user_id] = self._saw(user_id) + self._ttl

    async def leave(self, user_id: str) -> None:
        self._leases.pop(user_id, None)
        self._saw(user_id)

    def _saw(self, user_id: str) -> int:
        now = self._last_seen[user_id] = self._clock()
        self._last_seen.move_to_end(user_id)
        if len(self._last_seen) > REMEMBERED:
            self._last_seen.popitem(last=False)
        return now

    async def query(self, user_ids: Iterable[str]) -> dict[str, Online]:
        now = self._clock()
        return {
            user_id: Online(online=self._leases.get(user_id, 0) > now, last_seen=self._last_seen.get(user_id))
            for user_id in user_ids
        }
