from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.edge.people import Person, Town

LONG_AGO = 1_700_000_000_000


async def test_a_sent_message_has_its_receipt(alice: Person, bob: Person) -> None:
    answer = await alice.post("/messages/user", {"receiver_id": bob.user_id, "content": "hi", "messageID": "m1"})
    assert answer.status == 200
    receipt = answer.data
    assert receipt.pop("serverTime") > LONG_AGO
    assert receipt.pop("serverMsgID").isdigit()
    assert receipt == {
        "type": "sent",
        "messageID": "m1",
        "conversationID": alice.conversation(bob),
        "conversationSeq": 1,
        "seq": 1,
    }


@pytest.mark.parametrize("field", ["receiver_id", "receiverID", "to"])
async def test_the_receiver_may_be_spelled(alice: Person, bob: Person, field: str) -> None:
    assert (await alice.post("/messages/user", {field: bob.user_id, "content": "hi"})).status == 200


async def test_a_number_is_an_id(town: Town, alice: Person) -> None:
    await town.person("2")
    answer = await alice.post("/messages/user", {"receiver_id": 2, "content": "Hello!"})
    assert answer.data["conversationID"] == f"p:2:{alice.user_id}"


async def test_the_server_makes_a_message_id(alice: Person, bob: Person) -> None:
    first, second = await alice.send(bob), await alice.send(bob)
    assert first["messageID"] != second["messageID"]


async def test_sending_again_gives_the_first_result(alice: Person, bob: Person) -> None:
    first = await alice.send(bob, messageID="m1")
    again = await alice.send(bob, messageID="m1")
    assert again == first | {"duplicate": True}


@pytest.mark.parametrize(
    ("fields", "error", "named"),
    [
        ({"to": None}, "invalid_input", "receiverID"),
        ({"content": None}, "invalid_input", "content"),
        ({"content": 7}, "invalid_input", "content"),
        ({"content": ""}, "invalid_input", "content"),
        ({"content": "a\0b"}, "invalid_input", "content"),
        ({"content": "x" * 5001}, "content_too_long", "5001"),
        ({"to": "b ob"}, "invalid_id", "to"),
        ({"to": "b" * 51}, "invalid_id", "to"),
        ({"to": ["bob"]}, "invalid_input", "to"),
        ({"to": True}, "invalid_input", "to"),
        ({"messageID": "x" * 65}, "invalid_id", "messageID"),
        ({"messageID": ""}, "invalid_id", "messageID"),
        ({"messageType": 5}, "invalid_input", "messageType"),
        ({"messageType": "text"}, "invalid_input", "messageType"),
        ({"createTime": -1}, "invalid_input", "createTime"),
        ({"createTime": 2**80}, "invalid_input", "createTime"),
    ],
)
async def test_a_bad_message_is_refused_and_its_field_named(
    alice: Person, bob: Person, fields: Any, error: str, named: str
) -> None:
    body = {"to": bob.user_id, "content": "hi"} | fields
    answer = await alice.post("/messages/user", {name: value for name, value in body.items() if value is not None})
    assert answer.refusal == (400, error)
    assert named in answer.body["message"]
    assert (await bob.offline())["total"] == 0


async def test_5000_characters_are_allowed(alice: Person, bob: Person) -> None:
    await alice.send(bob, "💬" * 5000)
    assert (await bob.offline())["messages"][0]["content"] == "💬" * 5000


async def test_an_unknown_receiver_is_told(alice: Person) -> None:
    answer = await alice.post("/messages/user", {"to": "nobody", "content": "hi"})
    assert answer.refusal == (404, "unknown_receiver")


async def test_sending_too_fast_is_told_with_the_time_to_wait(settle: Any) -> None:
    town = await settle(limits={"messages_per_minute": 2})
    alice = await town.person()
    await alice.send_many(alice, 2)
    answer = await alice.post("/messages/user", {"to": alice.user_id, "content": "hi"})
    assert answer.refusal == (429, "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert 0 < answer.body["data"]["retryAfter"] <= 30


async def test_concurrent_sends_get_places_without_gaps(alice: Person, bob: Person) -> None:
    receipts = await asyncio.gather(*(alice.send(bob, str(number)) for number in range(40)))
    assert sorted(receipt["conversationSeq"] for receipt in receipts) == list(range(1, 41))


@pytest.mark.parametrize("field", ["group_id", "groupID", "to"])
async def test_members_send_to_their_group(alice: Person, bob: Person, field: str) -> None:
    group = await alice.group(bob)
    answer = await bob.post("/messages/group", {field: group, "content": "hi"})
    assert answer.data["conversationID"] == f"g:{group}"


async def test_others_do_not_send_to_a_group(alice: Person, bob: Person) -> None:
    answer = await bob.post("/messages/group", {"to": await alice.group(), "content": "hi"})
    assert answer.refusal == (403, "not_a_member")


async def test_there_must_be_a_group_to_send_to(alice: Person) -> None:
    answer = await alice.post("/messages/group", {"to": "no-such-club", "content": "hi"})
    assert answer.refusal == (404, "unknown_conversation")


async def test_history_has_the_newest_page_first_and_oldest_first_inside(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 5)
    page = (await bob.get(f"/messages/user/{alice.user_id}?limit=2")).data
    assert [message["conversationSeq"] for message in page["messages"]] == [4, 5]
    assert page["nextBefore"] == 4


async def test_history_ends_with_no_next_page(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 5)
    page = (await bob.get(f"/messages/user/{alice.user_id}?limit=2&before=3")).data
    assert [message["content"] for message in page["messages"]] == ["message 1", "message 2"]
    assert page["nextBefore"] is None


async def test_a_page_of_history_has_20_messages(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 21)
    assert len((await bob.get(f"/messages/user/{alice.user_id}")).data["messages"]) == 20


async def test_history_has_whole_messages(alice: Person, bob: Person) -> None:
    receipt = await alice.send(bob, "hi", messageID="m1", createTime=123)
    [message] = (await alice.get(f"/messages/user/{bob.user_id}")).data["messages"]
    assert message == {
        "messageID": "m1",
        "serverMsgID": receipt["serverMsgID"],
        "conversationID": alice.conversation(bob),
        "conversationSeq": 1,
        "senderID": alice.user_id,
        "messageType": 1,
        "content": "hi",
        "createTime": 123,
        "serverTime": receipt["serverTime"],
        "version": 1,
    }


async def test_history_with_somebody_new_is_empty(alice: Person, bob: Person) -> None:
    assert (await alice.get(f"/messages/user/{bob.user_id}")).data == {"messages": [], "nextBefore": None}


async def test_history_with_nobody_is_told(alice: Person) -> None:
    assert (await alice.get("/messages/user/nobody")).refusal == (404, "unknown_receiver")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=-1", "before=x", f"before={10**20}"])
async def test_a_bad_page_of_history_is_refused_and_its_field_named(alice: Person, query: str) -> None:
    answer = await alice.get(f"/messages/user/{alice.user_id}?{query}")
    assert answer.refusal == (400, "invalid_input")
    assert query.partition("=")[0] in answer.body["message"]


async def test_group_history_is_for_members(alice: Person, bob: Person) -> None:
    group = await alice.group()
    await alice.tell(group)
    assert len((await alice.get(f"/messages/group/{group}")).data["messages"]) == 1
    assert (await bob.get(f"/messages/group/{group}")).refusal == (403, "not_a_member")


async def test_who_has_a_lease_is_online(settle: Any) -> None:
    town = await settle()
    alice, bob = await town.person(), await town.person()
    await town.roads.presence.renew(bob.user_id)
    found = (await alice.get(f"/messages/online?user_ids={bob.user_id},{alice.user_id}")).data
    assert found[bob.user_id]["online"] is True
    assert found[bob.user_id]["lastSeen"] > LONG_AGO
    assert found[alice.user_id] == {"online": False, "lastSeen": None}


async def test_when_somebody_was_last_seen_is_in_the_database(settle: Any) -> None:
    town = await settle()
    alice = await town.person(device="phone")
    identity = await town.roads.users.identify(alice.user_id, "phone")
    await town.roads.users.seen([identity.did])
    seen = (await alice.get(f"/messages/online?user_ids={alice.user_id}")).data[alice.user_id]
    assert seen["online"] is False
    assert seen["lastSeen"] > LONG_AGO


@pytest.mark.parametrize(
    "query", ["user_ids=1,2,3", "userIDs=1,2,3", "user_ids=1&user_ids=2&user_ids=3", "user_ids=1,%202,3,"]
)
async def test_several_are_asked_about_at_once(alice: Person, query: str) -> None:
    assert set((await alice.get(f"/messages/online?{query}")).data) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "invalid_input"),
        ("user_ids=", "invalid_input"),
        ("user_ids=a/b", "invalid_id"),
        ("user_ids=" + ",".join(map(str, range(501))), "invalid_input"),
    ],
)
async def test_a_bad_list_of_users_is_refused(alice: Person, query: str, error: str) -> None:
    answer = await alice.get(f"/messages/online?{query}")
    assert answer.refusal == (400, error)
    assert "userIDs" in answer.body["message"]


async def test_500_are_asked_about_at_once(alice: Person) -> None:
    assert len((await alice.get("/messages/online?user_ids=" + ",".join(map(str, range(500))))).data) == 500


@pytest.mark.parametrize("prefix", ["/api/v1", "/api", ""])
async def test_message_routes_answer_as_the_source_documents_spell_them(town: Town, alice: Person, prefix: str) -> None:
    asking = town.holder(alice.token, prefix=prefix)
    assert (await asking.get(f"/messages/user/{alice.user_id}")).status == 200
    assert (await asking.get("/messages/online?user_ids=1,2,3")).status == 200
    assert (await asking.get("/messages/offline?page=1&page_size=10")).status == 200
    assert (await asking.get("/messages/unread_count")).status == 200


@pytest.mark.parametrize("prefix", ["/api", ""])
async def test_other_routes_answer_under_their_version_only(town: Town, alice: Person, prefix: str) -> None:
    assert (await town.holder(alice.token, prefix=prefix).get("/conversations")).status == 404


@pytest.mark.parametrize("ttl", [-1, 366 * 86_400 + 1, "soon"])
async def test_a_time_to_live_that_no_message_has_is_refused(alice: Person, bob: Person, ttl: object) -> None:
    asked = await alice.post("/messages/user", {"to": bob.user_id, "content": "hello", "ttl": ttl})
    assert asked.refusal == (400, "invalid_input")


async def test_a_message_tells_how_long_it_is_there_and_so_does_its_copy(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob, ttl=100)
    copy = {"to": [alice.conversation(bob)]}
    assert (await bob.post(f"/messages/{sent['serverMsgID']}/forward", copy)).status == 200
    first, second = (await bob.sync())["messages"]
    assert first["ttl"] == 100
    assert 90 <= second["ttl"] <= 100
