from __future__ import annotations

from typing import Any

import pytest

from tests.edge.people import Person, Town


async def listed(person: Person, query: str = "") -> Any:
    return (await person.get(f"/conversations{query}")).data["conversations"]


async def test_the_list_has_last_message_and_unread(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    [conversation] = await listed(bob)
    last = conversation.pop("lastMessage")
    assert (last["content"], last["senderID"]) == ("message 3", alice.user_id)
    assert conversation == {
        "conversationID": alice.conversation(bob),
        "conversationSeq": 3,
        "readSeq": 0,
        "unread": 3,
        "muted": False,
        "role": "member",
        "marks": [{"userID": alice.user_id, "deliveredSeq": 3}],
    }


async def test_the_latest_conversation_is_first(town: Town, alice: Person, bob: Person) -> None:
    carol = await town.person()
    await alice.send(bob)
    await carol.send(bob)
    await alice.send(bob)
    assert [each["conversationID"] for each in await listed(bob)] == [alice.conversation(bob), carol.conversation(bob)]


async def test_a_group_is_listed_before_its_first_message(alice: Person, bob: Person) -> None:
    group = (await alice.post("/groups", {"name": "Climbing", "members": [bob.user_id]})).data["conversationID"]
    [conversation] = await listed(bob)
    assert (conversation["conversationID"], conversation["name"], conversation["lastMessage"]) == (
        group,
        "Climbing",
        None,
    )


async def test_the_list_is_in_pages(alice: Person) -> None:
    for _ in range(3):
        await alice.group()
    first = (await alice.get("/conversations?page_size=2")).data
    second = (await alice.get("/conversations?page_size=2&page=2")).data
    assert (len(first["conversations"]), first["hasMore"]) == (2, True)
    assert (len(second["conversations"]), second["hasMore"]) == (1, False)


async def test_reading_lowers_unread(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    await bob.post(f"/conversations/{alice.conversation(bob)}/read", {"conversationSeq": 2})
    [conversation] = await listed(bob)
    assert (conversation["readSeq"], conversation["unread"]) == (2, 1)


async def test_a_read_mark_never_goes_back(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    for seq in (3, 1):
        answer = await bob.post(f"/conversations/{alice.conversation(bob)}/read", {"conversation_seq": seq})
        assert (answer.status, answer.data) == (200, None)
    assert (await listed(bob))[0]["readSeq"] == 3


async def test_a_read_mark_is_told_in_the_logs_of_both(alice: Person, bob: Person) -> None:
    await alice.send(bob)
    await bob.post(f"/conversations/{alice.conversation(bob)}/read", {"conversationSeq": 1})
    for person in (alice, bob):
        [change] = (await person.sync())["changes"]
        assert (change["kind"], change["userID"], change["conversationSeq"]) == ("read", bob.user_id, 1)


@pytest.mark.parametrize("body", [{"conversationSeq": 2}, {"conversationSeq": -1}, {"conversationSeq": "1"}, {}])
async def test_a_bad_read_mark_is_refused(alice: Person, bob: Person, body: Any) -> None:
    await alice.send(bob)
    answer = await bob.post(f"/conversations/{alice.conversation(bob)}/read", body)
    assert answer.refusal == (400, "invalid_input")
    assert "conversationSeq" in answer.body["message"]


async def test_the_body_does_not_change_which_conversation_is_meant(alice: Person, bob: Person) -> None:
    await alice.send(bob)
    body = {"conversationID": "p:x:y", "conversation_id": "p:x:y", "conversationSeq": 1}
    assert (await bob.post(f"/conversations/{alice.conversation(bob)}/read", body)).status == 200


async def test_an_escaped_conversation_id_is_the_same(alice: Person, bob: Person) -> None:
    await alice.send(bob)
    escaped = alice.conversation(bob).replace(":", "%3A")
    assert (await bob.post(f"/conversations/{escaped}/read", {"conversationSeq": 1})).status == 200


async def test_the_conversations_of_others_are_not_read(town: Town, alice: Person, bob: Person) -> None:
    mallory, group = await town.person(), await alice.group()
    await alice.send(bob)
    for conversation in (alice.conversation(bob), "p:a:b", f"g:{group}"):
        answer = await mallory.post(f"/conversations/{conversation}/read", {"conversationSeq": 0})
        assert answer.refusal == (403, "not_a_member")


async def test_a_conversation_that_has_not_begun_is_not_read(alice: Person, bob: Person) -> None:
    answer = await alice.post(f"/conversations/{alice.conversation(bob)}/read", {"conversationSeq": 0})
    assert answer.refusal == (404, "unknown_conversation")


@pytest.mark.parametrize(
    ("body", "muted"), [(None, True), ({}, True), ({"muted": True}, True), ({"muted": False}, False)]
)
async def test_a_conversation_is_muted_and_unmuted(alice: Person, bob: Person, body: Any, muted: bool) -> None:
    await alice.send(bob)
    path = f"/conversations/{alice.conversation(bob)}/mute"
    await bob.put(path, {"muted": not muted})
    assert (await bob.put(path, body)).data == {"conversationID": alice.conversation(bob), "muted": muted}
    assert (await listed(bob))[0]["muted"] is muted


async def test_muted_is_true_or_false(alice: Person) -> None:
    answer = await alice.put(f"/conversations/{alice.conversation(alice)}/mute", {"muted": "yes"})
    assert answer.refusal == (400, "invalid_input")


async def test_a_snapshot_has_what_a_new_client_needs(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 25)
    snapshot = (await bob.get("/snapshot")).data
    [conversation] = snapshot["conversations"]
    assert snapshot["maxSeq"] == 25
    assert [message["content"] for message in conversation["messages"]] == [f"message {n}" for n in range(6, 26)]
    assert {member["userID"] for member in conversation["members"]} == {alice.user_id, bob.user_id}
    assert (conversation["unread"], conversation["conversationSeq"]) == (25, 25)


async def test_a_client_goes_on_from_a_snapshot(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    snapshot = (await bob.get("/snapshot")).data
    await alice.send(bob, "after")
    page = await bob.sync(snapshot["maxSeq"], epoch=snapshot["epoch"])
    assert [message["content"] for message in page["messages"]] == ["after"]


async def test_the_snapshot_of_nothing_is_empty(alice: Person) -> None:
    snapshot = (await alice.get("/snapshot")).data
    assert (snapshot["maxSeq"], snapshot["conversations"]) == (0, [])


async def test_devices_are_listed_with_position_and_lag(town: Town, alice: Person) -> None:
    name = town.name()
    phone, laptop = await town.person(name, "phone"), await town.person(name, "laptop")
    receipts = await alice.send_many(phone, 3)
    await phone.post("/messages/mark_synced", {"message_ids": [receipts[0]["serverMsgID"]]})
    found = (await laptop.get("/devices")).data
    assert found["headSeq"] == 3
    devices = {device["deviceID"]: device for device in found["devices"]}
    assert (devices["phone"]["position"], devices["phone"]["lag"], devices["phone"]["current"]) == (1, 2, False)
    assert devices["phone"]["syncTime"] > 1_700_000_000_000
    assert devices["laptop"] == {
        "deviceID": "laptop",
        "position": 0,
        "lag": 3,
        "syncTime": None,
        "lastSeen": None,
        "current": True,
        "push": [],
    }


async def test_a_token_without_a_device_is_the_default_device(alice: Person) -> None:
    assert [device["deviceID"] for device in (await alice.get("/devices")).data["devices"]] == ["default"]
