"""Replies, mentions and forwarding over HTTP (D9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.people import Answer, Person, Town


async def to_group(person: Person, group: str, **fields: Any) -> Answer:
    return await person.post("/messages/group", {"to": group, "content": "hi", **fields})


async def forward(person: Person, message: Any, *to: str, **fields: Any) -> Answer:
    return await person.post(f"/messages/{message['serverMsgID']}/forward", {"to": list(to), **fields})


async def test_a_reply_names_what_it_is_to(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    for name in (sent["serverMsgID"], int(sent["serverMsgID"])):
        await bob.send(alice, "yes", replyTo=name)
    for person, other in ((alice, bob), (bob, alice)):
        found = (await person.get(f"/messages/user/{other.user_id}")).data["messages"]
        assert [one.get("replyTo") for one in found] == [None, sent["serverMsgID"], sent["serverMsgID"]]
        assert [one.get("replyTo") for one in (await person.sync())["messages"]][1:] == [sent["serverMsgID"]] * 2


async def test_a_reply_may_name_a_message_by_its_senders_own_id(alice: Person, bob: Person) -> None:
    first = await alice.send(bob, messageID="mine")
    await alice.send(bob, "and", replyTo="mine")
    assert [one.get("replyTo") for one in (await bob.sync())["messages"]] == [None, first["serverMsgID"]]
    body = {"to": alice.user_id, "content": "yes", "replyTo": "mine"}
    assert (await bob.post("/messages/user", body)).refusal == (404, "unknown_message")


async def test_a_reply_is_to_a_message_of_the_same_conversation(alice: Person, bob: Person) -> None:
    elsewhere = await alice.tell(await alice.group(bob))
    before = (await bob.sync())["headSeq"]
    for name in (elsewhere["serverMsgID"], "9007199254740991", "no-such", "", "\x00", "x" * 65):
        body = {"to": bob.user_id, "content": "x", "replyTo": name}
        assert (await alice.post("/messages/user", body)).refusal == (404, "unknown_message")
    assert (await bob.sync())["headSeq"] == before
    assert (await alice.send(bob, "after it"))["conversationSeq"] == 1


async def test_members_are_mentioned_each_once(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await to_group(alice, group, mentions=[bob.user_id, alice.user_id, bob.user_id])).status == 200
    assert (await bob.sync())["messages"][-1]["mentions"] == [bob.user_id, alice.user_id]
    assert (await to_group(alice, group, mentions=[])).status == 200
    assert "mentions" not in (await bob.sync())["messages"][-1]


async def test_strangers_are_not_mentioned(town: Town, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    stranger = await town.person()
    for name in (stranger.user_id, "nobody-at-all"):
        assert (await to_group(alice, group, mentions=[bob.user_id, name])).refusal == (400, "invalid_input")
    assert (await to_group(alice, group, mentions=["not an id"])).refusal == (400, "invalid_id")
    assert (await to_group(alice, group, mentions=["a" + str(n) for n in range(101)])).refusal == (400, "invalid_input")


async def test_all_are_mentioned_by_the_owner_and_admins(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await to_group(alice, group, mentions=["@all"])).status == 200
    assert (await to_group(bob, group, mentions=["@all"])).refusal == (403, "forbidden")
    await alice.put(f"/groups/{group}/members/{bob.user_id}", {"role": "admin"})
    assert (await to_group(bob, group, mentions=["@all"])).status == 200
    assert (await bob.sync())["messages"][-1]["mentions"] == ["@all"]


async def test_a_recalled_message_mentions_nobody_and_stays_a_reply(alice: Person, bob: Person) -> None:
    first = await alice.send(bob)
    sent = await alice.send(bob, "x", replyTo=first["serverMsgID"], mentions=[bob.user_id])
    changed = (await alice.post(f"/messages/{sent['serverMsgID']}/recall")).data
    assert (changed["replyTo"], "mentions" in changed) == (first["serverMsgID"], False)


async def test_a_forwarded_message_says_where_it_is_from(town: Town, alice: Person, bob: Person) -> None:
    cleo = await town.person()
    group = await bob.group(cleo)
    sent = await alice.send(bob, "news", messageType=4, mentions=[bob.user_id])
    answer = (await forward(bob, sent, f"g:{group}", bob.conversation(cleo))).data["receipts"]
    assert [one["conversationID"] for one in answer] == [f"g:{group}", bob.conversation(cleo)]
    origin = {
        "conversationID": alice.conversation(bob),
        "serverMsgID": sent["serverMsgID"],
        "senderID": alice.user_id,
    }
    copies = (await cleo.sync())["messages"]
    assert [(one["content"], one["messageType"], one["senderID"]) for one in copies] == [("news", 4, bob.user_id)] * 2
    assert [one["forwardedFrom"] for one in copies] == [origin] * 2
    assert not any("mentions" in one for one in copies)
    await alice.post(f"/messages/{sent['serverMsgID']}/recall")
    assert [one["content"] for one in (await cleo.sync())["messages"]] == ["news"] * 2
    recalled = (await bob.post(f"/messages/{answer[0]['serverMsgID']}/recall")).data
    assert (recalled["content"], recalled["forwardedFrom"]) == ("", origin)


async def test_forwarding_again_with_the_same_ids_is_safe(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    name = alice.conversation(bob)
    first, again = [(await forward(bob, sent, name, messageIDs=["copy 1"])).data["receipts"] for _ in range(2)]
    assert (first[0]["serverMsgID"], again[0]["duplicate"]) == (again[0]["serverMsgID"], True)


async def test_one_belongs_where_it_is_from_and_where_it_goes(town: Town, alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    cleo = await town.person()
    theirs = await cleo.group()
    own = bob.conversation(cleo)
    assert (await forward(cleo, sent, own)).refusal == (404, "unknown_message")
    for targets in ([f"g:{theirs}", own], [own, f"g:{theirs}"], [own, alice.conversation(cleo)]):
        assert (await forward(bob, sent, *targets)).refusal == (403, "not_a_member")
    assert (await forward(bob, sent, "g:no-such")).refusal == (404, "unknown_conversation")
    assert (await cleo.sync())["messages"] == []
    await alice.post(f"/messages/{sent['serverMsgID']}/recall")
    assert (await forward(bob, sent, own)).refusal == (409, "message_recalled")


@pytest.mark.parametrize("to", [[], ["x"], ["g:a", "g:a"], [f"g:{number}" for number in range(21)]])
async def test_the_targets_are_conversations_each_once(alice: Person, bob: Person, to: list[str]) -> None:
    assert (await forward(bob, await alice.send(bob), *to)).status == 400
