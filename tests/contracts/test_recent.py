"""What `roost.journal.recent` guarantees: complete pages or none, the state of now, states that never go back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
import redis

from roost.db import redis as connection
from roost.journal import redis as adapter
from roost.journal.contract import LogState
from roost.journal.recent import SHORTEST, UNKNOWN, Standing
from roost.model.message import Message
from tests.journal.logs import EPOCH, Logs, Node, message, node, state
from tests.servers.redis import RedisProcess

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
async def one(redis_server: RedisProcess) -> AsyncIterator[Node]:
    async with node(redis_server.url()) as started:
        yield started


@pytest.fixture
async def other(redis_server: RedisProcess) -> AsyncIterator[Node]:
    async with node(redis_server.url()) as started:
        yield started


@pytest.fixture
def look(redis_server: RedisProcess) -> redis.Redis:
    return redis_server.look()


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "PAUSE", 0.01)
    monkeypatch.setattr(connection, "PROBE", 0.02)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def named(look: redis.Redis, kind: str, uid: int) -> str:
    return f"roost:{kind}:{EPOCH}:{look.get('roost:generation').decode()}:{uid}"


async def test_a_log_is_complete_from_where_it_was_begun(one: Node, logs: Logs) -> None:
    for _ in range(3):
        await one.append(logs, 1, 2)
    await one.visit(1, logs)
    for _ in range(4):
        await one.append(logs, 1, 2, origin=7)
    await one.append(logs, 1, change=True)
    page = await one.recent.page(1, 3, 1000)
    assert page is not None
    assert page.entries == logs.page(1, 3, 1000)
    assert page.state == LogState(8, 0)
    assert [entry.origin for entry in page.entries] == [7, 7, 7, 7, 0]
    assert await one.recent.page(1, 2, 1000) is None  # before it was begun
    assert await one.recent.page(1, 9, 1000) is None  # beyond its end
    assert await one.recent.page(2, 3, 1000) is None  # never begun: that user has not been here


async def test_a_page_is_cut_at_its_count_and_empty_at_the_end(one: Node, logs: Logs) -> None:
    await one.visit(1, logs)
    for _ in range(5):
        await one.append(logs, 1)
    page = await one.recent.page(1, 1, 2)
    assert page is not None
    assert (page.entries, page.state.head) == (logs.page(1, 1, 2), 5)
    end = await one.recent.page(1, 5, 2)
    assert end is not None
    assert (end.entries, end.state.head) == ([], 5)


async def test_the_log_of_a_new_user_begins_at_0(one: Node, logs: Logs) -> None:
    await one.visit(1, logs)
    page = await one.recent.page(1, 0, 10)
    assert page is not None
    assert (page.entries, page.state.head) == ([], 0)


async def test_what_is_committed_while_a_log_is_begun_is_in_it(one: Node, other: Node, logs: Logs) -> None:
    """Between `begin` and the reading, between the reading and `based`, and while others begin it, too."""
    await other.append(logs, 1)
    begun = await one.recent.begin(1, None)
    assert begun is not None
    await other.append(logs, 1)
    assert await other.recent.page(1, 2, 10) is None  # nobody knows yet where it begins
    head = logs.head(1)
    await other.append(logs, 1)
    await other.settled()
    assert await other.recent.begin(1, None) == begun
    one.recent.based(1, begun, head)
    await one.settled()
    page = await one.recent.page(1, 2, 10)
    assert page is not None
    assert page.entries == logs.page(1, 2, 10)


async def test_a_log_that_was_lost_while_it_was_begun_is_not_told_where_it_begins(
    one: Node, other: Node, look: redis.Redis, logs: Logs
) -> None:
    begun = await one.recent.begin(1, None)
    assert begun is not None
    head = logs.head(1)
    look.delete(named(look, "log", 1))  # evicted
    await other.append(logs, 1)
    await other.settled()
    again = await other.recent.begin(1, None)
    assert again not in {None, begun}
    one.recent.based(1, begun, head)
    await one.settled()
    assert await one.recent.page(1, 0, 10) is None
    assert await one.recent.page(1, 1, 10) is None


async def test_a_message_is_kept_once_however_many_logs_it_is_in(one: Node, look: redis.Redis, logs: Logs) -> None:
    for uid in (1, 2, 3):
        await one.visit(uid, logs)
    await one.append(logs, 1, 2, 3, 4)
    await one.settled()
    assert look.keys("roost:msg:*") == [f"roost:msg:{EPOCH}:1".encode()]
    assert len(look.keys("roost:log:*")) == 3


async def test_what_nobody_has_a_log_for_takes_no_room(one: Node, look: redis.Redis, logs: Logs) -> None:
    await one.append(logs, 1, 2)
    await one.settled()
    assert look.keys("roost:log:*") == look.keys("roost:msg:*") == []


async def test_a_newer_version_takes_the_place_of_an_older_one_and_never_the_other_way_round(
    one: Node, logs: Logs
) -> None:
    await one.visit(1, logs)
    for text, version, seq in (("first", 1, 1), ("third", 3, 2), ("second", 2, 3), ("first", 1, 4)):
        one.recent.add(message(9, text, version), [(1, seq)], 1, 0)
    page = await one.recent.page(1, 0, 10)
    assert page is not None
    assert [entry.what.content for entry in page.entries if isinstance(entry.what, Message)] == ["third"] * 4


async def test_a_newer_version_is_seen_by_who_has_no_entry_of_it(one: Node, look: redis.Redis, logs: Logs) -> None:
    """Who left a group keeps what was said before, in its state of now."""
    await one.visit(1, logs)
    one.recent.add(message(9, "first"), [(1, 1), (2, 1)], 2, 0)
    one.recent.add(message(9, "second", 2), [(2, 2)], 2, 0)
    one.recent.add(message(8, "second", 2), [(2, 3)], 2, 0)
    page = await one.recent.page(1, 0, 10)
    assert page is not None
    assert [entry.what.content for entry in page.entries if isinstance(entry.what, Message)] == ["second"]
    assert len(look.keys("roost:msg:*")) == 1


async def test_a_group_larger_than_one_call_is_entered_whole(
    one: Node, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 10)
    for uid in (1, 25, 40):
        await one.visit(uid, logs)
    await one.append(logs, *range(1, 41), origin=5)
    for uid, origin in ((1, 5), (25, 0), (40, 0)):
        page = await one.recent.page(uid, 0, 10)
        assert page is not None
        assert page.entries == logs.page(uid, 0, 10)
        assert page.entries[0].origin == origin


async def test_nobody_waits_long_for_what_is_to_be_added(
    one: Node, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.visit(1, logs)
    monkeypatch.setattr(adapter, "SOON", 5)
    await one.append(logs, *range(1, 7))
    assert await one.recent.page(1, 0, 10) is None
    assert one.recent._waiting
    monkeypatch.undo()
    assert await one.recent.page(1, 0, 10) is not None


class TestDoubt:
    async def test_what_was_trimmed_is_no_answer(self, redis_server: RedisProcess, logs: Logs) -> None:
        async with node(redis_server.url(), recent=100) as small:
            await small.visit(1, logs)
            for _ in range(500):
                await small.append(logs, 1)
            assert await small.recent.page(1, 10, 10) is None
            page = await small.recent.page(1, 450, 1000)
            assert page is not None
            assert page.entries == logs.page(1, 450, 1000)

    async def test_an_expired_log_or_message_is_no_answer(self, one: Node, look: redis.Redis, logs: Logs) -> None:
        for kind in ("log", "base"):
            await one.visit(1, logs)
            await one.append(logs, 1)
            head = logs.head(1)
            assert await one.recent.page(1, head - 1, 10) is not None
            look.delete(named(look, kind, 1))
            assert await one.recent.page(1, head - 1, 10) is None
            assert await one.recent.page(1, head, 10) is None
        await one.visit(1, logs)
        await one.append(logs, 1)
        assert await one.recent.page(1, logs.head(1) - 1, 10) is not None
        look.delete(f"roost:msg:{EPOCH}:{logs.mids}")
        assert await one.recent.page(1, logs.head(1) - 1, 10) is None

    async def test_a_hole_is_no_answer_and_later_the_end_of_that_log(
        self, one: Node, look: redis.Redis, logs: Logs
    ) -> None:
        await one.visit(1, logs)
        await one.append(logs, 1)
        logs.append([1])  # by a node that died
        await one.append(logs, 1)
        assert await one.recent.page(1, 0, 10) is None
        page = await one.recent.page(1, 2, 10)
        assert page is not None
        assert page.entries == logs.page(1, 2, 10)
        for _ in range(60):
            await one.append(logs, 1)
        assert await one.recent.page(1, 0, 10) is None
        assert look.keys("roost:log:*") == []

    async def test_an_entry_that_comes_late_is_put_in_its_place(self, one: Node, other: Node, logs: Logs) -> None:
        await one.visit(1, logs)
        await one.append(logs, 1)
        late = [logs.append([1], origin=3), logs.append([1], origin=3, change=True)]
        for _ in range(5):
            await one.append(logs, 1)
        assert await one.recent.page(1, 0, 10) is None
        for what, places in late:
            other.recent.add(what, places, 1, 3)
        await other.settled()
        page = await one.recent.page(1, 0, 10)
        assert page is not None
        assert page.entries == logs.page(1, 0, 10)

    async def test_what_comes_twice_or_is_below_the_base_changes_nothing(self, one: Node, logs: Logs) -> None:
        first = logs.append([1])
        await one.visit(1, logs)
        second = logs.append([1])
        for what, places in (second, first, second):
            one.recent.add(what, places, 1, 0)
        page = await one.recent.page(1, 1, 10)
        assert page is not None
        assert page.entries == logs.page(1, 1, 10)

    async def test_a_log_that_does_not_reach_a_known_seq_is_dropped(self, one: Node, logs: Logs) -> None:
        await one.visit(1, logs)
        await one.append(logs, 1)
        await one.recent.drop(1, unless=1)
        assert await one.recent.page(1, 0, 10) is not None
        await one.recent.drop(1, unless=2)
        assert await one.recent.page(1, 0, 10) is None


class TestGeneration:
    async def test_a_node_that_starts_trusts_what_the_others_have_kept(
        self, one: Node, redis_server: RedisProcess, logs: Logs
    ) -> None:
        await one.visit(1, logs)
        await one.append(logs, 1)
        await one.settled()
        async with node(redis_server.url()) as third:
            assert await third.recent.page(1, 0, 10) is not None

    async def test_a_node_that_is_alone_trusts_nothing_of_before_it_started(
        self, redis_server: RedisProcess, logs: Logs
    ) -> None:
        """It may have been killed before what it had committed was added, and nobody watches."""
        for _ in range(2):
            async with node(redis_server.url(), alone=True) as here:
                assert await here.recent.page(1, logs.head(1), 10) is None
                await here.visit(1, logs)
                await here.append(logs, 1)
                assert await here.recent.page(1, logs.head(1), 10) is not None

    async def test_what_is_committed_before_redis_is_reached_makes_all_of_before_doubtful(
        self, mortal_redis: RedisProcess, logs: Logs
    ) -> None:
        async with contextlib.AsyncExitStack() as stack:
            before = await stack.enter_async_context(node(mortal_redis.url()))
            await before.visit(1, logs)
            await before.append(logs, 1)
            await before.settled()
            with mortal_redis.frozen():
                late = await stack.enter_async_context(node(mortal_redis.url()))
                await late.append(logs, 1)
            await until(lambda: late.recent._trusted)
            assert await before.recent.page(1, 0, 10) is None

    async def test_after_what_could_not_be_added_nothing_of_before_is_trusted(
        self, one: Node, other: Node, logs: Logs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await one.visit(1, logs)
        await one.append(logs, 1)
        await one.settled()
        monkeypatch.setattr(adapter, "MAX_WAITING", 3)
        await one.append(logs, *range(1, 8))
        await until(lambda: one.recent._trusted)
        for place in (one, other):
            assert await place.recent.page(1, 1, 10) is None
        monkeypatch.undo()
        await other.visit(1, logs)
        await one.append(logs, 1)
        await one.settled()
        page = await other.recent.page(1, logs.head(1) - 1, 10)
        assert page is not None
        assert page.entries == logs.page(1, logs.head(1) - 1, 10)

    async def test_what_redis_refuses_is_no_answer_either(self, one: Node, look: redis.Redis, logs: Logs) -> None:
        await one.visit(1, logs)
        look.config_set("maxmemory", 1)
        try:
            await one.append(logs, 1)
            await one.settled()
            assert await one.recent.page(1, 0, 10) is None
            assert one.redis.up
        finally:
            look.config_set("maxmemory", 0)
        await until(lambda: one.recent._trusted)
        assert await one.recent.page(1, 0, 10) is None
        await one.visit(1, logs)
        assert await one.recent.page(1, 1, 10) is not None

    async def test_a_redis_that_was_restarted_is_not_trusted_by_who_was_not_there(
        self, mortal_redis: RedisProcess, logs: Logs
    ) -> None:
        """It may have come back with what it had on its disk some time ago."""
        async with node(mortal_redis.url()) as before:
            await before.visit(1, logs)
            await before.append(logs, 1)
            await before.settled()
        with mortal_redis.look() as client:
            kept = {key: client.dump(key) for key in client.scan_iter()}
        mortal_redis.kill()
        mortal_redis.start()
        with mortal_redis.look() as client:
            for key, value in kept.items():
                client.restore(key, 0, value)
        async with node(mortal_redis.url()) as after:
            assert await after.recent.page(1, 0, 10) is None

    async def test_after_an_outage_logs_are_begun_anew(self, mortal_redis: RedisProcess, logs: Logs) -> None:
        async with node(mortal_redis.url()) as here:
            await here.visit(1, logs)
            mortal_redis.kill()
            await here.append(logs, 1)
            assert await here.recent.page(1, 0, 10) is None
            assert await here.recent.begin(1, None) is None
            mortal_redis.start()
            await until(lambda: here.redis.up and here.recent._trusted)
            assert await here.recent.page(1, 0, 10) is None
            await here.visit(1, logs)
            await here.append(logs, 1)
            page = await here.recent.page(1, 1, 10)
            assert page is not None
            assert page.entries == logs.page(1, 1, 10)

    async def test_a_frozen_redis_keeps_nobody_waiting_for_ever(self, mortal_redis: RedisProcess, logs: Logs) -> None:
        async with node(mortal_redis.url()) as here:
            await here.visit(1, logs)
            with mortal_redis.frozen():
                await here.append(logs, 1)
                async with asyncio.timeout(20):
                    assert await here.recent.page(1, 0, 10) is None
            await until(lambda: here.redis.up and here.recent._trusted)
            assert await here.recent.page(1, 0, 10) is None


class TestStanding:
    async def test_own_sends_and_changes_are_passed_over(self, one: Node, logs: Logs) -> None:
        await one.visit(1, logs)
        for origin, change in ((5, False), (0, True), (5, False), (6, False), (5, False)):
            await one.append(logs, 1, origin=origin, change=change)
        assert await one.recent.standing(1, 5, 0, None) == Standing(3, 5)
        assert await one.recent.standing(1, 6, 0, None) == Standing(0, 5)
        assert await one.recent.standing(1, 5, 4, None) == Standing(5, 5)
        assert await one.recent.standing(1, 5, 6, None) is None

    async def test_however_many_they_are(self, one: Node, logs: Logs) -> None:
        await one.visit(1, logs)
        for _ in range(350):
            await one.append(logs, 1, origin=5)
        await one.append(logs, 1)
        assert await one.recent.standing(1, 5, 0, None) == Standing(350, 351)

    @pytest.mark.parametrize(
        ("away", "kept"),
        [(None, UNKNOWN), (60_000, SHORTEST), (8 * HOUR * 1000, 64 * HOUR), (30 * DAY * 1000, 7 * DAY)],
    )
    async def test_a_log_is_kept_for_as_long_as_its_user_is_used_to_be_away(
        self, one: Node, look: redis.Redis, logs: Logs, away: int | None, kept: int
    ) -> None:
        await one.visit(1, logs, away)
        for kind in ("log", "base"):
            assert kept - 60 <= look.ttl(named(look, kind, 1)) <= kept
        assert await one.recent.standing(1, 5, 0, 8 * HOUR * 1000) is not None
        for kind in ("log", "base"):
            assert look.ttl(named(look, kind, 1)) >= max(kept, 64 * HOUR) - 60


class TestStates:
    async def test_it_has_the_fields_of_the_document_under_its_key(self, one: Node, look: redis.Redis) -> None:
        assert await one.states.save([state("ann", "phone", 1500, uid=3, did=4)])
        stored = json.loads(look.get("client:sync:ann:phone") or b"")
        assert stored == {
            "client_id": "phone",
            "user_id": "ann",
            "conversation_id": None,
            "last_message_id": "1500-1",
            "last_sync_at": 1_700_000_000_000,
            "epoch": EPOCH,
            "uid": 3,
            "did": 4,
        }
        assert await one.states.fetch("ann", "phone") == state("ann", "phone", 1500, uid=3, did=4)

    async def test_it_is_kept_for_30_days_from_the_last_save(self, one: Node, look: redis.Redis) -> None:
        assert await one.states.save([state("ann", "phone", 1)])
        assert 30 * DAY - 60 <= look.ttl("client:sync:ann:phone") <= 30 * DAY
        look.expire("client:sync:ann:phone", 5)
        assert await one.states.save([state("ann", "phone", 1)])
        assert 30 * DAY - 60 <= look.ttl("client:sync:ann:phone") <= 30 * DAY

    async def test_a_position_never_goes_back(self, one: Node, other: Node) -> None:
        assert await one.states.save([state("ann", "phone", 20)])
        assert await other.states.save([state("ann", "phone", 12)])
        found = await other.states.fetch("ann", "phone")
        assert found is not None
        assert found.position == 20

    async def test_marks_beyond_the_position_stay_known_until_it_passes_them(self, one: Node, other: Node) -> None:
        assert await one.states.save([state("ann", "phone", 5, marked=9)])
        for position, marked in ((3, 9), (8, 9), (9, 0), (8, 0), (10, 0)):
            assert await other.states.save([state("ann", "phone", position)])
            found = await one.states.fetch("ann", "phone")
            assert found is not None
            assert found.marked == marked

    async def test_of_another_life_of_the_logs_or_unreadable_it_is_none(self, one: Node, look: redis.Redis) -> None:
        assert await one.states.fetch("ann", "phone") is None
        look.set(
            "client:sync:ann:phone", msgspec.json.encode(msgspec.structs.replace(state("ann", "phone", 9), epoch="f"))
        )
        assert await one.states.fetch("ann", "phone") is None
        look.set("client:sync:bob:phone", "{")
        assert await one.states.fetch("bob", "phone") is None
        assert await one.states.save([state("ann", "phone", 3), state("bob", "phone", 4)])
        for user, position in (("ann", 3), ("bob", 4)):
            found = await one.states.fetch(user, "phone")
            assert found is not None
            assert found.position == position

    async def test_saving_a_state_keeps_the_log(self, one: Node, look: redis.Redis, logs: Logs) -> None:
        await one.visit(1, logs)
        look.expire(named(look, "log", 1), 5)
        look.expire(named(look, "base", 1), 5)
        assert await one.states.save([state("ann", "phone", 0, uid=1)])
        for kind in ("log", "base"):
            assert look.ttl(named(look, kind, 1)) > SHORTEST - 60

    async def test_many_are_saved_at_once(self, one: Node, look: redis.Redis) -> None:
        assert await one.states.save([state(f"user{number}", "phone", number) for number in range(1, 1201)])
        assert len(look.keys("client:sync:*")) == 1200

    async def test_while_redis_is_away_nothing_is_saved_and_nothing_found(self, mortal_redis: RedisProcess) -> None:
        async with node(mortal_redis.url()) as here:
            assert await here.states.save([state("ann", "phone", 1)])
            mortal_redis.kill()
            assert not await here.states.save([state("ann", "phone", 2)])
            assert await here.states.fetch("ann", "phone") is None
