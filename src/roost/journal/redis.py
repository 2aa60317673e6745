"""`roost.journal.recent` on Redis (7 or newer; no Redis Cluster: the scripts make the names of their keys).

| key | |
|---|---|
| `roost:generation` | a number; what was kept under another one is not read any more, and expires |
| `roost:run` | the run of the Redis server that the generation was made in |
| `roost:log:{epoch}:{generation}:{uid}` | Stream: entries `{seq}-1` with `m` mid or `c` JSON, and `o` origin |
| `roost:base:{epoch}:{generation}:{uid}` | the seq behind which the Stream is complete; `?...` until that is known |
| `roost:msg:{epoch}:{mid}` | a message, JSON, once however many logs it is in |
| `client:sync:{user_id}:{device_id}` | a sync state, JSON (B2) |

**Order.** One batch of entries is under way at a time, and who reads waits for what was added before. Two nodes may
still arrive out of order: an entry that comes too late for `XADD` is put in its place, if that is not far from the end.

**Generation.** It is counted up when Redis was restarted, whose memory may be of some time ago, and after whatever
could not be added. From the moment in which that is asked for, entries are held until it is done. Before it they are
dropped: a log of the new generation is begun after it, from a database that has them.

**Age.** A Stream expires when its user stays away (`kept_for`). A message does after `redis.recent_ttl`, and no page
is served without its messages, so no Stream need be trimmed by time.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from roost.config import Redis as Settings
from roost.db.redis import PATIENCE, RedisAway, RedisServer, Script
from roost.journal import lua
from roost.journal.contract import LogPage, LogState, Place
from roost.journal.recent import SHORTEST, Standing, SyncState, kept_for
from roost.model.message import Change, Entry, Message
from roost.protocol.codec import encode_json

GENERATION = "roost:generation"
RUN = "roost:run"

PIECE = 2000
"""Places in one call, or few more: some milliseconds of Redis."""
MAX_WAITING = 100_000
"""Places that wait to be added; beyond it all is dropped."""
SOON = 10_000
"""Places that who reads waits for; where more are to be added, the database is quicker."""
PAUSE = 1.0
"""Seconds until what Redis refused is tried again."""
STATES = 500
"""Sync states saved in one call."""

RENEW, ADD, BEGIN, BASED, STANDING, PAGE, DROP, SAVE = map(
    Script, (lua.RENEW, lua.ADD, lua.BEGIN, lua.BASED, lua.STANDING, lua.PAGE, lua.DROP, lua.SAVE)
)

_message = msgspec.json.Decoder(Message).decode
_change = msgspec.json.Decoder(Change).decode
_state = msgspec.json.Decoder(SyncState).decode
_pack = msgspec.msgpack.Encoder().encode

logger = structlog.get_logger()


class _Added(NamedTuple):
    what: Message | Change
    places: Sequence[Place]
    author_uid: int
    origin: int


class RedisRecent:
    """The recent logs. Runs inside `running`."""

    def __init__(self, redis: RedisServer, epoch: str, settings: Settings, *, alone: bool = False) -> None:
        """`alone`: nobody watches the heads, and what it did not add before it was killed would not be found."""
        self._redis = redis
        self._epoch = epoch
        self._length = settings.recent
        self._longest = settings.recent_ttl
        self._waiting: deque[_Added | asyncio.Future[None]] = deque()
        self._places = 0
        self._called = asyncio.Event()
        self._sending = False
        self._taking = False
        """Whether what is committed is kept: from the moment in which a generation is asked for."""
        self._trusted = False
        """Whether the generation is one to which this node has added all that it had to."""
        self._left_out = alone
        """Whether something was committed here and not added: nothing of before is to be trusted."""
        self._beside: set[asyncio.Task[Any]] = set()
        redis.returned.insert(0, self._renew)  # before anybody asks what was there before

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[RedisRecent]:
        """Adds what is committed until the block ends, and then what is left."""
        sending = asyncio.create_task(self._send_forever())
        if self._redis.up:
            await self._renew()
        try:
            yield self
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._written()
            sending.cancel()
            await asyncio.gather(sending, *self._beside, return_exceptions=True)
            self._taking = self._trusted = False
            self._drop_waiting()

    # --- adding ---

    def add(self, what: Message | Change, places: Sequence[Place], author_uid: int, origin: int) -> None:
        if not self._taking:
            self._left_out = True
            return
        self._places += len(places)
        if self._places > MAX_WAITING:
            self._distrust("too much waits for Redis")
            return
        for first in range(0, len(places), PIECE):
            self._waiting.append(_Added(what, places[first : first + PIECE], author_uid, origin))
        self._called.set()

    async def _written(self) -> None:
        """Waits until what was added before is in Redis, or given up."""
        if self._waiting or self._sending:
            written = asyncio.get_running_loop().create_future()
            self._waiting.append(written)
            self._called.set()
            await written

    async def _send_forever(self) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            if not self._taking and self._redis.up:  # it refused something
                await asyncio.sleep(PAUSE)
                if not self._taking:
                    await self._renew()
            while self._waiting and self._trusted:
                await self._send()

    async def _send(self) -> None:
        added: list[_Added] = []
        written: list[asyncio.Future[None]] = []
        places = 0
        while self._waiting and places < PIECE:
            one = self._waiting.popleft()
            if isinstance(one, _Added):
                added.append(one)
                places += len(one.places)
            else:
                written.append(one)
        self._places -= places
        self._sending = True
        try:
            if added:
                text = _pack([_packed(one) for one in added])
                if not await self._run(ADD, self._length, self._longest, text):
                    self._distrust("Redis has forgotten the generation")
        except RedisAway as error:
            self._distrust(str(error))
        except Exception:
            logger.exception("the recent logs can't be added to")
            self._distrust("a fault")
        finally:
            self._sending = False
            _tell(written)

    def _distrust(self, reason: str) -> None:
        """Something could not be added: what was kept before is not complete."""
        if self._taking:
            logger.warning("the recent logs are begun anew", step="add to the recent log", reason=reason)
        self._taking = self._trusted = False
        self._left_out = True
        self._drop_waiting()
        self._called.set()

    def _drop_waiting(self) -> None:
        _tell([one for one in self._waiting if not isinstance(one, _Added)])
        self._waiting.clear()
        self._places = 0

    async def _renew(self) -> None:
        """Redis is there, perhaps again: the generation that counts from now on."""
        left_out, self._left_out = self._left_out, False
        self._taking, self._trusted = True, False
        try:
            run = await self._run_of_redis()
            await self._redis.run(RENEW, (GENERATION, RUN), self._epoch, run, int(left_out))
        except RedisAway as error:
            self._distrust(str(error))
        else:
            self._trusted = self._taking
            self._called.set()

    async def _run_of_redis(self) -> bytes:
        """What names this run of the server; something new where that can't be known."""
        try:
            found = re.search(rb"run_id:(\w+)", await self._redis.call("INFO", "server"))
        except RedisAway:
            found = None
        return found[1] if found else secrets.token_hex(8).encode()

    # --- reading ---

    async def begin(self, uid: int, away: int | None) -> str | None:
        seconds = kept_for(away, self._longest)
        begun = await self._ask("begin the recent log", BEGIN, uid, seconds, f"?{secrets.token_hex(8)}")
        return begun.decode() if begun else None

    def based(self, uid: int, begun: str, head: int) -> None:
        task = asyncio.create_task(self._ask("begin the recent log", BASED, uid, begun, head))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def standing(self, uid: int, did: int, position: int, away: int | None) -> Standing | None:
        seconds = kept_for(away, self._longest)
        found = await self._ask("find its place in the recent log", STANDING, uid, did, position, seconds)
        return Standing(_seq(found[0]), _seq(found[1])) if found else None

    async def page(self, uid: int, after: int, count: int) -> LogPage | None:
        found = await self._ask("read the recent log", PAGE, uid, after, count)
        if not found:
            return None
        head, *parts = found
        rows = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        try:
            entries = [_entry(seq, *row) for seq, row in enumerate(rows, after + 1)]
        except msgspec.MsgspecError:
            logger.exception("recovery goes on without Redis", step="read the recent log")
            return None
        return LogPage(entries, LogState(_seq(head), 0))

    async def drop(self, uid: int, unless: int) -> None:
        await self._ask("drop the recent log", DROP, uid, unless)

    async def _ask(self, step: str, script: Script, *arguments: Any) -> Any:
        """A script's answer after all that was added before; None where there is none."""
        if self._places > SOON:
            return None
        await self._written()
        if not (self._trusted and self._redis.up):
            return None
        try:
            return await self._run(script, *arguments)
        except RedisAway as error:
            logger.warning("recovery goes on without Redis", step=step, reason=str(error))
            return None

    async def _run(self, script: Script, *arguments: Any) -> Any:
        return await self._redis.run(script, (GENERATION,), self._epoch, *arguments)


class RedisSyncStates:
    """The sync states. `ttl` in seconds."""

    def __init__(self, redis: RedisServer, epoch: str, ttl: int) -> None:
        self._redis = redis
        self._epoch = epoch
        self._ttl = ttl

    async def fetch(self, user_id: str, device_id: str) -> SyncState | None:
        if not self._redis.up:
            return None
        try:
            found = await self._redis.call("GET", _key(user_id, device_id))
            state = _state(found) if found else None
        except (RedisAway, msgspec.MsgspecError) as error:
            logger.warning("recovery goes on without Redis", step="fetch the sync state", reason=str(error))
            return None
        return state if state is not None and state.epoch == self._epoch else None

    async def save(self, states: Sequence[SyncState]) -> bool:
        if not self._redis.up:
            return False
        try:
            for first in range(0, len(states), STATES):
                text = _pack([_packed_state(one) for one in states[first : first + STATES]])
                await self._redis.run(SAVE, (GENERATION,), self._epoch, self._ttl, SHORTEST, text)
        except RedisAway as error:
            logger.warning("saving goes on without Redis", step="save the sync state", reason=str(error))
            return False
        return True


def _packed(one: _Added) -> tuple[str, int, str, list[tuple[int, int, int]]]:
    what = one.what
    mid, version = (what.server_msg_id, what.version) if isinstance(what, Message) else ("", 1)
    places = [(uid, seq, one.origin if uid == one.author_uid else 0) for uid, seq in one.places]
    return mid, version, encode_json(what).decode(), places


def _packed_state(state: SyncState) -> tuple[str, int, int, int, str]:
    text = encode_json(msgspec.structs.replace(state, marked=0)).decode()  # Redis knows no MessagePack with bytes
    return _key(state.user_id, state.client_id), state.uid, state.position, state.marked, text


def _entry(seq: int, field: bytes, text: bytes, origin: bytes) -> Entry:
    what: Message | Change = _message(text) if field == b"m" else _change(text)
    what.seq = seq
    return Entry(seq, int(origin), what)


def _seq(stream_id: bytes) -> int:
    return int(stream_id.partition(b"-")[0])


def _key(user_id: str, device_id: str) -> str:
    return f"client:sync:{user_id}:{device_id}"


def _tell(written: list[asyncio.Future[None]]) -> None:
    for future in written:
        if not future.done():
            future.set_result(None)
