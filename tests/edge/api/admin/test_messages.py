from __future__ import annotations

from typing import Any

import pytest

from tests.edge.api.admin.conftest import operator_of
from tests.edge.people import Person, Town


async def last(person: Person) -> Any:
    return (await person.sync())["messages"][-1]


async def test_the_server_writes_to_a_user(shop: Person, alice: Person) -> None:
    sent = await shop.post("/admin/messages", {"to": alice.user_id, "content": "welcome", "messageID": alice.user_id})
    assert sent.status == 201
    message = await last(alice)
    assert (message["senderID"], message["messageType"], message["content"]) == ("system", 5, "welcome")
    assert message["serverMsgID"] == sent.data["serverMsgID"]
    again = await shop.post("/admin/messages", {"to": alice.user_id, "content": "2", "messageID": alice.user_id})
    assert (again.data["serverMsgID"], again.data["duplicate"]) == (sent.data["serverMsgID"], True)


async def test_the_server_writes_into_any_conversation(shop: Person, alice: Person, bob: Person) -> None:
    group = f"g:{await alice.group(bob)}"
    await alice.send(bob)
    for conversation in (group, alice.conversation(bob)):
        await shop.post("/admin/messages", {"conversationID": conversation, "content": conversation})
        for person in (alice, bob):
            message = await last(person)
            assert (message["conversationID"], message["content"]) == (conversation, conversation)
            history = (await person.sync())["messages"]
            assert [each["seq"] for each in history] == sorted(each["seq"] for each in history)
    assert (await alice.get("/messages/unread_count")).data["total"] == 2


async def test_a_user_is_let_send_a_sticker_and_the_server_sends_none(
    town: Town, shop: Person, alice: Person, bob: Person
) -> None:
    pack = town.name("pack")
    wave = {"stickerID": "wave", "emoji": "👋", "url": "https://example.org/wave.webp"}
    await shop.put(f"/admin/stickers/{pack}", {"name": "Cats", "stickers": [wave]})
    carried = {"packID": pack, "stickerID": "wave"}
    body = {"to": bob.user_id, "senderID": alice.user_id, "sticker": carried}
    assert (await shop.post("/admin/messages", body)).data["sticker"] == {"packID": pack} | wave
    message = await last(bob)
    assert (message["messageType"], message["content"], message["sticker"]) == (4, "👋", {"packID": pack} | wave)
    assert (await shop.post("/admin/messages", body | {"content": "hi"})).refusal == (400, "invalid_input")
    missing = body | {"sticker": {"packID": pack, "stickerID": "tea"}}
    assert (await shop.post("/admin/messages", missing)).refusal == (404, "unknown_sticker")
    of_the_server = {"to": bob.user_id, "sticker": carried}
    assert (await shop.post("/admin/messages", of_the_server)).refusal == (400, "invalid_input")
    assert (await shop.post("/admin/messages", {"to": bob.user_id})).refusal == (400, "invalid_input")


async def test_nobody_is_the_server(town: Town, shop: Person, alice: Person) -> None:
    await shop.post("/admin/messages", {"to": alice.user_id, "content": "hello"})
    assert (await shop.post("/admin/users/system/tokens")).refusal == (403, "user_deactivated")
    with pytest.raises(AssertionError):
        await town.person("system")


async def test_a_user_of_that_name_is_not_taken_for_the_server(settle: Any) -> None:
    town = await settle(admin={"system_user": "ann"})
    ann = await town.person("ann")
    operator = operator_of(town)
    refused = await operator.post("/admin/messages", {"to": "ann", "content": "hello"})
    assert refused.refusal == (409, "conflict")
    assert (await ann.sync())["maxSeq"] == 0


async def test_a_back_end_writes_as_a_user(shop: Person, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    where: tuple[dict[str, Any], ...] = (
        {"to": bob.user_id},
        {"conversationID": alice.conversation(bob)},
        {"conversationID": f"g:{group}"},
    )
    for place in where:
        sent = await shop.post("/admin/messages", {"senderID": alice.user_id, "content": "hi", **place})
        assert sent.status == 201
        for person in (alice, bob):
            message = await last(person)
            assert (message["senderID"], message["messageType"]) == (alice.user_id, 1)
            assert message["serverMsgID"] == sent.data["serverMsgID"]


async def test_a_user_writes_only_where_it_belongs(town: Town, shop: Person, alice: Person, bob: Person) -> None:
    cat = await town.person(town.name("cat"))
    group = await bob.group(cat)
    await bob.send(cat)
    body = {"senderID": alice.user_id, "content": "hi"}
    assert (await shop.post("/admin/messages", body | {"conversationID": f"g:{group}"})).refusal == (
        403,
        "not_a_member",
    )
    strange = await shop.post("/admin/messages", body | {"conversationID": bob.conversation(cat)})
    assert strange.refusal == (400, "invalid_input")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"content": "where to?"}, (400, "invalid_input")),
        ({"to": "bob", "conversationID": "g:x", "content": "where to?"}, (400, "invalid_input")),
        ({"to": "nobody-there", "content": "x"}, (404, "unknown_receiver")),
        ({"conversationID": "g:nowhere", "content": "x"}, (404, "unknown_conversation")),
        ({"conversationID": "nowhere", "content": "x"}, (400, "invalid_id")),
        ({"to": "bob", "content": ""}, (400, "invalid_input")),
        ({"to": "bob", "content": "x", "messageType": 1}, (400, "invalid_input")),
        ({"to": "bob", "content": "x", "replyTo": 1}, (400, "invalid_input")),
        ({"to": "bob", "content": "x", "senderID": "nobody-there"}, (404, "unknown_receiver")),
    ],
)
async def test_a_bad_message_is_refused(shop: Person, body: Any, refusal: tuple[int, str]) -> None:
    assert (await shop.post("/admin/messages", body)).refusal == refusal


async def test_a_user_never_sends_as_the_server(shop: Person, alice: Person, bob: Person) -> None:
    body = {"senderID": alice.user_id, "to": bob.user_id, "content": "x", "messageType": 5}
    assert (await shop.post("/admin/messages", body)).refusal == (400, "invalid_input")


async def test_anything_is_recalled_with_a_reason(shop: Person, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    for sent in (await alice.send(bob, "rude"), await alice.tell(group, "rude")):
        path = f"/admin/messages/{sent['serverMsgID']}/recall"
        gone = (await shop.post(path, {"reason": "against the rules"})).data
        assert (gone["content"], gone["recallReason"]) == ("", "against the rules")
        for person in (alice, bob):
            message = await last(person)
            assert (message["content"], message["recallReason"]) == ("", "against the rules")
        assert (await shop.post(path, {"reason": "another"})).data["recallReason"] == "against the rules"
    assert (await shop.post("/admin/messages/999999/recall")).refusal == (404, "unknown_message")


async def test_what_was_said_in_a_group_that_is_dissolved_is_recalled_for_who_reads_it_from_now_on(
    shop: Person, alice: Person, bob: Person
) -> None:
    group = await alice.group(bob)
    sent = await alice.tell(group, "rude")
    assert (await alice.put(f"/messages/{sent['serverMsgID']}/pin")).status == 200
    assert (await alice.delete(f"/groups/{group}")).status == 200
    head = (await bob.sync())["headSeq"]
    gone = (await shop.post(f"/admin/messages/{sent['serverMsgID']}/recall", {"reason": "against the rules"})).data
    assert (gone["content"], gone["recallReason"], gone["version"]) == ("", "against the rules", 3)
    page = await bob.sync()
    assert page["headSeq"] == head
    assert {message["content"] for message in page["messages"]} == {""}
    for person in (alice, bob):
        answer = await person.post(f"/messages/{sent['serverMsgID']}/recall")
        assert answer.status in (403, 404)


async def test_a_bot_has_a_limit_of_its_own(settle: Any) -> None:
    town = await settle(limits={"messages_per_minute": 1, "bot_messages_per_minute": 3})
    operator, bob = operator_of(town), await town.person("bob")
    made = await operator.post("/admin/users", {"userID": "robot", "bot": True})
    assert made.data["bot"]
    token = (await operator.post("/admin/users/robot/tokens", {"ttl": 3650 * 86400})).data["token"]
    robot = town.holder(token, "robot")
    sent = [await robot.post("/messages/user", {"to": "bob", "content": "same"}) for _ in range(4)]
    assert [answer.status for answer in sent] == [200, 200, 200, 429]
    assert (await bob.post("/messages/user", {"to": "robot", "content": "1"})).status == 200
    assert (await bob.post("/messages/user", {"to": "robot", "content": "2"})).status == 429


async def test_no_limit_holds_for_what_a_back_end_sends(settle: Any) -> None:
    town = await settle(limits={"messages_per_minute": 1})
    operator, ann, _ = operator_of(town), await town.person("ann"), await town.person("bob")
    for _ in range(3):
        sent = await operator.post("/admin/messages", {"senderID": "ann", "to": "bob", "content": "x"})
        assert sent.status == 201
    assert (await ann.post("/messages/user", {"to": "bob", "content": "1"})).status == 200
