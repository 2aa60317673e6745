"""Changed messages across nodes (D9): told by the bus, recovered from Redis, and a recalled text is in neither."""

from __future__ import annotations

import pytest
import redis

from tests.blackbox.house import Guest
from tests.cluster.recovery import Nodes, asked
from tests.cluster.test_document_b import left, read


async def test_who_was_away_gets_the_changed_message_from_redis_and_a_recalled_text_is_not_there(
    nodes: Nodes, look: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await nodes.start(), await nodes.start()
    ann, bob = await here.guest("ann"), await here.guest("bob")
    await there.guest("bob", "laptop")
    sender, line = await ann.line(), await bob.line()
    other = await Guest(there, "bob", there.token("bob", "laptop")).line()
    sent = [await sender.send("bob", content) for content in ("helo", "secret")]
    await read(line, 2)
    await other.hear_many("message", 2)
    await line.hang_up()
    await left(look, bob, 2)
    await sender.say("edit", serverMsgID=sent[0]["serverMsgID"], content="hello")
    await sender.say("recall", serverMsgID=sent[1]["serverMsgID"])
    live = await other.hear_many("message", 2)
    with asked(monkeypatch) as questions:
        line = await Guest(there, "bob", bob.token).line()
        missed = await line.hear("offline")
        assert questions == []
    for messages in (live, missed["messages"]):
        assert [(one["seq"], one["content"], one["version"]) for one in messages] == [(3, "hello", 2), (4, "", 2)]
    bodies = [look.get(key) for key in look.scan_iter("roost:msg:*")]
    assert len(bodies) == 2
    assert not any("secret" in str(body) for body in bodies)
