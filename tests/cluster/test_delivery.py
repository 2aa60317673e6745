"""Live delivery across nodes: by the bus; by the watch, where hints are lost; whatever becomes of Redis meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from roost.app import running
from roost.config import Config
from roost.deliver import watch
from roost.deliver.redis import RedisBus
from roost.deliver.watch import Watch
from roost.edge.auth.keys import operator_key
from roost.flow.catchup import Catchup
from roost.presence.redis import RedisPresence
from roost.protocol.encoded import Encoding
from tests.blackbox.house import Guest, House
from tests.blackbox.line import Follower, eventually
from tests.blackbox.proto import PROTOBUF
from tests.cluster.recovery import Nodes
from tests.places import ServerBackend
from tests.servers.redis import RedisProcess


@pytest.fixture
async def here(nodes: Nodes) -> House:
    return await nodes.start()


@pytest.fixture
async def there(nodes: Nodes, here: House) -> House:
    """The second node."""
    return await nodes.start()


@pytest.fixture
def no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives does so by a hint."""

    async def look(_: Watch) -> int:
        return 0

    monkeypatch.setattr(Watch, "look", look)


@pytest.fixture
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """All hints are lost, and nobody notices."""
    monkeypatch.setattr(RedisBus, "_put", lambda *_: None)


@pytest.mark.usefixtures("no_watch")
class TestByTheBus:
    async def test_a_message_sent_through_one_node_arrives_through_the_other(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        simple, following = await bob.line(), await (await bob.on("desk")).line(lastSeq=0)
        line = await ann.line()
        receipts = await line.send_many("bob", 50)
        for other in (simple, following):
            messages = await other.hear_many("message", 50)
            assert [one["seq"] for one in messages] == list(range(1, 51))
            assert [one["serverMsgID"] for one in messages] == [one["serverMsgID"] for one in receipts]
            assert messages[0]["content"] == "number 1"

    async def test_in_protobuf_as_well(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        line = await bob.line(speech=PROTOBUF, subprotocol=Encoding.PROTOBUF.value)
        await ann.send(bob, "🐓 ünï")
        assert (await line.hear("message"))["content"] == "🐓 ünï"

    async def test_a_group_is_told_wherever_its_members_are(self, here: House, there: House) -> None:
        ann, bob, cat = await here.guest("ann"), await here.guest("bob"), await there.guest("cat")
        lines = [await one.line() for one in (bob, cat)]
        group = await ann.group(bob, cat)
        for line in lines:
            assert (await line.hear("change"))["action"] == "created"
        await ann.post("/messages/group", {"groupID": group, "content": "tea"})
        for line in lines:
            assert (await line.hear("message"))["content"] == "tea"

    async def test_the_senders_other_device_is_told_and_its_own_is_not_twice(self, here: House, there: House) -> None:
        phone = await here.guest("ann")
        desk = await (await there.guest("ann", "desk")).line()
        again = await (await there.guest("ann", "phone")).line()
        await here.guest("bob")
        await (await phone.line()).send("bob", "one")
        assert (await desk.hear("message"))["content"] == "one"
        await again.nothing()

    async def test_a_read_mark_is_told_to_ones_device_elsewhere(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        await ann.send(bob)
        desk = await (await there.guest("bob", "desk")).line(lastSeq=1)
        await (await here.guest("bob")).post(f"/conversations/{ann.conversation(bob)}/read", {"conversationSeq": 1})
        change = await desk.hear("change")
        assert (change["kind"], change["seq"], change["conversationSeq"]) == ("read", 2, 1)

    async def test_typing_is_told_and_never_logged(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        line, other = await ann.line(), await bob.line()
        await line.say("typing", conversationID=ann.conversation(bob))
        assert await other.hear() == {"type": "typing", "conversationID": ann.conversation(bob), "userID": "ann"}
        await line.nothing()
        assert (await bob.sync())["headSeq"] == 0

    async def test_who_watches_learns_who_comes_and_goes_elsewhere(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        watching = await ann.line()
        await watching.say("presence", userIDs=["bob", "cat"])
        assert (await watching.hear("presence"))["users"] == {"bob": {"online": False}, "cat": {"online": False}}
        line = await bob.line()
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is True
        assert (await ann.online("bob"))["online"] is True
        await line.hang_up()
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is False
        assert (await ann.online("bob"))["online"] is False

    async def test_who_is_blocked_elsewhere_watches_no_more(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        watching, line = await ann.line(), await bob.line()
        await watching.say("presence", userIDs=["bob"])
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is True
        await bob.put("/blocks/ann")
        assert (await watching.hear("presence"))["users"] == {"bob": {"online": False}}
        await line.hang_up()
        await bob.line()
        assert (await bob.online("bob"))["online"] is True
        await watching.nothing()

    async def test_who_sees_nobody_come_any_more_is_told_so_elsewhere(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        watching, line = await ann.line(), await bob.line()
        await watching.say("presence", userIDs=["bob"])
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is True
        await bob.patch("/users/me", {"presence": "contacts"})
        assert (await watching.hear("presence"))["users"] == {"bob": {"online": False}}
        assert await ann.online("bob") == {"online": False, "lastSeen": None}
        await line.hang_up()
        await bob.line()
        await watching.say("presence", userIDs=["bob"])
        assert (await watching.hear("presence"))["users"] == {"bob": {"online": False}}

    async def test_who_shares_a_conversation_elsewhere_sees_who_comes_until_it_ends(
        self, here: House, there: House
    ) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        await bob.patch("/users/me", {"presence": "contacts"})
        watching, _ = await ann.line(), await bob.line()
        await watching.say("presence", userIDs=["bob"])
        assert (await watching.hear("presence"))["users"] == {"bob": {"online": False}}
        group = await bob.group(ann)
        await watching.hear("change")
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is True
        await bob.post(f"/groups/{group}/leave")
        await watching.hear_many("change", 2)  # ann is the owner, bob has left
        assert (await watching.hear("presence"))["users"] == {"bob": {"online": False}}

    async def test_one_who_is_at_two_nodes_and_leaves_one_is_online(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        watching = await ann.line()
        await watching.say("presence", userIDs=["bob"])
        await watching.hear("presence")
        phone, desk = await bob.line(), await (await here.guest("bob", "desk")).line()
        for _ in (phone, desk):
            assert (await watching.hear("presence"))["users"]["bob"]["online"] is True
        await desk.hang_up()
        await phone.hang_up()
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is False, "said once, by the last"
        await watching.nothing()

    async def test_who_logs_out_at_one_node_is_out_at_the_other(self, here: House, there: House) -> None:
        ann = await here.guest("ann")
        line, desk = await ann.line(), await (await ann.on("desk")).line()
        assert (await Guest(there, "ann", ann.token).post("/auth/logout")).status == 200
        assert await line.closed() == 4502
        await eventually(lambda: _refused(ann))
        await desk.nothing()

    async def test_who_is_let_out_at_one_node_is_out_at_the_other(self, here: House, there: House) -> None:
        ann = await here.guest("ann")
        line, desk = await ann.line(), await (await ann.on("desk")).line()
        await let_out(there, "ann")
        assert await line.closed() == 4502
        assert await desk.closed() == 4502
        await eventually(lambda: _refused(ann))

    @pytest.mark.parametrize("auth", [{}, {"lastSeq": 0}])
    async def test_nothing_is_passed_over_between_reading_the_log_and_the_first_hint(
        self, here: House, there: House, monkeypatch: pytest.MonkeyPatch, auth: dict[str, int]
    ) -> None:
        """Who comes is on the bus before its log is read: a message committed right after that is told."""
        ann, bob = await here.guest("ann"), await there.guest("bob")
        line = await ann.line()
        read = Catchup.open

        async def read_and_then(*arguments: Any) -> Any:
            opening = await read(*arguments)
            await line.send("bob", "just now")
            return opening

        monkeypatch.setattr(Catchup, "open", read_and_then)
        other = await bob.line(**auth)
        assert other.ready["headSeq"] == 0
        frame = await other.hear("message", "offline")
        assert (frame["messages"][0] if "messages" in frame else frame)["content"] == "just now"


async def _refused(guest: Guest) -> bool:
    answer = await guest.get("/conversations")
    return answer.status == 401 and answer.error == "token_revoked"


async def let_out(house: House, user_id: str) -> None:
    """A back end deactivates a user at a node."""
    back_end = Guest(house, "operator", operator_key(house.secret, time.time_ns() // 1_000_000))
    assert (await back_end.post(f"/admin/users/{user_id}/deactivate")).status == 200


@pytest.mark.usefixtures("no_hints")
class TestByTheWatch:
    async def test_a_message_of_which_no_hint_came_arrives(self, here: House, there: House) -> None:
        ann, bob = await here.guest("ann"), await there.guest("bob")
        simple, follower = await bob.line(), Follower(await (await bob.on("desk")).line(lastSeq=0))
        await (await ann.line()).send_many("bob", 150)
        assert [one["seq"] for one in await simple.hear_many("message", 150)] == list(range(1, 151))
        await follower.read_to(150)

    async def test_who_has_logged_out_elsewhere_is_out(self, here: House, there: House) -> None:
        ann = await here.guest("ann")
        line = await ann.line()
        assert (await Guest(there, "ann", ann.token).post("/auth/logout")).status == 200
        assert await line.closed() == 4502
        assert (await ann.get("/conversations")).error == "token_revoked"

    async def test_who_was_let_out_elsewhere_is_out(self, here: House, there: House) -> None:
        ann = await here.guest("ann")
        line = await ann.line()
        await let_out(there, "ann")
        assert await line.closed() == 4502
        assert (await ann.get("/conversations")).error == "token_revoked"


async def test_who_leaves_with_a_node_that_ends_is_gone_for_those_who_watch(
    here: House, place: ServerBackend, redis_server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes, within reason."""
    leave = RedisPresence.leave

    async def leave_slowly(presence: RedisPresence, user_id: str) -> bool:
        await asyncio.sleep(0.5)
        return await leave(presence, user_id)

    monkeypatch.setattr(RedisPresence, "leave", leave_slowly)
    watching = await (ann := await here.guest("ann")).line()
    await watching.say("presence", userIDs=["bob"])
    await watching.hear("presence")
    sections = {
        "server": {"port": 0, "data": str(here.data), "database": place.url},
        "redis": {"url": redis_server.url()},
    }
    async with (
        running(msgspec.convert(sections, Config)) as node,
        House(urlsplit(node.url).port or 0, here.data) as ending,
    ):
        await (await ending.guest("bob")).line()
        assert (await watching.hear("presence"))["users"]["bob"]["online"] is True
    assert (await watching.hear("presence"))["users"]["bob"]["online"] is False
    assert (await ann.online("bob"))["online"] is False


async def test_nodes_without_redis_tell_each_others_users(nodes: Nodes) -> None:
    alone = {"redis": {"url": ""}}
    here, there = await nodes.start(**alone), await nodes.start(**alone)
    ann, bob = await here.guest("ann"), await there.guest("bob")
    line = await bob.line()
    await (await ann.line()).send_many("bob", 10)
    assert [one["seq"] for one in await line.hear_many("message", 10)] == list(range(1, 11))


class TestRedisGoes:
    async def test_messages_arrive_without_it_and_by_the_bus_when_it_is_back_and_empty(
        self, mortal_nodes: Nodes, mortal_redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here, there = await mortal_nodes.start(), await mortal_nodes.start()
        ann, bob = await here.guest("ann"), await there.guest("bob")
        line, other = await ann.line(), await bob.line()
        await line.send("bob", "before")
        assert (await other.hear("message"))["seq"] == 1
        mortal_redis.kill()
        await line.send("bob", "without")
        assert (await other.hear("message"))["seq"] == 2
        assert (await bob.online("bob"))["online"] is True
        late = await (await there.guest("cat")).line()
        mortal_redis.start()

        async def is_back() -> bool:
            states = [(await ann.online(name))["online"] for name in ("ann", "bob", "cat")]
            with mortal_redis.look() as client:
                nodes = {key for key in client.scan_iter("roost:at:*") if client.scard(key) > 1}
            return all(states) and len(nodes) == 2

        await eventually(is_back)

        async def look(_: Watch) -> int:
            return 0

        monkeypatch.setattr(Watch, "look", look)
        for seq in range(3, 23):
            await line.send("bob", "again")
            assert (await other.hear("message"))["seq"] == seq
        await line.send("cat", "you, too")
        assert (await late.hear("message"))["content"] == "you, too"

    async def test_nobody_waits_for_one_that_does_not_answer(
        self, mortal_nodes: Nodes, mortal_redis: RedisProcess
    ) -> None:
        here, there = await mortal_nodes.start(), await mortal_nodes.start()
        ann, bob = await here.guest("ann"), await there.guest("bob")
        line, other = await ann.line(), await bob.line()
        mine = await (await ann.on("desk")).line()
        with mortal_redis.frozen():
            for seq in range(1, 21):
                async with asyncio.timeout(1.5):  # below the patience with Redis
                    assert (await line.send("bob"))["seq"] == seq
                    assert (await mine.hear("message"))["seq"] == seq
            assert [one["seq"] for one in await other.hear_many("message", 20)] == list(range(1, 21))
            late = await (await there.guest("cat")).line()
            await line.send("cat")
            assert (await late.hear("message"))["seq"] == 1
        await line.send("bob", "thawed")
        assert (await other.hear("message"))["seq"] == 21


def weather(seed: int) -> Callable[[RedisBus, list[bytes], bytes], None]:
    """Hints that are lost, late, doubled and in any order."""
    chance = random.Random(seed)
    hear = RedisBus._hear_one

    def hear_one(bus: RedisBus, head: list[bytes], body: bytes) -> None:
        for _ in range(chance.choices([0, 1, 2], [5, 4, 1])[0]):
            if chance.random() < 0.5:
                hear(bus, head, body)
            else:
                asyncio.get_running_loop().call_later(chance.random() * 0.2, hear, bus, head, body)

    return hear_one


class Talk:
    """A user's device at a node: it follows its log, talks to anybody, and now and then loses its connection."""

    def __init__(self, guest: Guest, chance: random.Random) -> None:
        self.guest = guest
        self.chance = chance
        self.follower: Follower
        self.sent = 0

    async def open(self) -> None:
        self.follower = Follower(await self.guest.line(lastSeq=0))

    async def say(self, to: str) -> None:
        if self.chance.random() < 0.1:
            await self.follower.line.cut()
            self.follower.resume(await self.guest.line(lastSeq=self.follower.position))
        await self.follower.line.say(
            "private", to=to, content=f"{self.guest.user_id} {self.guest.house.port} {self.sent}"
        )
        self.sent += 1
        until_answered = len(self.follower.own) + 1
        while len(self.follower.own) < until_answered:
            self.follower.take(await self.follower.line.hear())
        await self.follower.line.say("ack", seq=self.follower.position)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_becomes_of_hints_every_reader_sees_its_log_once_and_whole(
    here: House, there: House, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Three users, each with a device at each node, talk at once; the followers check order, gaps and doubles."""
    monkeypatch.setattr(RedisBus, "_hear_one", weather(seed))
    monkeypatch.setattr(watch, "CALM", 0.5)
    monkeypatch.setattr(watch, "ALERT", 0.5)
    names = ["ann", "bob", "cat"]
    talks = [
        Talk(await house.guest(name, f"at {house.port}"), random.Random(f"{seed} {name} {house is here}"))
        for name in names
        for house in (here, there)
    ]
    for talk in talks:
        await talk.open()

    async def talk_on(talk: Talk) -> None:
        for _ in range(25):
            await talk.say(talk.chance.choice([name for name in names if name != talk.guest.user_id]))

    await asyncio.gather(*(talk_on(talk) for talk in talks))
    monkeypatch.setattr(RedisBus, "_hear_one", lambda *_: None)  # nothing comes later that would tell of the last ones
    for talk in talks:
        await talk.say(next(name for name in names if name != talk.guest.user_id))
    logs: dict[str, dict[int, str]] = {}
    for talk in talks:
        head = (await talk.guest.sync())["headSeq"]
        await talk.follower.read_to(head)
        whole = {seq: entry["messageID"] for seq, entry in talk.follower.log.items()} | talk.follower.own
        assert sorted(whole) == list(range(1, head + 1))
        assert logs.setdefault(talk.guest.user_id, whole) == whole, "both devices have seen the same log"
    assert sum(map(len, logs.values())) == 2 * sum(talk.sent for talk in talks)
