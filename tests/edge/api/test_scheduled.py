"""Scheduling over HTTP: what may be asked, by whom, and that the server sends it by itself."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.edge.people import Person, Town


def wish(alice: Person, bob: Person, seconds: float, **more: Any) -> dict[str, Any]:
    at = int((time.time() + seconds) * 1000)
    return {"conversationID": alice.conversation(bob), "content": "later", "sendTime": at, **more}


async def test_the_server_sends_it_by_itself(alice: Person, bob: Person) -> None:
    made = (await alice.post("/messages/scheduled", wish(alice, bob, 1, messageID="m-1", ttl=60))).data
    assert (made["messageID"], made["ttl"]) == ("m-1", 60)
    async with asyncio.timeout(20):
        while not (found := (await bob.sync())["messages"]):  # noqa: ASYNC110 - its time has to come
            await asyncio.sleep(0.05)
    assert [(one["content"], one["messageID"], one["ttl"]) for one in found] == [("later", "m-1", 60)]
    async with asyncio.timeout(20):
        while (await alice.get("/messages/scheduled")).data["scheduled"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_it_may_reply_to_a_message_by_its_senders_own_id(alice: Person, bob: Person) -> None:
    first = await alice.send(bob, messageID="mine")
    made = (await alice.post("/messages/scheduled", wish(alice, bob, 1, replyTo="mine"))).data
    assert made["replyTo"] == first["serverMsgID"]
    assert (await alice.get("/messages/scheduled")).data == {"scheduled": [made]}
    async with asyncio.timeout(20):
        while len(found := (await bob.sync())["messages"]) < 2:  # noqa: ASYNC110 - its time has to come
            await asyncio.sleep(0.05)
    assert found[1]["replyTo"] == first["serverMsgID"]


async def test_what_waits_is_listed_changed_and_cancelled(alice: Person, bob: Person) -> None:
    made = await alice.post("/messages/scheduled", wish(alice, bob, 100))
    assert made.status == 201
    path = f"/messages/scheduled/{made.data['scheduledID']}"
    changed = (await alice.patch(path, {"content": "other"})).data
    assert changed == made.data | {"content": "other"}
    assert (await alice.get("/messages/scheduled")).data == {"scheduled": [changed]}
    assert (await alice.patch(path, {})).refusal == (400, "invalid_input")
    assert (await bob.delete(path)).refusal == (404, "unknown_message")
    assert (await alice.delete(path)).data == {"scheduledID": made.data["scheduledID"]}
    assert (await alice.get("/messages/scheduled")).data == {"scheduled": []}


async def test_what_can_not_be_sent_is_refused_at_once(alice: Person, bob: Person, town: Town) -> None:
    cleo = await town.person(town.name("cleo"))
    assert (await cleo.post("/messages/scheduled", wish(alice, bob, 9))).refusal == (403, "not_a_member")
    for bad in ({"sendTime": 5}, {"content": ""}, {"messageType": 5}, {"ttl": -1}, {"sendTime": 2**52}):
        asked = await alice.post("/messages/scheduled", wish(alice, bob, 9) | bad)
        assert asked.refusal == (400, "invalid_input"), bad


@pytest.mark.parametrize("field", ["conversationID", "sendTime", "content"])
async def test_what_is_needed_is_named(alice: Person, bob: Person, field: str) -> None:
    asked = wish(alice, bob, 9)
    del asked[field]
    refused = await alice.post("/messages/scheduled", asked)
    assert field in refused.body["message"]
