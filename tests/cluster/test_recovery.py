"""Recovery through Redis (B1-B6): from there without asking a database where that can be, from the database where it
can't; never differently, and never at the price of a connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
import structlog
from prometheus_client import REGISTRY

from tests.blackbox.house import Guest, House
from tests.blackbox.line import Follower, Line, eventually
from tests.cluster.recovery import NOT_SAVED_BY_ITSELF, Asked, Nodes, asked, state_of
from tests.servers.redis import RedisProcess


def contents(frame: dict[str, Any]) -> list[str]:
    return [message["content"] for message in frame["messages"]]


def numbers(first: int, last: int) -> list[str]:
    return [f"number {number}" for number in range(first, last + 1)]


class Away:
    """Bob has read `stood` messages at one node and gone; `missed` more have come. He comes back to another."""

    def __init__(self, here: House, there: House, ann: Guest, bob: Guest) -> None:
        self.here = here
        self.there = there
        self.ann = ann
        self.bob = bob
        self.sent = 0

    @classmethod
    async def made(cls, nodes: Nodes, look: redis.Redis, *, missed: int = 5, **sections: dict[str, Any]) -> Away:
        here, there = await nodes.start(**sections), await nodes.start(**sections)
        await (await there.guest("eve")).line()
        away = cls(here, there, await here.guest("ann"), await here.guest("bob"))
        line = await away.bob.line()
        await away.send(3)
        await line.hear_many("message", 3)
        await line.say("ack", seq=3)
        await line.hang_up()
        await eventually_state(look, 3)
        await away.send(missed)
        await away.eventually_kept(look, away.sent)
        return away

    async def eventually_kept(self, look: redis.Redis, head: int) -> None:
        """The last entry is in Bob's recent log: to there it comes after it was acknowledged."""
        state, seq = state_of(look, "bob"), f"{head}-1"
        assert state is not None
        logs = f"roost:log:{state['epoch']}:*:{state['uid']}"

        async def kept() -> bool:
            return any(look.xrange(log, seq, seq) for log in look.keys(logs))

        await eventually(kept)

    async def send(self, count: int) -> None:
        """Ann, who has no connection, says so many more."""
        sender = await self.ann.line()
        if sender.ready["position"] < sender.ready["headSeq"]:
            await sender.hear("offline")
        await sender.send_many("bob", count, first=self.sent + 1)
        await sender.hang_up()
        self.sent += count

    async def back(self, **auth: Any) -> Line:
        """Bob at the other node."""
        return await Guest(self.there, "bob", self.bob.token).line(**auth)


async def eventually_state(look: redis.Redis, position: int) -> None:
    async def saved() -> bool:
        state = state_of(look, "bob")
        return state is not None and state["last_message_id"] == f"{position}-1"

    await eventually(saved)


async def both_found_it_again(logged: list[structlog.typing.EventDict]) -> None:
    """Both nodes heard that Redis was emptied, and have put there what it should have."""

    async def found() -> bool:
        return [event["event"] for event in logged].count("Redis is there") == 2

    await eventually(found)


def recoveries(source: str) -> float:
    return REGISTRY.get_sample_value("roost_recovery_seconds_count", {"source": source}) or 0.0


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Any:
    with asked(monkeypatch) as noted:
        yield noted


class TestFromRedis:
    async def test_a_follower_asks_no_database(self, nodes: Nodes, look: redis.Redis, questions: Asked) -> None:
        away = await Away.made(nodes, look, missed=350)
        questions.clear()
        before = recoveries("redis")
        follower = Follower(await away.back(lastSeq=3), 3)
        await follower.read_to(353)
        assert questions == []
        assert recoveries("redis") == before + 1
        assert follower.contents == numbers(4, 353)

    async def test_what_the_first_batch_does_not_hold_is_counted(
        self, nodes: Nodes, look: redis.Redis, questions: Asked
    ) -> None:
        away = await Away.made(nodes, look, missed=130)
        questions.clear()
        missed = await (await away.back()).hear("offline")
        assert questions == []
        assert contents(missed) == numbers(4, 103)
        assert missed["remaining"] == 30

    async def test_own_messages_and_changes_are_passed_over(
        self, nodes: Nodes, look: redis.Redis, questions: Asked
    ) -> None:
        """As by the database: what this device has sent over HTTP meanwhile is no news to it."""
        away = await Away.made(nodes, look, missed=0)
        for number in range(3):
            await away.bob.send(away.ann, f"mine {number}")
        await away.bob.ask("POST", "/conversations/p:ann:bob/read", {"conversationSeq": 2})
        await away.send(1)
        await away.eventually_kept(look, 8)
        questions.clear()
        line = await away.back()
        missed = await line.hear("offline")
        assert questions == []
        assert (line.ready["position"], contents(missed), missed["fromSeq"]) == (7, ["number 4"], 8)

    async def test_who_missed_nothing_gets_nothing(self, nodes: Nodes, look: redis.Redis, questions: Asked) -> None:
        away = await Away.made(nodes, look, missed=0)
        questions.clear()
        line = await away.back()
        await line.nothing()
        assert questions == []
        await away.send(1)
        assert (await line.hear("message"))["content"] == "number 4"

    async def test_what_is_sent_while_it_comes_back_comes_once(self, nodes: Nodes, look: redis.Redis) -> None:
        away = await Away.made(nodes, look, missed=0)
        for _ in range(5):
            sending = asyncio.create_task(away.send(40))
            line = await away.back()
            heard: list[str] = []
            while len(heard) < 40:
                frame = await line.hear("offline", "message")
                heard += contents(frame) if frame["type"] == "offline" else [frame["content"]]
                await line.say("ack", seq=frame.get("throughSeq") or frame["seq"])
            await sending
            assert heard == numbers(away.sent - 39, away.sent)
            await line.hang_up()
            await eventually_state(look, away.sent)

    async def test_a_node_on_sqlite_has_it_too(self, nodes: Nodes, look: redis.Redis, questions: Asked) -> None:
        house = await nodes.start(server={"database": ""})
        ann, bob = await house.guest("ann"), await house.guest("bob")
        await (await bob.line()).hang_up()
        sender = await ann.line()
        await sender.send_many("bob", 3)
        line = await bob.line()
        await line.hear("offline")
        await line.say("ack", seq=2)
        await line.hang_up()
        await eventually_state(look, 2)
        questions.clear()
        assert contents(await (await bob.line()).hear("offline")) == numbers(3, 3)
        assert questions == []


class TestFromTheDatabase:
    @pytest.mark.parametrize("kind", ["roost:log", "roost:base", "roost:msg", "roost:generation", "client:sync"])
    async def test_what_expired_is_read_there(
        self, nodes: Nodes, look: redis.Redis, questions: Asked, kind: str
    ) -> None:
        away = await Away.made(nodes, look)
        for key in look.keys(f"{kind}*"):
            look.delete(key)
        questions.clear()
        line = await away.back()
        assert contents(await line.hear("offline")) == numbers(4, 8)
        assert line.ready["position"] == 3
        assert questions

    async def test_an_emptied_redis_changes_nothing_but_where_it_is_read(
        self, nodes: Nodes, look: redis.Redis, questions: Asked
    ) -> None:
        away = await Away.made(nodes, look)
        with structlog.testing.capture_logs() as logged:
            look.flushall()
            assert contents(await (await away.back()).hear("offline")) == numbers(4, 8)
            await both_found_it_again(logged)
        line = await away.back(lastSeq=2)
        follower = Follower(line, 2)
        await follower.read_to(8)
        await line.hang_up()
        await eventually_state(look, 8)
        await away.send(2)
        await away.eventually_kept(look, 10)
        questions.clear()
        assert contents(await (await away.back()).hear("offline")) == numbers(9, 10)
        assert questions == []  # begun anew by the visit before

    async def test_what_was_trimmed_or_has_a_hole_is_read_there(self, nodes: Nodes, look: redis.Redis) -> None:
        away = await Away.made(nodes, look, missed=20)
        for log in look.keys("roost:log:*"):
            look.xdel(log, "9-1")
        assert contents(await (await away.back()).hear("offline")) == numbers(4, 23)
        for log in look.keys("roost:log:*"):
            look.xtrim(log, 5, approximate=False)
        follower = Follower(await away.back(lastSeq=3), 3)
        await follower.read_to(23)

    async def test_more_than_redis_keeps_is_read_there(self, nodes: Nodes, look: redis.Redis) -> None:
        away = await Away.made(nodes, look, missed=400, redis={"url": nodes.redis_url, "recent": 100})
        missed = await (await away.back()).hear("offline")
        assert (contents(missed), missed["remaining"]) == (numbers(4, 103), 300)
        follower = Follower(await away.back(lastSeq=3), 3)
        await follower.read_to(403)
        assert follower.contents == numbers(4, 403)

    async def test_what_a_dead_node_never_added_is_found(
        self, nodes: Nodes, look: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The recent log ends too early and does not know it; the watch over the heads does."""
        away = await Away.made(nodes, look)
        with monkeypatch.context() as patch:
            patch.setattr("roost.journal.redis.RedisRecent.add", lambda *_: None)
            await away.send(2)
        line = await away.back()
        assert contents(await line.hear("offline")) == numbers(4, 8)
        assert [one["content"] for one in await line.hear_many("message", 2)] == numbers(9, 10)
        line = await away.back()  # that log is begun anew
        assert contents(await line.hear("offline")) == numbers(4, 10)
        await away.send(1)
        assert (await line.hear("message"))["content"] == "number 11"

    async def test_a_position_ahead_of_redis_is_not_refused(
        self, nodes: Nodes, look: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        away = await Away.made(nodes, look)
        with monkeypatch.context() as patch:
            patch.setattr("roost.journal.redis.RedisRecent.add", lambda *_: None)
            await away.send(2)
        line = await away.back(lastSeq=10)
        assert line.ready["headSeq"] == 10

    async def test_marks_beyond_the_position_are_known_there_alone(
        self, nodes: Nodes, look: redis.Redis, questions: Asked
    ) -> None:
        away = await Away.made(nodes, look)
        listed = (await away.bob.get("/messages/offline")).data["messages"]
        marked = [one["serverMsgID"] for one in listed[1:3]]
        await away.bob.ask("POST", "/messages/mark_synced", {"message_ids": marked})
        questions.clear()
        line = await away.back()
        assert contents(await line.hear("offline")) == ["number 4", "number 7", "number 8"]
        assert questions
        await line.say("ack", seq=8)
        await line.hang_up()
        await eventually_state(look, 8)
        await away.send(1)
        await away.eventually_kept(look, 9)
        questions.clear()
        assert contents(await (await away.back()).hear("offline")) == ["number 9"]
        assert questions == []

    async def test_a_cleared_log_is_not_served_from_redis(self, nodes: Nodes, look: redis.Redis) -> None:
        away = await Away.made(nodes, look, missed=1)
        line = await away.back()
        await line.hear("offline")
        await line.say("ack", seq=4)
        await line.hang_up()
        await eventually_state(look, 4)
        await away.bob.ask("DELETE", "/messages/offline/clear?days=0")
        await (await away.back(lastSeq=4)).nothing()
        line = await away.back(lastSeq=1)
        reset = await line.hear("sync_batch")
        assert (reset["resetRequired"], reset["retainedSeq"]) == (True, 4)

    async def test_another_epoch_is_another_log(self, nodes: Nodes, look: redis.Redis) -> None:
        away = await Away.made(nodes, look)
        line = await away.back(lastSeq=4, epoch="ffffffffffffffff")
        assert (await line.hear("sync_batch"))["resetRequired"]

    async def test_who_asks_over_http_is_answered_by_the_database(
        self, nodes: Nodes, look: redis.Redis, questions: Asked
    ) -> None:
        away = await Away.made(nodes, look)
        questions.clear()
        page = await Guest(away.there, "bob", away.bob.token).sync(3)
        assert [one["content"] for one in page["messages"]] == numbers(4, 8)
        assert questions


class TestFaults:
    async def test_a_redis_that_is_killed_while_devices_come_back_drops_nobody(
        self, mortal_nodes: Nodes, mortal_redis: RedisProcess
    ) -> None:
        with mortal_redis.look() as look:
            away = await Away.made(mortal_nodes, look, missed=300)
        followers = [Follower(await away.back(lastSeq=3), 3) for _ in range(5)]
        coming = [asyncio.create_task(away.back()) for _ in range(20)]
        reading = [asyncio.create_task(follower.read_to(303, ack=False)) for follower in followers]
        await asyncio.sleep(0)
        mortal_redis.kill()
        await asyncio.gather(*reading)
        for line in await asyncio.gather(*coming):
            assert contents(await line.hear("offline")) == numbers(4, 103)
            await line.nothing()
        for follower in followers:
            assert follower.contents == numbers(4, 303)

    async def test_every_step_that_redis_refuses_is_logged_and_the_database_has_it(
        self, mortal_nodes: Nodes, mortal_redis: RedisProcess
    ) -> None:
        with mortal_redis.look() as look, structlog.testing.capture_logs() as logged:
            away = await Away.made(mortal_nodes, look)
            look.acl_setuser("default", enabled=True, commands=["-xrevrange"])
            assert contents(await (await away.back()).hear("offline")) == numbers(4, 8)
            assert steps(logged) == {"find its place in the recent log"}
            look.delete("client:sync:bob:phone")
            await Follower(await away.back(lastSeq=3), 3).read_to(8, ack=False)
            assert "read the recent log" in steps(logged)
            look.acl_setuser("default", enabled=True, commands=["+xrevrange", "-get"])
            line = await away.back()
            assert contents(await line.hear("offline")) == numbers(4, 8)
            assert {"fetch the sync state", "begin the recent log"} <= steps(logged)
            await line.say("ack", seq=8)
            await away.send(1)
            assert (await line.hear("message"))["content"] == "number 9"

            async def told() -> bool:
                return {"save the sync state", "add to the recent log"} <= steps(logged)

            await eventually(told)
            look.acl_setuser("default", enabled=True, commands=["+@all"])

    async def test_states_that_could_not_be_saved_are_saved_when_redis_is_back(
        self, mortal_nodes: Nodes, mortal_redis: RedisProcess
    ) -> None:
        with mortal_redis.look() as look:
            away = await Away.made(mortal_nodes, look)
        line = await away.back()
        missed = await line.hear("offline")
        mortal_redis.kill()
        await line.say("ack", seq=missed["throughSeq"])
        await line.hang_up()

        async def saved() -> bool:
            return await away.bob.position() == 8

        await eventually(saved)  # in the database
        mortal_redis.start()
        with mortal_redis.look() as look:
            await eventually_state(look, 8)

    async def test_without_redis_at_the_start_everything_goes_on(
        self, mortal_nodes: Nodes, mortal_redis: RedisProcess
    ) -> None:
        mortal_redis.kill()
        here = await mortal_nodes.start(sync=NOT_SAVED_BY_ITSELF)
        ann, bob = await here.guest("ann"), await here.guest("bob")
        await (await ann.line()).send_many("bob", 3)
        assert contents(await (await bob.line()).hear("offline")) == numbers(1, 3)


def steps(logged: list[Any]) -> set[str]:
    return {one["step"] for one in logged if "step" in one}
