"""The tests that document B names (B7), on real Redis and PostgreSQL and over real sockets; the device comes back to
another node than it left. What is missed is served from Redis: no database is asked.
"""

from __future__ import annotations

import pytest
import redis

from tests.blackbox.house import Guest
from tests.blackbox.line import Line, eventually
from tests.cluster.recovery import Nodes, asked, state_of

DAY = 86_400


def contents(frame: dict[str, list[dict[str, str]]]) -> list[str]:
    return [message["content"] for message in frame["messages"]]


async def left(look: redis.Redis, guest: Guest, position: int, device: str = "phone") -> None:
    """Waits until the state of a device says so."""

    async def saved() -> bool:
        state = state_of(look, guest.user_id, device)
        return state is not None and state["last_message_id"] == f"{position}-1"

    await eventually(saved)


async def read(line: Line, count: int) -> None:
    """Takes so many live messages, and acks them."""
    messages = await line.hear_many("message", count)
    await line.say("ack", seq=messages[-1]["seq"])


async def test_offline_message_recovery_basic_flow(
    nodes: Nodes, look: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Online, offline, online again: what came meanwhile is sent, once, in order, and then what comes is live."""
    here, there = await nodes.start(), await nodes.start()
    await (await there.guest("eve")).line()  # the node has had somebody, but not bob
    ann, bob = await here.guest("ann"), await here.guest("bob")
    sender, line = await ann.line(), await bob.line()
    await sender.send_many("bob", 3)
    await read(line, 3)
    await line.hang_up()
    await left(look, bob, 3)
    await sender.send_many("bob", 5, first=4)
    with asked(monkeypatch) as questions:
        line = await Guest(there, "bob", bob.token).line()
        missed = await line.hear("offline")
        assert questions == []
    assert contents(missed) == [f"number {number}" for number in range(4, 9)]
    assert (line.ready["position"], line.ready["headSeq"], missed["remaining"]) == (3, 8, 0)
    await line.say("ack", seq=missed["throughSeq"])
    await sender.send("bob", "live")
    assert (await line.hear("message"))["content"] == "live"
    await line.nothing()


async def test_offline_message_recovery_with_no_previous_state(nodes: Nodes, look: redis.Redis) -> None:
    """Who has no state starts from the beginning, by the same path (B3)."""
    here, there = await nodes.start(), await nodes.start()
    ann, bob = await here.guest("ann"), await here.guest("bob")
    await (await ann.line()).send_many("bob", 4)
    assert state_of(look, "bob") is None
    line = await Guest(there, "bob", bob.token).line()
    missed = await line.hear("offline")
    assert line.ready["position"] == 0
    assert contents(missed) == [f"number {number}" for number in range(1, 5)]
    await line.say("ack", seq=4)
    await left(look, bob, 4)


async def test_multiple_clients_same_conversation_independent_recovery(
    nodes: Nodes, look: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two devices of a user, and another member: each gets what it missed (B4)."""
    here, there = await nodes.start(), await nodes.start()
    await (await there.guest("eve")).line()
    ann, bob = await here.guest("ann"), await here.guest("bob")
    tablet = await bob.on("tablet")
    sender, lines = await ann.line(), [await bob.line(), await tablet.line()]
    await sender.send_many("bob", 2)
    for line in lines:
        await read(line, 2)
    await lines[0].hang_up()
    await left(look, bob, 2)
    await sender.send_many("bob", 3, first=3)
    await read(lines[1], 3)
    await lines[1].hang_up()
    await left(look, bob, 5, "tablet")
    await sender.send_many("bob", 2, first=6)
    with asked(monkeypatch) as questions:
        lines = [await Guest(there, "bob", guest.token).line() for guest in (bob, tablet)]
        missed = [await line.hear("offline") for line in lines]
        assert questions == []
    assert contents(missed[0]) == [f"number {number}" for number in range(3, 8)]
    assert contents(missed[1]) == ["number 6", "number 7"]


async def test_client_sync_state_persistence_and_ttl(nodes: Nodes, look: redis.Redis) -> None:
    """B2: the fields, the key, the 30 days; it outlives the connection and the node, and every save renews it."""
    here, there = await nodes.start(), await nodes.start()
    ann, bob = await here.guest("ann"), await here.guest("bob")
    sender, line = await ann.line(), await bob.line()
    await sender.send_many("bob", 2)
    await read(line, 2)
    await left(look, bob, 2)
    state = state_of(look, "bob")
    assert state is not None
    document = ("client_id", "user_id", "conversation_id", "last_message_id")
    assert [state[name] for name in document] == ["phone", "bob", None, "2-1"]
    assert state["last_sync_at"] > 1_700_000_000_000
    assert 30 * DAY - 60 <= look.ttl("client:sync:bob:phone") <= 30 * DAY
    look.expire("client:sync:bob:phone", 100)
    await line.hang_up()
    line = await Guest(there, "bob", bob.token).line()
    assert line.ready["position"] == 2
    await sender.send("bob", "one more")
    await read(line, 1)
    await left(look, bob, 3)
    assert look.ttl("client:sync:bob:phone") > 30 * DAY - 60
