"""What `roost.deliver.bus` guarantees, on Redis: hints reach the nodes they concern, in order; what is lost is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from roost import metrics
from roost.db.redis import RedisServer
from roost.deliver import redis as on_redis
from roost.deliver.bus import Alone, Notice, Revoked, watched
from roost.deliver.hub import Hub
from roost.deliver.reader import Reader
from roost.deliver.redis import RedisBus
from roost.model.message import Change, Message
from roost.protocol.encoded import EncodedEntry
from roost.protocol.frames import Online, PresenceNotice, TypingNotice
from tests.deliver.entries import CHANGE, MESSAGE, PHONE, TABLET
from tests.servers.redis import RedisProcess

ANN, BOB, CAT = 1, 2, 3
TYPING = TypingNotice(conversation_id="p:ann:bob", user_id="ann")
REVOKED = Revoked(uid=ANN, did=PHONE, user_id="ann", device_id="phone", token_id="t", expires_at=9)


class Ears:
    """A sink that remembers what it was given."""

    writable = True

    def __init__(self) -> None:
        self.heard: list[tuple[int, EncodedEntry]] = []
        self.readings = 0

    @property
    def seqs(self) -> list[int]:
        return [seq for seq, _ in self.heard]

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        self.heard.append((seq, entry))

    def read_on(self) -> None:
        self.readings += 1


class Node:
    """A bus and its hub, and what they hear."""

    def __init__(self, redis: RedisServer, name: str, epoch: str) -> None:
        self.hub = Hub()
        self.bus = RedisBus(redis, self.hub, name, epoch)
        self.redis = redis
        self.notices: list[tuple[Notice, Sequence[int]]] = []
        self.looks = 0
        self.bus.heard = lambda notice, uids: self.notices.append((notice, uids))
        self.bus.look = self._look

    def _look(self) -> None:
        self.looks += 1

    async def reader(self, uid: int, device: int = TABLET, *, follows: bool = True) -> Ears:
        """A reader at the head of an empty log."""
        ears = Ears()
        reader = Reader(ears, uid, device, follows=follows, window=10**6)
        self.hub.attach(reader)
        await self.bus.join(uid)
        reader.start(0, 0)
        reader.go_on()
        return ears


@contextlib.asynccontextmanager
async def on_the_bus(process: RedisProcess, name: str, epoch: str = "first") -> AsyncIterator[Node]:
    redis = RedisServer(process.url())
    async with redis.running():
        node = Node(redis, name, epoch)
        async with node.bus.running():
            yield node


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.fixture
async def here(redis_server: RedisProcess) -> AsyncIterator[Node]:
    async with on_the_bus(redis_server, "here") as node:
        yield node


@pytest.fixture
async def there(redis_server: RedisProcess) -> AsyncIterator[Node]:
    async with on_the_bus(redis_server, "there") as node:
        yield node


class TestEntries:
    async def test_an_entry_reaches_the_readers_of_another_node_at_their_own_places(
        self, here: Node, there: Node
    ) -> None:
        ann, bob = await there.reader(ANN), await there.reader(BOB)
        here.bus.publish(CHANGE, [(ANN, 1), (BOB, 1), (CAT, 7)], 0, 0)
        here.bus.publish(MESSAGE, [(BOB, 2)], 0, 0)
        await until(lambda: bob.seqs == [1, 2])
        assert ann.seqs == [1]

    async def test_it_is_what_was_published(self, here: Node, there: Node) -> None:
        bob = await there.reader(BOB)
        here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
        here.bus.publish(CHANGE, [(BOB, 2)], 0, 0)
        await until(lambda: bob.seqs == [1, 2])
        (_, message), (_, change) = bob.heard
        assert message.json(1) == MESSAGE.json(1)
        assert message.protobuf(1) == MESSAGE.protobuf(1)
        assert change.json(2) == CHANGE.json(2)
        assert change.protobuf(2) == CHANGE.protobuf(2)
        assert isinstance(message.what, Message)
        assert isinstance(change.what, Change)

    async def test_many_arrive_in_the_order_in_which_they_were_published(self, here: Node, there: Node) -> None:
        bob = await there.reader(BOB)
        for seq in range(1, 5001):
            here.bus.publish(MESSAGE, [(BOB, seq)], 0, 0)
            if seq % 700 == 0:
                await asyncio.sleep(0)
        await until(lambda: len(bob.seqs) == 5000)
        assert (bob.seqs, bob.readings) == (list(range(1, 5001)), 0)

    async def test_a_group_of_thousands_is_one_hint(self, here: Node, there: Node) -> None:
        first, last = await there.reader(1), await there.reader(12_000)
        here.bus.publish(MESSAGE, [(uid, 1) for uid in range(1, 12_001)], 0, 0)
        await until(lambda: first.seqs == last.seqs == [1])

    async def test_the_authors_device_does_not_get_its_message_back(self, here: Node, there: Node) -> None:
        """Only a simple reader skips: what follows knows its own by the connection."""
        simple, follower = await there.reader(ANN, PHONE, follows=False), await there.reader(ANN, PHONE)
        bob = await there.reader(BOB, PHONE, follows=False)
        here.bus.publish(MESSAGE, [(ANN, 1), (BOB, 1)], ANN, PHONE)
        here.bus.publish(CHANGE, [(ANN, 2), (BOB, 2)], ANN, PHONE)
        await until(lambda: bob.seqs == [1, 2])
        assert (simple.seqs, follower.seqs) == ([2], [1, 2])

    async def test_a_node_is_not_told_what_it_has_said_itself(self, here: Node, there: Node) -> None:
        mine, bob = await here.reader(BOB), await there.reader(BOB)
        here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
        await until(lambda: bob.seqs == [1])
        assert mine.seqs == []

    async def test_a_node_without_readers_of_it_is_not_told(
        self, here: Node, there: Node, redis_server: RedisProcess
    ) -> None:
        async with on_the_bus(redis_server, "idle"):
            bob = await there.reader(BOB)
            here.bus.publish(MESSAGE, [(ANN, 1), (BOB, 1)], 0, 0)
            await until(lambda: bob.seqs == [1])
            with redis_server.look() as client:
                assert client.xlen("roost:bus:idle") == 0
                [(_, fields)] = client.xrange("roost:bus:there")
                assert [*fields] == [b"m 0 0 2 1"], "the places that concern the node, and no others"

    async def test_another_deployment_on_the_same_redis_hears_nothing(
        self, here: Node, there: Node, redis_server: RedisProcess
    ) -> None:
        """Its uids are other people's."""
        async with on_the_bus(redis_server, "foreign", epoch="another") as foreign:
            stranger, bob = await foreign.reader(BOB), await there.reader(BOB)
            here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
            here.bus.tell(REVOKED, None)
            await until(lambda: bob.seqs == [1] and bool(there.notices))
            with redis_server.look() as client:
                assert client.xlen("roost:bus:foreign") == 0
            assert (stranger.seqs, foreign.notices) == ([], [])

    async def test_a_hint_of_a_later_version_is_passed_over(
        self, here: Node, there: Node, redis_server: RedisProcess
    ) -> None:
        bob = await there.reader(BOB)
        with redis_server.look() as client:
            client.xadd("roost:bus:there", {"z 1 2": "?", "m nonsense": "{", "n 2 0": '{"type":"later"}'})
        here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
        await until(lambda: bob.seqs == [1])


class TestNotices:
    async def test_typing_is_told_with_those_who_are_there(self, here: Node, there: Node) -> None:
        await there.bus.join(BOB, CAT)
        here.bus.tell(TYPING, [ANN, BOB, CAT])
        await until(lambda: there.notices == [(TYPING, [BOB, CAT])])

    async def test_presence_is_told_where_somebody_watches(
        self, here: Node, there: Node, redis_server: RedisProcess
    ) -> None:
        """A user whose id is a number is nobody's log."""
        notice = PresenceNotice(users={"7": Online(online=True, last_seen=5)})
        async with on_the_bus(redis_server, "idle") as idle:
            await idle.bus.join(7)
            await there.bus.join(watched("7"))
            here.bus.tell(notice, [watched("7")])
            here.bus.tell(REVOKED, None)
            await until(lambda: there.notices == [(notice, []), (REVOKED, [])])
            await until(lambda: idle.notices == [(REVOKED, [])])
        assert here.notices == []


class TestJoining:
    async def test_who_left_is_told_no_more(self, here: Node, there: Node, redis_server: RedisProcess) -> None:
        gone, bob = await there.reader(ANN), await there.reader(BOB)
        there.bus.leave(ANN)
        with redis_server.look() as client:
            await until(lambda: client.smembers("roost:at:there") == {b"here", b"2"})
        here.bus.publish(MESSAGE, [(ANN, 1), (BOB, 1)], 0, 0)
        await until(lambda: bob.seqs == [1])
        assert gone.seqs == []

    async def test_who_comes_back_in_between_is_told(self, here: Node, there: Node, redis_server: RedisProcess) -> None:
        ann = await there.reader(ANN)
        there.bus.leave(ANN, CAT)
        await there.bus.join(ANN)
        with redis_server.look() as client:
            await until(lambda: client.smembers("roost:at:there") == {b"here", b"1"})
        here.bus.publish(MESSAGE, [(ANN, 1)], 0, 0)
        await until(lambda: ann.seqs == [1])

    async def test_thousands_may_be_there(self, here: Node, there: Node, redis_server: RedisProcess) -> None:
        await asyncio.gather(*(there.bus.join(uid) for uid in range(1, 3001)))
        with redis_server.look() as client:
            await until(lambda: client.scard("roost:at:there") == 3001)
            client.delete("roost:at:there")
            await until(lambda: client.scard("roost:at:there") == 3001)
        last = await there.reader(3000)
        here.bus.publish(MESSAGE, [(3000, 1)], 0, 0)
        await until(lambda: last.seqs == [1])


class TestNodesThatGo:
    async def test_one_that_leaves_takes_its_keys_along_and_the_others_look(
        self, here: Node, redis_server: RedisProcess
    ) -> None:
        async with on_the_bus(redis_server, "leaving") as leaving:
            await leaving.reader(BOB)
            await until(lambda: metrics.NODES._value.get() == 2 and here.bus._others == {b"leaving"})
            before = here.looks
        with redis_server.look() as client:
            assert sorted(client.keys()) == [b"roost:at:here", b"roost:bus:here", b"roost:nodes:first"]
        await until(lambda: here.looks > before)
        assert here.bus._others == set()

    async def test_it_says_first_what_it_has_still_to_say(self, there: Node, redis_server: RedisProcess) -> None:
        bob = await there.reader(BOB)
        async with on_the_bus(redis_server, "leaving") as leaving:
            for seq in range(1, 1201):
                leaving.bus.publish(MESSAGE, [(BOB, seq)], 0, 0)
        await until(lambda: len(bob.seqs) == 1200)

    async def test_one_that_is_killed_is_told_nothing_more_and_the_others_look(
        self, here: Node, redis_server: RedisProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        redis = RedisServer(redis_server.url())
        async with redis.running():
            with monkeypatch.context() as patched:
                patched.setattr(on_redis, "LEASE", 3.0)
                killed = Node(redis, "killed", "first")
                await killed.bus.join(BOB)
                await killed.bus._enter()  # and nothing more is heard of it
        await until(lambda: here.bus._others == {b"killed"})
        looks = here.looks
        await until(lambda: here.bus._others == set())
        assert here.looks == looks + 1
        with redis_server.look() as client:
            assert client.sismember("roost:at:killed", str(BOB))
            here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
            here.bus.tell(REVOKED, None)
            await until(lambda: not here.bus._queue)
            await here.redis.call("PING")
            assert client.xlen("roost:bus:killed") == 0
            assert all(client.pttl(f"roost:{kind}:killed") > 0 for kind in ("at", "bus")), "they expire"


class TestRedisGoes:
    """Each bus has a Redis of the test's own."""

    @pytest.fixture
    async def pair(self, mortal_redis: RedisProcess) -> AsyncIterator[tuple[Node, Node]]:
        async with on_the_bus(mortal_redis, "here") as here, on_the_bus(mortal_redis, "there") as there:
            yield here, there

    async def test_after_an_outage_that_emptied_it_hints_arrive_again_and_everybody_looks(
        self, pair: tuple[Node, Node], mortal_redis: RedisProcess
    ) -> None:
        here, there = pair
        bob = await there.reader(BOB)
        looks = here.looks, there.looks
        mortal_redis.kill()
        await until(lambda: not (here.bus.up or there.bus.up))
        cat = await there.reader(CAT)
        here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
        mortal_redis.start()
        await until(lambda: here.bus.up and there.bus.up)
        await until(lambda: here.looks > looks[0] and there.looks > looks[1])
        bob_and_cat = [(BOB, 2), (CAT, 1)]
        here.bus.publish(MESSAGE, bob_and_cat, 0, 0)
        await until(lambda: cat.seqs == [1])
        assert bob.readings == 1, "it has heard of 2, and reads 1 in the log"

    async def test_when_it_was_emptied_and_nobody_noticed(
        self, pair: tuple[Node, Node], mortal_redis: RedisProcess
    ) -> None:
        here, there = pair
        bob = await there.reader(BOB)
        with mortal_redis.look() as client:
            client.flushall()
            await until(lambda: client.zcard("roost:nodes:first") == 2 and client.scard("roost:at:there") == 2)
        await until(lambda: here.bus.up and there.bus.up)
        here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
        await until(lambda: bob.seqs == [1])

    async def test_hints_that_could_not_be_given_are_counted_and_the_others_are_told_to_look(
        self, pair: tuple[Node, Node], mortal_redis: RedisProcess
    ) -> None:
        here, there = pair
        dropped = metrics.BUS_DROPPED._value.get()
        here.redis._here.clear()  # this node alone can't reach it
        here.bus.publish(MESSAGE, [(BOB, 1)], 0, 0)
        here.bus.tell(TYPING, [BOB])
        assert metrics.BUS_DROPPED._value.get() == dropped + 2
        looks = there.looks
        here.redis._here.set()
        await asyncio.sleep(0.1)
        assert there.looks == looks
        here.bus.tell(REVOKED, None)
        await until(lambda: there.looks == looks + 1)

    async def test_nobody_waits_for_one_that_does_not_answer(
        self, pair: tuple[Node, Node], mortal_redis: RedisProcess
    ) -> None:
        here, there = pair
        bob = await there.reader(BOB)
        with mortal_redis.frozen():
            async with asyncio.timeout(1.5):  # below the patience of the connection
                await there.bus.join(ANN)
            for seq in range(1, 2001):
                here.bus.publish(MESSAGE, [(BOB, seq)], 0, 0)
                here.bus.tell(TYPING, [BOB])
            await until(lambda: not (here.bus.up or there.bus.up or here.bus._queue))
        await until(lambda: here.bus.up and there.bus.up)
        with mortal_redis.look() as client:
            await until(lambda: client.smembers("roost:at:there") == {b"here", b"1", b"2"})
        assert bob.readings <= 1

    async def test_what_waits_is_bounded(self, pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
        here, there = pair
        bob = await there.reader(BOB)
        monkeypatch.setattr(on_redis, "MAX_QUEUED", 10)
        dropped = metrics.BUS_DROPPED._value.get()
        for seq in range(1, 101):
            here.bus.publish(MESSAGE, [(BOB, seq)], 0, 0)
        assert metrics.BUS_DROPPED._value.get() - dropped == 95
        await until(lambda: bob.seqs == [1, 2, 3, 4, 5])
        await until(lambda: there.looks >= 2)


async def test_a_node_by_itself_has_nobody_to_tell() -> None:
    bus = Alone()
    await bus.join(ANN)
    bus.publish(MESSAGE, [(ANN, 1)], 0, 0)
    bus.tell(TYPING, None)
    bus.leave(ANN)
    assert not bus.up
