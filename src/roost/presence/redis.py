"""Presence of all nodes, in Redis (A12, D3).

- `online:user:{user_id}`, a hash: node -> when the user was last heard of there (ms). It expires after `presence.ttl`
  without a renewal. A user is online while one of its fields is younger than that: a node that was killed takes
  nothing back, and its fields grow old.
- `seen:user:{user_id}`: when the user was last heard of anywhere (ms), for `SEEN_FOR`.

A node keeps its own users in memory as well. That answers while Redis is away, and says who is to be there again when
it is back. It is also the more exact: in Redis a lease is renewed after a part of its time (`OFTEN`), not whenever
something is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping

from roost.db.redis import RedisAway, RedisServer, Script
from roost.presence.memory import MemoryPresence
from roost.protocol.frames import Online

SEEN_FOR = 30 * 86400
"""Seconds for which it is remembered when a user was last seen."""
OFTEN = 5
"""A lease is renewed in Redis when that part (1/5) of it is over."""
TOGETHER = 500
"""Users renewed by one script: a millisecond or two, in which nobody else is served."""
MAX_OWED = 10_000
"""Users who have left and may be in Redis still, for when it is back. The leases of more end by themselves."""

RENEW = Script("""
    for i = 1, #KEYS, 2 do
        local heard = redis.call('HGETALL', KEYS[i])
        for field = 1, #heard, 2 do
            if tonumber(heard[field + 1]) <= ARGV[2] - ARGV[3] then redis.call('HDEL', KEYS[i], heard[field]) end
        end
        redis.call('HSET', KEYS[i], ARGV[1], ARGV[2])
        redis.call('PEXPIRE', KEYS[i], ARGV[3])
        redis.call('SET', KEYS[i + 1], ARGV[2], 'EX', ARGV[4])
    end""")
"""`online:` and `seen:` of each user; node, now, ttl (ms), SEEN_FOR. Fields of nodes that are gone go, too."""

LEAVE = Script("""
    local others = {}
    for i = 1, #KEYS, 2 do
        redis.call('HDEL', KEYS[i], ARGV[1])
        redis.call('SET', KEYS[i + 1], ARGV[2], 'EX', ARGV[4])
        others[#others + 1] = 0
        for _, heard in ipairs(redis.call('HVALS', KEYS[i])) do
            if tonumber(heard) > ARGV[2] - ARGV[3] then others[#others] = others[#others] + 1 end
        end
    end
    return others""")
"""The same keys and values; answers at how many other nodes each user is."""


class RedisPresence:
    """Implements `roost.presence.contract.Presence` for the node called `node`. `ttl` in seconds, `clock` in ms."""

    def __init__(self, redis: RedisServer, node: str, ttl: float, clock: Callable[[], int]) -> None:
        """Made before `redis` runs: it is told when that is back."""
        self._redis = redis
        self._node = node
        self._ttl = int(ttl * 1000)
        self._clock = clock
        self._own = MemoryPresence(ttl, clock)
        self._renewed: dict[str, int] = {}
        """When the lease of each user of this node was last renewed in Redis."""
        self._owed: set[str] = set()
        redis.returned.append(self._restore)

    async def renew(self, *user_ids: str) -> None:
        await self._own.renew(*user_ids)
        self._owed.difference_update(user_ids)
        now = self._clock()
        due = [user_id for user_id in user_ids if now - self._renewed.get(user_id, 0) >= self._ttl // OFTEN]
        await self._renew(due, now)

    async def _renew(self, user_ids: list[str], now: int) -> None:
        self._renewed |= dict.fromkeys(user_ids, now)
        pieces = [user_ids[first : first + TOGETHER] for first in range(0, len(user_ids), TOGETHER)]
        try:
            for piece in pieces:
                await self._redis.run(RENEW, _keys(piece), self._node, now, self._ttl, SEEN_FOR)
        except RedisAway:
            for user_id in user_ids:
                self._renewed.pop(user_id, None)

    async def leave(self, user_id: str) -> bool:
        await self._own.leave(user_id)
        self._renewed.pop(user_id, None)
        if len(self._owed) < MAX_OWED:
            self._owed.add(user_id)
        try:
            return not any(await self._leave([user_id]))
        except RedisAway:
            return True

    async def _leave(self, user_ids: list[str]) -> list[int]:
        """At how many other nodes each is."""
        others: list[int] = []
        for first in range(0, len(user_ids), TOGETHER):
            piece = user_ids[first : first + TOGETHER]
            others += await self._redis.run(LEAVE, _keys(piece), self._node, self._clock(), self._ttl, SEEN_FOR)
            self._owed.difference_update(piece)
        return others

    async def _restore(self) -> None:
        """Redis is there: the leases of all who are here as well, and no others of this node."""
        await self._leave(list(self._owed))
        await self._renew(self._own.here(), self._clock())

    async def close(self) -> None:
        """The node ends, and nobody is here any more."""
        with contextlib.suppress(RedisAway):
            await self._leave([*self._owed, *self._own.here()])

    async def query(self, user_ids: Iterable[str]) -> dict[str, Online]:
        names = list(dict.fromkeys(user_ids))
        own = await self._own.query(names)
        if not names:
            return own
        call = self._redis.call
        try:
            seen, *heard = await asyncio.gather(
                call("MGET", *map(_seen, names)), *(call("HGETALL", _online(name)) for name in names)
            )
        except RedisAway:
            return own
        return {
            name: self._together(own[name], nodes, int(last or 0))
            for name, nodes, last in zip(names, heard, seen, strict=True)
        }

    def _together(self, own: Online, nodes: Mapping[bytes, bytes], seen: int) -> Online:
        """What this node knows itself, and what the others have said."""
        others = [int(at) for node, at in nodes.items() if node.decode() != self._node]
        here = own.online or any(at > self._clock() - self._ttl for at in others)
        return Online(online=here, last_seen=max([seen, own.last_seen or 0, *others]) or None)


def _online(user_id: str) -> str:
    return f"online:user:{user_id}"


def _seen(user_id: str) -> str:
    return f"seen:user:{user_id}"


def _keys(user_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(key for user_id in user_ids for key in (_online(user_id), _seen(user_id)))
