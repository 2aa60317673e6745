"""Reactions and pins over HTTP (D9): who may, how many, in which order, and what recalling does to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.edge.people import Answer, Person, Town

Settle = Callable[..., Awaitable[Town]]


async def react(person: Person, message: Any, emoji: str) -> Answer:
    return await person.put(f"/messages/{message['serverMsgID']}/reactions/{emoji}")


async def unreact(person: Person, message: Any, emoji: str) -> Answer:
    return await person.delete(f"/messages/{message['serverMsgID']}/reactions/{emoji}")


async def pin(person: Person, message: Any) -> Answer:
    return await person.put(f"/messages/{message['serverMsgID']}/pin")


async def unpin(person: Person, message: Any) -> Answer:
    return await person.delete(f"/messages/{message['serverMsgID']}/pin")


async def pins(person: Person, conversation: str) -> list[str]:
    found = (await person.get(f"/conversations/{conversation}/pins")).data["messages"]
    assert all(message["pinned"] for message in found)
    return [message["content"] for message in found]


async def test_reactions_are_read_everywhere_in_the_order_of_coming(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    assert "reactions" not in (await bob.sync())["messages"][0]
    await react(bob, sent, "👍")
    await react(alice, sent, "❤️")
    changed = (await react(alice, sent, "👍")).data
    expected = {"👍": [bob.user_id, alice.user_id], "❤️": [alice.user_id]}
    assert (changed["reactions"], changed["version"], "editTime" in changed) == (expected, 4, False)
    (message,) = (await bob.sync())["messages"]
    assert (message["reactions"], message["seq"], list(message["reactions"])) == (expected, 4, ["👍", "❤️"])
    (listed,) = (await bob.get("/snapshot")).data["conversations"]
    assert listed["messages"][0]["reactions"] == expected


async def test_a_reaction_is_there_once_and_goes_with_its_last_user(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    for _ in range(2):
        assert (await react(bob, sent, "👍")).data["reactions"] == {"👍": [bob.user_id]}
    assert (await unreact(alice, sent, "👍")).data["version"] == 2
    for _ in range(2):
        assert "reactions" not in (await unreact(bob, sent, "👍")).data
    assert (await bob.sync())["headSeq"] == 3


async def test_reactions_are_not_unread(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    await bob.post(f"/conversations/{alice.conversation(bob)}/read", {"conversationSeq": 1})
    await react(alice, sent, "👍")
    assert (await bob.get("/messages/unread_count")).data["total"] == 0


async def test_at_most_20_kinds(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    for number in range(20):
        assert (await react(alice, sent, chr(0x1F400 + number))).status == 200
    answer = await react(alice, sent, "👍")
    assert (answer.refusal, answer.body["data"]) == ((409, "limit_reached"), {"limit": 20})
    assert (await react(bob, sent, "\U0001f400")).status == 200


async def test_only_members_react_and_only_with_emoji(town: Town, alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    assert (await react(await town.person(), sent, "👍")).refusal == (404, "unknown_message")
    assert (await react(alice, sent, "yes")).refusal == (400, "invalid_input")


async def test_the_pinned_messages_are_listed_in_the_order_of_pinning(alice: Person, bob: Person) -> None:
    messages = await alice.send_many(bob, 3)
    conversation = alice.conversation(bob)
    for number in (2, 0, 1):
        assert (await pin(bob, messages[number])).data["pinned"] is True
    assert await pins(alice, conversation) == ["message 3", "message 1", "message 2"]
    assert "pinned" not in (await unpin(alice, messages[0])).data
    await pin(alice, messages[2])
    await pin(alice, messages[0])
    assert await pins(bob, conversation) == ["message 3", "message 2", "message 1"]
    found = (await bob.sync())["messages"]
    assert {message["content"]: message.get("pinned") for message in found} == {
        "message 1": True,
        "message 2": True,
        "message 3": True,
    }


async def test_in_a_group_the_owner_and_admins_pin(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    sent = await bob.tell(group)
    assert (await pin(bob, sent)).refusal == (403, "forbidden")
    assert (await pin(alice, sent)).status == 200
    assert (await unpin(bob, sent)).refusal == (403, "forbidden")
    await alice.put(f"/groups/{group}/members/{bob.user_id}", {"role": "admin"})
    assert (await unpin(bob, sent)).status == 200


async def test_a_conversation_has_so_many_pins(settle: Settle) -> None:
    town = await settle(messages={"max_pins": 2})
    ann, bob = await town.person("ann"), await town.person("bob")
    messages = await ann.send_many(bob, 3)
    await pin(ann, messages[0])
    await pin(ann, messages[1])
    answer = await pin(ann, messages[2])
    assert (answer.refusal, answer.body["data"]) == ((409, "limit_reached"), {"limit": 2})
    await unpin(bob, messages[0])
    assert (await pin(ann, messages[2])).status == 200
    assert await pins(ann, "p:ann:bob") == ["message 2", "message 3"]


async def test_recalling_takes_reactions_and_the_pin_away(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    await react(bob, sent, "👍")
    await pin(bob, sent)
    changed = (await alice.post(f"/messages/{sent['serverMsgID']}/recall")).data
    assert not {"reactions", "pinned"} & set(changed)
    assert await pins(bob, alice.conversation(bob)) == []
    for refused in (react(bob, sent, "👍"), unreact(bob, sent, "👍"), pin(bob, sent), unpin(bob, sent)):
        assert (await refused).refusal == (409, "message_recalled")


async def test_an_edit_keeps_reactions_and_the_pin(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    await react(bob, sent, "👍")
    await pin(bob, sent)
    edited = (await alice.patch(f"/messages/{sent['serverMsgID']}", {"content": "other"})).data
    assert (edited["reactions"], edited["pinned"]) == ({"👍": [bob.user_id]}, True)


async def test_pins_are_for_members(town: Town, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    stranger = await town.person()
    assert (await stranger.get(f"/conversations/g:{group}/pins")).refusal == (403, "not_a_member")
    await alice.send(bob)
    assert (await stranger.get(f"/conversations/{alice.conversation(bob)}/pins")).refusal == (403, "not_a_member")
    assert (await alice.get("/conversations/g:no-such/pins")).refusal == (404, "unknown_conversation")
