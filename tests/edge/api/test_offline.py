from __future__ import annotations

import gzip
from typing import Any

import pytest

from roost.protocol import roost_pb2 as pb
from tests.edge.people import Person, Town

PROTOBUF = "application/x-protobuf"


async def test_a_page_of_the_log_covers_what_it_says(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 5)
    page = await bob.sync(1, count=3)
    assert [message["seq"] for message in page["messages"]] == [2, 3, 4]
    assert (page["fromSeq"], page["maxSeq"], page["headSeq"]) == (2, 4, 5)
    assert (page["hasMore"], page["totalCount"]) == (True, 4)


async def test_pages_until_has_more_is_false_have_every_message_once(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 11)
    found, last, more = [], 0, True
    while more:
        page = await bob.sync(last, count=4)
        found += [message["content"] for message in page["messages"]]
        last, more = page["maxSeq"], page["hasMore"]
    assert found == [f"message {number}" for number in range(1, 12)]


async def test_nothing_new_is_an_empty_page(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 2)
    page = await bob.sync(2)
    assert (page["messages"], page["maxSeq"], page["hasMore"], page["totalCount"]) == ([], 2, False, 0)


async def test_a_fresh_log_is_an_empty_page(alice: Person) -> None:
    page = await alice.sync(0)
    assert (page["messages"], page["changes"], page["maxSeq"], page["headSeq"]) == ([], [], 0, 0)


async def test_reading_moves_no_position(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    await bob.sync(0)
    assert (await bob.offline())["total"] == 3


async def test_changes_that_are_no_messages_are_told_apart(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    page = await bob.sync(0)
    assert page["messages"] == []
    assert [(change["seq"], change["kind"], change["conversationID"]) for change in page["changes"]] == [
        (1, "group", f"g:{group}")
    ]


async def test_last_seq_above_the_head_is_an_error(alice: Person) -> None:
    answer = await alice.post("/messages/sync", {"lastSeq": 1})
    assert answer.refusal == (400, "seq_ahead")
    assert answer.body["data"] == {"headSeq": 0}


async def test_last_seq_near_the_end_of_int64_is_ahead(alice: Person) -> None:
    assert (await alice.post("/messages/sync", {"lastSeq": 2**63 - 101})).refusal == (400, "seq_ahead")


async def test_a_foreign_epoch_asks_for_a_reset(alice: Person) -> None:
    page = await alice.sync(12, epoch="another")
    assert (page["resetRequired"], page["retainedSeq"]) == (True, 0)
    assert page["epoch"] == (await alice.get("/snapshot")).data["epoch"]


async def test_what_was_cleared_asks_for_a_reset(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    marks = [message["serverMsgID"] for message in (await bob.offline())["messages"]]
    await bob.post("/messages/mark_synced", {"message_ids": marks})
    await bob.delete("/messages/offline/clear?days=0")
    page = await bob.sync(1)
    assert (page["resetRequired"], page["retainedSeq"]) == (True, 3)
    assert not {"resetRequired", "retainedSeq"} & set(await bob.sync(3))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"lastSeq": -1}, "lastSeq"),
        ({"lastSeq": "1"}, "lastSeq"),
        ({"lastSeq": 2**63}, "lastSeq"),
        ({"lastSeq": -(2**70)}, "lastSeq"),
        ({"lastSeq": 0, "count": 0}, "count"),
        ({"lastSeq": 0, "count": 1001}, "count"),
        ({"lastSeq": 0, "count": 1.5}, "count"),
        ({"last_seq": True}, "lastSeq"),
        ([], "object"),
        (7, "object"),
    ],
)
async def test_a_bad_sync_is_refused_and_its_field_named(alice: Person, body: Any, named: str) -> None:
    answer = await alice.post("/messages/sync", body)
    assert answer.refusal == (400, "invalid_input")
    assert named in answer.body["message"]


async def test_fields_nobody_knows_are_passed_over(alice: Person) -> None:
    assert (await alice.sync(0, colour="blue"))["messages"] == []


async def protobuf(person: Person, body: bytes, **headers: str) -> Any:
    return await person.post("/messages/sync", content=body, headers={"Content-Type": PROTOBUF, **headers})


async def test_sync_speaks_protobuf(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    answer = await protobuf(bob, pb.SyncRequest(lastSeq=1, count=500).SerializeToString())
    assert answer.headers["content-type"] == PROTOBUF
    page = pb.SyncResponse.FromString(answer.body)
    assert [(message.seq, message.content) for message in page.messages] == [(2, "message 2"), (3, "message 3")]
    assert (page.maxSeq, page.hasMore, page.totalCount) == (3, False, 2)


async def test_accept_decides_what_the_answer_speaks(alice: Person) -> None:
    as_json = await protobuf(alice, pb.SyncRequest().SerializeToString(), Accept="application/json")
    assert as_json.data["messages"] == []
    as_protobuf = await alice.post("/messages/sync", {"lastSeq": 0}, headers={"Accept": PROTOBUF})
    assert pb.SyncResponse.FromString(as_protobuf.body).headSeq == 0


async def test_an_empty_protobuf_body_asks_from_the_beginning(alice: Person, bob: Person) -> None:
    await alice.send(bob)
    answer = await protobuf(bob, b"")
    assert pb.SyncResponse.FromString(answer.body).maxSeq == 1


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"{}x", b"\x08"])
async def test_what_is_not_protobuf_is_refused(alice: Person, body: bytes) -> None:
    assert (await protobuf(alice, body)).refusal == (400, "malformed")


async def test_protobuf_may_be_packed(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 3)
    body = gzip.compress(pb.SyncRequest(lastSeq=2).SerializeToString())
    answer = await protobuf(bob, body, **{"Content-Encoding": "gzip"})
    assert pb.SyncResponse.FromString(answer.body).maxSeq == 3


async def test_the_offline_list_is_in_pages_oldest_first(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 5)
    page = await bob.offline("?page=2&page_size=2")
    assert [message["content"] for message in page.pop("messages")] == ["message 3", "message 4"]
    assert page == {"page": 2, "pageSize": 2, "total": 5, "hasMore": True}


async def test_the_last_page_has_no_more(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 4)
    page = await bob.offline("?page=2&pageSize=2")
    assert (len(page["messages"]), page["hasMore"]) == (2, False)


async def test_a_page_after_the_last_is_empty(alice: Person, bob: Person) -> None:
    await alice.send(bob)
    page = await bob.offline("?page=1000000&page_size=1000")
    assert (page["messages"], page["total"], page["hasMore"]) == ([], 1, False)


async def test_the_offline_list_of_one_conversation(town: Town, alice: Person, bob: Person) -> None:
    carol = await town.person()
    await alice.send(bob, "from alice")
    await carol.send(bob, "from carol")
    page = await bob.offline(f"?conversation_id={carol.conversation(bob)}")
    assert [message["content"] for message in page["messages"]] == ["from carol"]
    assert page["total"] == 1


async def test_a_conversation_that_has_not_begun_has_nothing_offline(alice: Person, bob: Person) -> None:
    assert (await bob.offline(f"?conversationID={alice.conversation(bob)}"))["total"] == 0


async def test_the_conversations_of_others_are_not_told(town: Town, alice: Person, bob: Person) -> None:
    mallory = await town.person()
    before = await mallory.get(f"/messages/offline?conversation_id={alice.conversation(bob)}")
    await alice.send(bob)
    after = await mallory.get(f"/messages/offline?conversation_id={alice.conversation(bob)}")
    assert before.refusal == after.refusal == (403, "not_a_member")


async def test_own_messages_are_not_offline(alice: Person, bob: Person) -> None:
    await alice.send(bob)
    assert (await alice.offline())["total"] == 0


async def test_each_device_has_its_own_list(town: Town, alice: Person) -> None:
    name = town.name()
    phone, laptop = await town.person(name, "phone"), await town.person(name, "laptop")
    receipt = await alice.send(phone)
    await phone.post("/messages/mark_synced", {"message_ids": [receipt["serverMsgID"]]})
    assert [(await device.offline())["total"] for device in (phone, laptop)] == [0, 1]


@pytest.mark.parametrize(
    ("query", "named", "error"),
    [
        ("page=0", "page", "invalid_input"),
        ("page=-1", "page", "invalid_input"),
        ("page=x", "page", "invalid_input"),
        ("page=", "page", "invalid_input"),
        ("page=1&page=2", "page", "invalid_input"),
        (f"page={10**30}", "page", "invalid_input"),
        ("page_size=0", "pageSize", "invalid_input"),
        ("page_size=1001", "pageSize", "invalid_input"),
        ("pageSize=1.5", "pageSize", "invalid_input"),
        ("conversation_id=x", "conversationID", "invalid_id"),
        ("conversation_id=p:b:a", "conversationID", "invalid_id"),
        ("&".join(f"f{number}=1" for number in range(200)), "fields", "invalid_input"),
    ],
)
async def test_a_bad_page_is_refused_and_its_field_named(alice: Person, query: str, named: str, error: str) -> None:
    answer = await alice.get(f"/messages/offline?{query}")
    assert answer.refusal == (400, error)
    assert named in answer.body["message"]


@pytest.mark.parametrize("kind", ["text", "number", "own"])
async def test_messages_are_marked_by_either_id(alice: Person, bob: Person, kind: str) -> None:
    receipt = await alice.send(bob)
    server_id, own_id = receipt["serverMsgID"], receipt["messageID"]
    marks = {"text": server_id, "number": int(server_id), "own": own_id}
    answer = await bob.post("/messages/mark_synced", {"message_ids": [marks[kind]]})
    assert answer.data == {"synced": 1}
    assert (await bob.offline())["total"] == 0


async def test_marking_again_and_marking_what_is_unknown_are_harmless(alice: Person, bob: Person) -> None:
    receipt = await alice.send(bob)
    marks = [receipt["serverMsgID"], receipt["serverMsgID"], 2**52, "unknown", 0, -1, 2**80]
    assert (await bob.post("/messages/mark_synced", {"messageIDs": marks})).data == {"synced": 1}
    assert (await bob.post("/messages/mark_synced", {"messageIDs": marks})).data == {"synced": 0}


async def test_messages_of_others_cannot_be_marked(town: Town, alice: Person, bob: Person) -> None:
    receipt = await alice.send(bob)
    mallory = await town.person()
    assert (await mallory.post("/messages/mark_synced", {"message_ids": [receipt["serverMsgID"]]})).data == {
        "synced": 0
    }
    assert (await bob.offline())["total"] == 1


@pytest.mark.parametrize("body", [{}, {"message_ids": "1"}, {"message_ids": [1.5]}, {"message_ids": list(range(1001))}])
async def test_bad_marks_are_refused_and_the_field_named(alice: Person, body: Any) -> None:
    answer = await alice.post("/messages/mark_synced", body)
    assert answer.refusal == (400, "invalid_input")
    assert "messageIDs" in answer.body["message"]


async def test_unread_is_counted_by_conversation_and_in_all(town: Town, alice: Person, bob: Person) -> None:
    carol = await town.person()
    await alice.send_many(bob, 2)
    await carol.send(bob)
    counts = (await bob.get("/messages/unread_count")).data
    assert counts["total"] == 3
    assert {each["conversationID"]: each["unread"] for each in counts["conversations"]} == {
        alice.conversation(bob): 2,
        carol.conversation(bob): 1,
    }


async def test_nothing_is_unread_at_first(alice: Person) -> None:
    assert (await alice.get("/messages/unread_count")).data == {"total": 0, "conversations": []}


async def test_only_what_is_synced_is_cleared(alice: Person, bob: Person) -> None:
    receipts = await alice.send_many(bob, 3)
    await bob.post("/messages/mark_synced", {"message_ids": [receipt["serverMsgID"] for receipt in receipts[:2]]})
    assert (await bob.delete("/messages/offline/clear?days=0")).data == {"cleared": 2}
    assert (await bob.offline())["total"] == 1


async def test_seven_days_are_kept(alice: Person, bob: Person) -> None:
    receipt = await alice.send(bob)
    await bob.post("/messages/mark_synced", {"message_ids": [receipt["serverMsgID"]]})
    assert (await bob.delete("/messages/offline/clear")).data == {"cleared": 0}


@pytest.mark.parametrize("days", ["-1", "36501", "x", "1.5", ""])
async def test_bad_days_are_refused(alice: Person, days: str) -> None:
    answer = await alice.delete(f"/messages/offline/clear?days={days}")
    assert answer.refusal == (400, "invalid_input")
    assert "days" in answer.body["message"]
