"""The bus on Redis: a Stream for each node, and a set of what each node wants to hear of.

- `roost:nodes:{epoch}`, a sorted set: the nodes of this deployment and when their leases end (ms, by Redis' own clock).
- `roost:at:{node}`, a set: the topics that the node has joined.
- `roost:bus:{node}`, a Stream: the hints for it, read by the consumer group `node`. An entry of the Stream is a batch
  of hints, `head, body, head, body ...`; a head is a kind, what belongs to it, and the places that concern the node.

What is published in one turn of the event loop, or while the batch before it is on its way, leaves as one batch: one
script looks for each node which of the topics are there, and gives it these hints in one entry.

A node that is not heard of for `LEASE` is told nothing more, and its keys expire by themselves. One that finds itself
forgotten (Redis was emptied, or did not answer) puts itself back, and looks at the heads of its logs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from roost import metrics
from roost.db.redis import RedisAway, RedisServer, Script
from roost.deliver.bus import Heard, Notice, Topic
from roost.deliver.hub import Hub
from roost.protocol.codec import encode_json
from roost.protocol.encoded import EncodedEntry, ReceivedEntry

LEASE = 5.0
"""Seconds after which a node that is not heard of counts as gone."""
BEAT = 1.0
"""Seconds between two renewals of the lease."""
EXPIRY = 60.0
"""Seconds after which a node's keys are gone with it."""
MAX_LENGTH = 1000
"""Batches in a node's Stream, about: what a node does not read is dropped, and found by its watch."""
BATCH = 500
"""Hints in one batch at most: Lua takes some thousands of arguments."""
BATCH_PLACES = 5000
"""Places in one batch, beyond which no further hint is added: a script of some milliseconds holds everybody up."""
MAX_QUEUED = 200_000
"""Hints and places that wait to be published; beyond it hints are dropped instead of filling the memory."""
READ = 20
"""Batches read at once."""
BLOCK_MS = 1000
"""Milliseconds that reading waits for hints: below the patience with a Redis that does not answer."""
JOIN_PATIENCE = 0.5
"""Seconds that one who comes waits for Redis, when it has just stopped answering."""
PIECE = 1000
"""Topics in one command."""

MESSAGE, CHANGE, NOTICE, LOOK = b"m", b"c", b"n", b"l"
"""The kinds of hints. A node passes over those it does not know: they are of a later version."""
HERE = "here"
"""Always in the set of topics, which thereby exists."""

_TIME = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000) "

PUBLISH = Script(
    _TIME
    + """
    local me, longest, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
    local first = 3 + 3 * count
    local total = (#ARGV - first) / 2
    for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do if node ~= me then
        local here = {}
        for from = 1, total, 4000 do
            local upto = math.min(from + 3999, total)
            local found = redis.call('SMISMEMBER', 'roost:at:' .. node, unpack(ARGV, first + from, first + upto))
            for i = 1, #found do here[from + i - 1] = found[i] end
        end
        local fields, place = {}, 0
        for hint = 1, count do
            local head, body, places = ARGV[3 * hint + 1], ARGV[3 * hint + 2], tonumber(ARGV[3 * hint + 3])
            local parts = {head}
            for i = place + 1, place + places do if here[i] == 1 then
                parts[#parts + 1] = ARGV[first + i]
                parts[#parts + 1] = ARGV[first + total + i]
            end end
            place = place + places
            if places == 0 or #parts > 1 then
                fields[#fields + 1] = table.concat(parts, ' ')
                fields[#fields + 1] = body
            end
        end
        if #fields > 0 then
            redis.call('XADD', 'roost:bus:' .. node, 'NOMKSTREAM', 'MAXLEN', '~', longest, '*', unpack(fields))
        end
    end end"""
)
"""Nodes; me, MAX_LENGTH, how many hints, each: head, body, how many places (0: for all nodes); all topics; all seqs."""

OPEN = Script("redis.pcall('XGROUP', 'CREATE', KEYS[1], 'node', '0', 'MKSTREAM')")
"""The node's Stream; which may be there."""

RENEW = Script(
    _TIME
    + """
    local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
    local known = lease and tonumber(lease) >= now and redis.call('EXISTS', KEYS[3]) == 1
    if ARGV[4] == 'renew' and not known then return false end
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    redis.call('PEXPIRE', KEYS[3], ARGV[3])
    return {redis.call('SCARD', KEYS[2]), redis.call('ZRANGE', KEYS[1], 0, -1)}"""
)
"""Nodes, topics, Stream; me, LEASE and EXPIRY in ms, `enter` or `renew`: how many topics it has, and who is there.

Nothing for one that wants to renew and was forgotten."""

logger = structlog.get_logger()

_decode_notice = msgspec.json.Decoder(Notice).decode


class _Hint(NamedTuple):
    head: bytes
    entry: EncodedEntry | bytes
    places: Sequence[tuple[Topic, int]]


_ALL_LOOK = _Hint(LOOK, b"", ())


class RedisBus:
    """Implements `roost.deliver.bus.Bus` for the node called `node` of the deployment with this `epoch`."""

    def __init__(self, redis: RedisServer, hub: Hub, node: str, epoch: str) -> None:
        self.heard: Heard = lambda _notice, _uids: None
        self.look: Callable[[], None] = lambda: None
        self._redis = redis
        self._hub = hub
        self._node = node
        self._nodes, self._at, self._stream = f"roost:nodes:{epoch}", f"roost:at:{node}", f"roost:bus:{node}"
        self._topics: set[Topic] = set()
        self._left: set[Topic] = set()
        self._others: set[bytes] = set()
        self._entered = asyncio.Event()
        self._queue: deque[_Hint] = deque()
        self._size = 0
        self._queued = asyncio.Event()
        self._lost = False
        self._ending = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[RedisBus]:
        """Is on the bus until the block ends; then it publishes what is left, and leaves."""
        self._redis.returned.append(self._enter)
        publishing = asyncio.create_task(self._publish_forever())
        others = [asyncio.create_task(self._listen_forever()), asyncio.create_task(self._beat_forever())]
        try:
            if self._redis.up:
                with contextlib.suppress(RedisAway):
                    await self._enter()
            yield self
        finally:
            self._ending = True
            self._queued.set()
            for task in others:
                task.cancel()
            await asyncio.wait({publishing}, timeout=JOIN_PATIENCE)
            publishing.cancel()
            await asyncio.gather(publishing, *others, return_exceptions=True)
            self._redis.returned.remove(self._enter)
            with contextlib.suppress(RedisAway):
                await asyncio.gather(
                    self._redis.call("ZREM", self._nodes, self._node), self._redis.call("DEL", self._at, self._stream)
                )

    # --- what this node wants to hear of ---

    @property
    def up(self) -> bool:
        return self._redis.up and self._entered.is_set()

    async def join(self, *topics: Topic) -> None:
        self._topics.update(topics)
        with contextlib.suppress(RedisAway, TimeoutError):
            async with asyncio.timeout(JOIN_PATIENCE):
                await self._redis.call("SADD", self._at, *topics)

    def leave(self, *topics: Topic) -> None:
        self._topics.difference_update(topics)
        self._left.update(topics)  # taken out with the next beat, if nobody has come back until then

    async def _enter(self) -> None:
        """Puts the node on the bus, with all it wants to hear of. What was there for it before is not trusted."""
        await self._redis.run(OPEN, (self._stream,))
        call, topics = self._redis.call, [HERE, *self._topics]
        self._left.clear()
        pieces = [topics[first : first + PIECE] for first in range(0, len(topics), PIECE)]
        await asyncio.gather(call("DEL", self._at), *(call("SADD", self._at, *piece) for piece in pieces))
        await self._renew("enter")
        self._entered.set()
        self.look()
        if self._lost:
            self._lost = False
            self._put(_ALL_LOOK)

    async def _renew(self, how: str) -> bool:
        """Whether all is as it should be."""
        wanted = len(self._topics) + 1
        keys, times = (self._nodes, self._at, self._stream), (int(LEASE * 1000), int(EXPIRY * 1000))
        found = await self._redis.run(RENEW, keys, self._node, *times, how)
        if found is None:
            return False
        topics, nodes = found
        others = set(nodes) - {self._node.encode()}
        if self._others - others:
            self.look()
        self._others = others
        metrics.NODES.set(len(nodes))
        return bool(topics >= wanted)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._beat()
            except RedisAway:
                metrics.NODES.set(0)
            except Exception:
                logger.exception("the lease on the bus could not be renewed")

    async def _beat(self) -> None:
        gone = list(self._left - self._topics)
        self._left.clear()
        for first in range(0, len(gone), PIECE):
            await self._redis.call("SREM", self._at, *gone[first : first + PIECE])
        if not (self._entered.is_set() and await self._renew("renew")):
            await self._enter()

    # --- out ---

    def publish(self, entry: EncodedEntry, places: Sequence[tuple[int, int]], author: int, origin: int) -> None:
        kind = MESSAGE if entry.is_message else CHANGE
        self._put(_Hint(b"%b %d %d" % (kind, author, origin), entry, places))

    def tell(self, notice: Notice, topics: Iterable[Topic] | None) -> None:
        places = [] if topics is None else [(topic, 0) for topic in topics]
        if places or topics is None:
            self._put(_Hint(NOTICE, encode_json(notice), places))

    def _put(self, hint: _Hint) -> None:
        if not self._redis.up or self._size >= MAX_QUEUED:
            self._drop(1)
            return
        self._size += 1 + len(hint.places)
        self._queue.append(hint)
        self._queued.set()

    def _drop(self, hints: int) -> None:
        metrics.BUS_DROPPED.inc(hints)
        self._lost = True

    async def _publish_forever(self) -> None:
        while self._queue or not self._ending:
            await self._queued.wait()
            self._queued.clear()
            while self._queue:
                batch = self._take()
                try:
                    await self._redis.run_apart(PUBLISH, (self._nodes,), *self._arguments(batch))
                except RedisAway:
                    self._drop(len(batch))
                except Exception:
                    logger.exception("hints could not be published")
                    self._drop(len(batch))
                else:
                    metrics.BUS_PUBLISHED.inc(len(batch))

    def _take(self) -> list[_Hint]:
        """The next hints; before them, where some were lost, that everybody is to look."""
        batch: list[_Hint] = []
        if self._lost:
            self._lost = False
            batch.append(_ALL_LOOK)
        places = 0
        while self._queue and len(batch) < BATCH and places < BATCH_PLACES:
            hint = self._queue.popleft()
            places += len(hint.places)
            self._size -= 1 + len(hint.places)
            batch.append(hint)
        return batch

    def _arguments(self, batch: list[_Hint]) -> list[Any]:
        arguments: list[Any] = [self._node, MAX_LENGTH, len(batch)]
        for head, entry, places in batch:
            arguments += (head, entry if isinstance(entry, bytes) else entry.body, len(places))
        arguments += [topic for hint in batch for topic, _ in hint.places]
        arguments += [seq for hint in batch for _, seq in hint.places]
        return arguments

    # --- in ---

    async def _listen_forever(self) -> None:
        group = ("GROUP", "node", "node", "COUNT", READ, "BLOCK", BLOCK_MS, "NOACK")
        while not self._ending:  # see `RedisServer`: a cancellation may be swallowed
            await self._entered.wait()
            try:
                found = await self._redis.block("XREADGROUP", *group, "STREAMS", self._stream, ">")
            except RedisAway:
                self._entered.clear()  # until it has returned
                continue
            for batches in (found or {}).values():
                for _, hints in batches:
                    self._hear(hints)
                    await asyncio.sleep(0)  # what is here for its own users comes in between

    def _hear(self, hints: Sequence[bytes]) -> None:
        for head, body in zip(hints[::2], hints[1::2], strict=True):
            try:
                self._hear_one(head.split(), body)
            except Exception:
                logger.exception("a hint of another node can't be read", head=head[:100])
        metrics.BUS_RECEIVED.inc(len(hints) // 2)

    def _hear_one(self, head: list[bytes], body: bytes) -> None:
        kind = head[0]
        if kind in {MESSAGE, CHANGE}:
            author, origin, *places = map(int, head[1:])
            entry = ReceivedEntry(body, is_message=kind == MESSAGE)
            at = zip(places[::2], places[1::2], strict=True)
            metrics.DELIVERIES.count += self._hub.announce(entry, at, author, origin, None)
        elif kind == NOTICE:
            self.heard(_decode_notice(body), [int(topic) for topic in head[1::2] if topic.isdigit()])
        elif kind == LOOK:
            self.look()
