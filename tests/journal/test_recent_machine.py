"""The recent log against the log it copies: whatever nodes add, lose and reorder, whatever Redis forgets, a page is
what the database has, or there is none (`roost.journal.recent`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from redis import Redis

from roost.journal import redis as adapter
from roost.journal.contract import Place
from roost.model.message import Change, Message
from tests.journal.logs import Logs, Node, node
from tests.servers.redis import RedisProcess

T = TypeVar("T")

USERS = (1, 2)
DEVICES = (0, 7)
LENGTH = 100

ANY = st.integers(0, 1000)
BACK = st.one_of(st.integers(0, 8), st.integers(0, 130))
users = st.sampled_from(USERS)
nodes = st.sampled_from((0, 1))


class RecentMachine(RuleBasedStateMachine):
    """Two nodes, of which each has committed what it has not handed to Redis yet (`held`)."""

    server: ClassVar[RedisProcess]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.logs = Logs()
        self.nodes: list[Node] = []
        self.ends: list[contextlib.AsyncExitStack] = []
        self.held: tuple[deque[Any], deque[Any]] = (deque(), deque())
        self.begun: list[tuple[int, int, str, int]] = []
        self.lost: set[int] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def start(self) -> None:
        with self.server.look() as client:
            client.flushall()
        for _ in range(2):
            self.nodes.append(self.run(self._started()))
        for uid in USERS:
            self.visit(0, uid)

    async def _started(self) -> Node:
        stack = contextlib.AsyncExitStack()
        self.ends.append(stack)
        return await stack.enter_async_context(node(self.server.url(), recent=LENGTH))

    @rule(at=nodes, to=st.sets(users, min_size=1), origin=st.sampled_from(DEVICES), change=st.booleans())
    def commit(self, at: int, to: set[int], origin: int, change: bool) -> None:
        uids = list(to)
        self.held[at].append((*self.logs.append(uids, origin, change=change), uids[0], origin))

    @rule(at=nodes, count=st.integers(1, 120))
    def commit_many(self, at: int, count: int) -> None:
        for _ in range(count):
            self.commit(at, {1}, 0, change=False)

    @rule(at=nodes)
    def hand_over(self, at: int) -> None:
        """What the other node holds comes later, though it may have been committed before."""
        self.run(self._hand_over(at))

    async def _hand_over(self, at: int) -> None:
        while self.held[at]:
            self.nodes[at].recent.add(*self.held[at].popleft())
        await self.nodes[at].settled()

    @rule(at=nodes, uid=users)
    def begin(self, at: int, uid: int) -> None:
        begun = self.run(self.nodes[at].recent.begin(uid, None))
        if begun is not None:
            self.begun.append((at, uid, begun, self.logs.head(uid)))

    @rule()
    def based(self) -> None:
        for at, uid, begun, head in self.begun:
            self.run(self._based(at, uid, begun, head))
        self.begun.clear()

    async def _based(self, at: int, uid: int, begun: str, head: int) -> None:
        self.nodes[at].recent.based(uid, begun, head)
        await self.nodes[at].settled()

    @rule(at=nodes, uid=users)
    def visit(self, at: int, uid: int) -> None:
        self.begin(at, uid)
        self.based()

    @rule(
        at=nodes, what=st.sampled_from(["fail", "die", "empty", "generation", "log", "base", "msg", "trim"]), which=ANY
    )
    def mishap(self, at: int, what: str, which: int) -> None:
        """One rule for all of them, so that most of the time nothing happens."""
        if what == "fail":
            self.run(self._fail(at))
        elif what == "die":
            self.run(self._die(at))
        else:
            with self.server.look() as client:
                self._forget(client, what, which)

    async def _fail(self, at: int) -> None:
        """What the node holds can't be added, and it knows."""
        self.held[at].clear()
        recent = self.nodes[at].recent
        recent._distrust("a test")
        async with asyncio.timeout(20):
            while not recent._trusted:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    async def _die(self, at: int) -> None:
        """The node is killed and started again; nobody knows what it held."""
        self.lost.update(uid for _, places, *_ in self.held[at] for uid, _ in places)
        self.held[at].clear()
        self.begun = [one for one in self.begun if one[0] != at]
        await self.ends[at].aclose()
        self.nodes[at] = await self._started()
        self.ends[at] = self.ends.pop()

    def _forget(self, client: Redis, what: str, which: int) -> None:
        """Something is evicted, expires, or is trimmed."""
        if what == "empty":
            client.flushall()
            return
        keys = sorted(client.keys(f"roost:{'log' if what == 'trim' else what}*"))
        if not keys:
            return
        if what == "trim":
            client.xtrim(keys[which % len(keys)], which % 20, approximate=False)
        else:
            client.delete(keys[which % len(keys)])

    @rule(at=nodes, uid=users, back=BACK, count=st.integers(1, 150))
    def page(self, at: int, uid: int, back: int, count: int) -> None:
        head = self.logs.head(uid)
        after = max(0, head - back)
        page = self.run(self.nodes[at].recent.page(uid, after, count))
        if page is None:
            return
        assert page.state.head <= head
        upto = min(after + count, page.state.head)
        assert page.entries == self.logs.page(uid, after, upto - after)
        if not self._not_there_yet(uid):
            assert page.state.head == head

    @rule(at=nodes, uid=users, back=BACK, did=st.sampled_from((7, 8)))
    def stand(self, at: int, uid: int, back: int, did: int) -> None:
        position = max(0, self.logs.head(uid) - back)
        standing = self.run(self.nodes[at].recent.standing(uid, did, position, None))
        if standing is None:
            return
        waiting = [
            entry.seq
            for entry in self.logs.page(uid, position, standing.head - position)
            if isinstance(entry.what, Message) and entry.origin != did
        ]
        assert standing.position == (waiting[0] - 1 if waiting else standing.head)

    def _not_there_yet(self, uid: int) -> bool:
        held: list[tuple[Message | Change, list[Place]]] = [(one[0], one[1]) for some in self.held for one in some]
        return uid in self.lost or any(owner == uid for _, places in held for owner, _ in places)

    def teardown(self) -> None:
        for stack in self.ends:
            self.run(stack.aclose())
        self.runner.close()


def test_a_page_is_what_the_database_has_or_there_is_none(
    redis_server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PAUSE", 0.0)
    machine = type("Machine", (RecentMachine,), {"server": redis_server})
    run_state_machine_as_test(machine)  # type: ignore[no-untyped-call]
