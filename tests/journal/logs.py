"""Logs as plain lists, nodes that keep them in Redis as well, and what a page of one must be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from roost.config import Redis
from roost.db.redis import RedisServer
from roost.journal.contract import LogPage, Place
from roost.journal.recent import SyncState
from roost.journal.redis import RedisRecent, RedisSyncStates
from roost.model.message import Change, Entry, Message

EPOCH = "0123456789abcdef"


def message(mid: int, content: str = "hi", version: int = 1) -> Message:
    return Message(
        message_id=f"m-{mid}",
        server_msg_id=str(mid),
        conversation_id="p:ann:bob",
        conversation_seq=mid,
        sender_id="ann",
        message_type=1,
        content=content,
        create_time=1,
        server_time=2,
        version=version,
    )


def state(user: str, device: str, position: int, *, uid: int = 1, did: int = 1, marked: int = 0) -> SyncState:
    return SyncState(
        client_id=device,
        user_id=user,
        conversation_id=None,
        last_message_id=f"{position}-1",
        last_sync_at=1_700_000_000_000,
        epoch=EPOCH,
        uid=uid,
        did=did,
        marked=marked,
    )


@dataclass
class Logs:
    """What the database has: the entries of each log, the first one at seq 1."""

    entries: dict[int, list[Entry]] = field(default_factory=dict)
    mids: int = 0

    def append(self, uids: list[int], origin: int = 0, *, change: bool = False) -> tuple[Message | Change, list[Place]]:
        """A committed message or change in these logs; `origin` is a device of the first."""
        self.mids += 1
        places = []
        for place, uid in enumerate(uids):
            log = self.entries.setdefault(uid, [])
            entry = Entry(len(log) + 1, 0 if place else origin, self._what(change=change))
            entry.what.seq = entry.seq
            log.append(entry)
            places.append((uid, entry.seq))
        return self._what(change=change), places

    def _what(self, *, change: bool) -> Message | Change:
        if change:
            return Change(kind="read", conversation_id="p:ann:bob", conversation_seq=self.mids)
        return message(self.mids, f"number {self.mids}")

    def head(self, uid: int) -> int:
        return len(self.entries.get(uid, []))

    def page(self, uid: int, after: int, count: int) -> list[Entry]:
        return self.entries.get(uid, [])[after : after + count]

    def has(self, uid: int, after: int, count: int, page: LogPage | None) -> bool:
        """Whether a page is one that the database could have given some time ago: complete up to its own end."""
        if page is None:
            return True
        upto = min(after + count, page.state.head)
        return page.state.head <= self.head(uid) and page.entries == self.page(uid, after, upto - after)


class Node:
    """One node's view: its own connection."""

    def __init__(self, redis: RedisServer, recent: RedisRecent, states: RedisSyncStates) -> None:
        self.redis = redis
        self.recent = recent
        self.states = states

    async def visit(self, uid: int, logs: Logs, away: int | None = None) -> None:
        """Begins the log of a user who opens a connection."""
        begun = await self.recent.begin(uid, away)
        if begun is not None:
            self.recent.based(uid, begun, logs.head(uid))
            await self.settled()

    async def settled(self) -> None:
        """Waits until everything asked for so far is done."""
        await asyncio.gather(*self.recent._beside)
        await self.recent.page(0, 0, 1)

    async def append(self, logs: Logs, *uids: int, origin: int = 0, change: bool = False) -> None:
        what, places = logs.append(list(uids), origin, change=change)
        self.recent.add(what, places, uids[0], origin)


@contextlib.asynccontextmanager
async def node(
    url: str, *, recent: int = 1000, recent_ttl: int = 604_800, state_ttl: int = 2_592_000, alone: bool = False
) -> AsyncIterator[Node]:
    """A node that has been started on the Redis at `url`."""
    redis = RedisServer(url)
    logs = RedisRecent(redis, EPOCH, Redis(url=url, recent=recent, recent_ttl=recent_ttl), alone=alone)
    async with redis.running(), logs.running():
        yield Node(redis, logs, RedisSyncStates(redis, EPOCH, state_ttl))
