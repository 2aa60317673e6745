"""What `roost.presence.contract` guarantees, on every kind of presence: leases that end by themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.db.redis import RedisServer
from roost.presence import memory
from roost.presence.contract import Presence
from roost.presence.memory import MemoryPresence
from roost.presence.redis import RedisPresence
from tests.rooms import Clock
from tests.servers.redis import RedisProcess

TTL = 300.0
USERS = ("ann", "bob", "cat")

Kind = Callable[[Clock], AbstractAsyncContextManager[Presence]]


@contextlib.asynccontextmanager
async def in_memory(clock: Clock) -> AsyncIterator[Presence]:
    yield MemoryPresence(TTL, clock)


@contextlib.asynccontextmanager
async def in_redis(process: RedisProcess, clock: Clock, node: str = "here") -> AsyncIterator[RedisPresence]:
    redis = RedisServer(process.url())
    presence = RedisPresence(redis, node, TTL, clock)
    async with redis.running():
        yield presence


@pytest.fixture(params=["memory", "redis"], scope="session")
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of presence that the suite runs on; each made is empty."""
    if request.param == "memory":
        return in_memory
    process: RedisProcess = request.getfixturevalue("redis_for_all")

    def empty(clock: Clock) -> AbstractAsyncContextManager[Presence]:
        with process.look() as client:
            client.flushall()
        return in_redis(process, clock)

    return empty


@pytest.fixture
async def presence(kind: Kind, clock: Clock) -> AsyncIterator[Presence]:
    async with kind(clock) as made:
        yield made


async def online(presence: Presence, user_id: str) -> bool:
    return (await presence.query([user_id]))[user_id].online


async def test_who_was_never_here_is_offline_and_was_never_seen(presence: Presence) -> None:
    state = (await presence.query(["ann"]))["ann"]
    assert not state.online
    assert state.last_seen is None


async def test_who_renews_is_online_and_was_seen_now(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    state = (await presence.query(["ann"]))["ann"]
    assert state.online
    assert state.last_seen == clock.now


async def test_a_lease_lasts_its_time(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    clock.pass_(seconds=TTL - 0.001)
    assert await online(presence, "ann")


async def test_a_lease_that_is_not_renewed_is_over_after_its_time(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    seen = clock.now
    clock.pass_(seconds=TTL)
    state = (await presence.query(["ann"]))["ann"]
    assert not state.online
    assert state.last_seen == seen


async def test_a_renewal_begins_a_whole_lease(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    clock.pass_(seconds=TTL - 1)
    await presence.renew("ann")
    clock.pass_(seconds=TTL - 1)
    assert await online(presence, "ann")


async def test_who_leaves_is_offline_at_once_and_was_seen_then(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    clock.pass_(seconds=5)
    await presence.leave("ann")
    state = (await presence.query(["ann"]))["ann"]
    assert not state.online
    assert state.last_seen == clock.now


async def test_leaving_without_having_come_is_no_error(presence: Presence) -> None:
    await presence.leave("ann")
    assert not await online(presence, "ann")


async def test_one_users_lease_says_nothing_of_another(presence: Presence) -> None:
    await presence.renew("ann")
    states = await presence.query(["ann", "bob"])
    assert [states["ann"].online, states["bob"].online] == [True, False]


async def test_many_renew_at_once(presence: Presence) -> None:
    names = [f"user{number}" for number in range(1200)]
    await presence.renew(*names)
    states = await presence.query(names[:500])
    assert [name for name, state in states.items() if state.online] == names[:500]


async def test_a_query_answers_for_exactly_those_it_names(presence: Presence) -> None:
    await presence.renew("ann")
    assert set(await presence.query(["bob", "cat", "bob"])) == {"bob", "cat"}
    assert await presence.query([]) == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["renew", "leave"]), st.sampled_from(USERS)),
        st.tuples(st.just("pass"), st.integers(0, 400)),
    ),
    max_size=40,
)


@given(steps=STEPS)
async def test_who_is_online_renewed_within_the_last_lease_and_did_not_leave_since(
    kind: Kind, steps: list[tuple[str, str | int]]
) -> None:
    clock = Clock()
    until: dict[str, int] = {}
    seen: dict[str, int] = {}
    async with kind(clock) as presence:
        for what, detail in steps:
            if what == "pass":
                clock.pass_(seconds=int(detail))
            else:
                await getattr(presence, what)(str(detail))
                seen[str(detail)] = clock.now
                until[str(detail)] = clock.now + int(TTL * 1000) if what == "renew" else 0
            for user, state in (await presence.query(USERS)).items():
                assert state.online == (until.get(user, 0) > clock.now)
                assert state.last_seen == seen.get(user)


async def test_memory_holds_no_more_than_it_may_however_many_come(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "REMEMBERED", 10)
    presence = MemoryPresence(TTL, clock)
    for number in range(100):
        await presence.renew(f"user{number}")
        clock.pass_(seconds=TTL)
    held = sum(len(part) for part in vars(presence).values() if hasattr(part, "__len__"))
    assert held <= 2 * 10


class TestSeveralNodes:
    """Two nodes on one Redis."""

    @pytest.fixture
    async def nodes(
        self, redis_server: RedisProcess, clock: Clock
    ) -> AsyncIterator[tuple[RedisPresence, RedisPresence]]:
        async with in_redis(redis_server, clock) as here, in_redis(redis_server, clock, "there") as there:
            yield here, there

    async def test_who_is_at_one_node_is_online_at_the_other(
        self, nodes: tuple[RedisPresence, RedisPresence], clock: Clock
    ) -> None:
        here, there = nodes
        await here.renew("ann")
        state = (await there.query(["ann"]))["ann"]
        assert (state.online, state.last_seen) == (True, clock.now)

    async def test_who_leaves_one_node_is_online_at_the_other_still(
        self, nodes: tuple[RedisPresence, RedisPresence]
    ) -> None:
        here, there = nodes
        await here.renew("ann")
        await there.renew("ann")
        assert not await here.leave("ann")
        assert await online(here, "ann")
        assert await there.leave("ann")
        assert not await online(here, "ann")

    async def test_of_nodes_that_are_left_at_the_same_time_one_is_the_last(
        self, nodes: tuple[RedisPresence, RedisPresence]
    ) -> None:
        for number in range(50):
            for node in nodes:
                await node.renew(f"u{number}")
            assert sum(await asyncio.gather(*(node.leave(f"u{number}") for node in nodes))) == 1

    async def test_when_one_was_seen_is_known_after_leaving_from_any_node(
        self, nodes: tuple[RedisPresence, RedisPresence], clock: Clock
    ) -> None:
        here, there = nodes
        await here.renew("ann")
        clock.pass_(seconds=7)
        await here.leave("ann")
        assert (await there.query(["ann"]))["ann"].last_seen == clock.now

    async def test_the_users_of_a_node_that_was_killed_are_offline_when_their_leases_end(
        self, redis_server: RedisProcess, clock: Clock
    ) -> None:
        """Though another node keeps the key alive."""
        async with in_redis(redis_server, clock, "killed") as killed:
            await killed.renew("ann", "bob")
        async with in_redis(redis_server, clock) as left:
            clock.pass_(seconds=TTL - 10)
            await left.renew("ann")
            assert await online(left, "bob")
            clock.pass_(seconds=10)
            assert await left.leave("ann")
            assert not await online(left, "ann")
            assert not await online(left, "bob")

    async def test_the_users_of_a_node_that_ends_are_offline_at_once(
        self, redis_server: RedisProcess, clock: Clock
    ) -> None:
        async with in_redis(redis_server, clock) as here, in_redis(redis_server, clock, "ending") as ending:
            await ending.renew("ann", "bob", "cat")
            await here.renew("bob")
            leaving = asyncio.create_task(ending.leave("cat"))
            await asyncio.sleep(0)
            leaving.cancel()
            await ending.close()
            assert [await online(here, user) for user in USERS] == [False, True, False]

    async def test_what_nodes_that_are_gone_have_left_goes_with_the_next_renewal(
        self, redis_server: RedisProcess, clock: Clock
    ) -> None:
        for node in ("one", "two", "three"):
            async with in_redis(redis_server, clock, node) as presence:
                await presence.renew("ann")
            clock.pass_(seconds=TTL)
        with redis_server.look() as client:
            assert client.hkeys("online:user:ann") == [b"three"]


async def test_everything_in_redis_ends_by_itself(redis_server: RedisProcess, clock: Clock) -> None:
    async with in_redis(redis_server, clock) as presence:
        await presence.renew("ann")
        await presence.renew("bob")
        await presence.leave("bob")
        with redis_server.look() as client:
            assert client.hgetall("online:user:ann") == {b"here": str(clock.now).encode()}
            assert 0 < client.pttl("online:user:ann") <= TTL * 1000
            assert sorted(client.keys()) == [b"online:user:ann", b"seen:user:ann", b"seen:user:bob"]
            assert all(client.ttl(key) > 0 for key in client.scan_iter())


async def test_a_renewal_in_redis_is_not_needed_whenever_one_is_heard_of(
    redis_server: RedisProcess, clock: Clock
) -> None:
    def scripts_run() -> int:
        return int(client.info("commandstats").get("cmdstat_hset", {"calls": 0})["calls"])

    async with in_redis(redis_server, clock) as presence:
        with redis_server.look() as client:
            before = scripts_run()
            for _ in range(60):
                await presence.renew("ann")
                clock.pass_(seconds=15)
            assert 10 <= scripts_run() - before <= 16


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def test_while_redis_is_away_a_node_answers_for_its_own_and_then_they_are_there_again(
    mortal_redis: RedisProcess, clock: Clock
) -> None:
    async with in_redis(mortal_redis, clock) as here, in_redis(mortal_redis, clock, "there") as there:
        await here.renew("ann", "bob")
        mortal_redis.kill()
        await here.leave("bob")
        await here.renew("cat")
        states = await here.query(USERS)
        assert [states[user].online for user in USERS] == [True, False, True]
        assert not await online(there, "ann")
        mortal_redis.start()  # empty
        with mortal_redis.look() as client:
            await until(lambda: sorted(client.keys("online:*")) == [b"online:user:ann", b"online:user:cat"])
        await until(lambda: there._redis.up)
        assert await online(there, "cat")


async def test_who_left_while_redis_did_not_answer_is_offline_when_it_does(
    mortal_redis: RedisProcess, clock: Clock
) -> None:
    async with in_redis(mortal_redis, clock) as here, in_redis(mortal_redis, clock, "there") as there:
        await here.renew("ann", "bob")
        with mortal_redis.frozen():
            await here.renew("cat")  # asked for in vain
            assert not here._redis.up
            await here.leave("ann")
        await until(lambda: here._redis.up and there._redis.up)
        with mortal_redis.look() as client:
            await until(lambda: sorted(client.keys("online:*")) == [b"online:user:bob", b"online:user:cat"])
        assert [await online(there, user) for user in USERS] == [False, True, True]
