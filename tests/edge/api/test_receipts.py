"""Who has got and who has read a message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.people import Person, Town


async def store(person: Person) -> None:
    """The person's device says that it has stored all that its log has."""
    found = await person.sync()
    ids = [message["serverMsgID"] for message in found["messages"]]
    await person.post("/messages/mark_synced", {"messageIDs": ids})


async def read(person: Person, conversation: str, seq: int) -> None:
    assert (await person.post(f"/conversations/{conversation}/read", {"conversationSeq": seq})).status == 200


async def receipts(person: Person, receipt: Any, query: str = "") -> Any:
    return (await person.get(f"/messages/{receipt['serverMsgID']}/receipts{query}")).data


async def state(person: Person, receipt: Any) -> dict[str, tuple[bool, bool]]:
    found = (await receipts(person, receipt))["receipts"]
    return {one["userID"]: (one["delivered"], one["read"]) for one in found}


async def test_a_message_is_sent_then_delivered_then_read(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    assert await state(alice, sent) == {bob.user_id: (False, False)}
    await store(bob)
    assert await state(alice, sent) == {bob.user_id: (True, False)}
    await read(bob, alice.conversation(bob), 1)
    assert await state(alice, sent) == {bob.user_id: (True, True)}
    later = await alice.send(bob)
    assert await state(alice, later) == {bob.user_id: (False, False)}
    assert (await receipts(alice, sent))["read"] == 1


async def test_what_was_read_is_delivered_whatever_positions_say(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    await read(bob, alice.conversation(bob), 1)
    assert await state(alice, sent) == {bob.user_id: (True, True)}


async def test_receipts_come_in_pages_and_only_of_those_whom_the_message_was_for(town: Town, alice: Person) -> None:
    others = [await town.person() for _ in range(5)]
    group = await alice.group(*others)
    sent = await alice.tell(group)
    late = await town.person()
    await alice.put(f"/groups/{group}/members/{late.user_id}")
    await alice.tell(group)
    await read(others[3], f"g:{group}", 1)
    found: list[str] = []
    after = ""
    while True:
        page = await receipts(alice, sent, f"?limit=2{after}")
        assert (page["receivers"], page["read"]) == (5, 1)
        found += [one["userID"] for one in page["receipts"]]
        if page["nextAfter"] is None:
            break
        after = f"&after={page['nextAfter']}"
    assert found == [other.user_id for other in others]


async def test_a_stranger_is_told_of_no_receipts(town: Town, alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    carol = await town.person()
    answer = await carol.get(f"/messages/{sent['serverMsgID']}/receipts")
    assert answer.refusal == (404, "unknown_message")
    assert (await alice.get("/messages/123456789/receipts")).refusal == (404, "unknown_message")
    assert (await alice.get(f"/messages/{sent['serverMsgID']}/receipts?limit=0")).refusal == (400, "invalid_input")
    nobody = await alice.get(f"/messages/{sent['serverMsgID']}/receipts?after=nobody")
    assert nobody.refusal == (400, "invalid_input")
    found = (await carol.get(f"/conversations/marks?conversation_ids={alice.conversation(bob)}")).data
    assert found == {"conversations": []}


async def test_the_marks_of_small_conversations_are_in_the_list_the_snapshot_and_asked_for(
    town: Town, alice: Person, bob: Person
) -> None:
    group = await alice.group(bob)
    await alice.tell(group)
    await alice.send(bob)
    await store(bob)
    await read(bob, f"g:{group}", 1)
    expected = {
        f"g:{group}": [{"userID": bob.user_id, "readSeq": 1, "deliveredSeq": 1}],
        alice.conversation(bob): [{"userID": bob.user_id, "deliveredSeq": 1}],
    }
    for path in ("/conversations", "/snapshot", f"/conversations/marks?conversation_ids={','.join(expected)}"):
        shown = (await alice.get(path)).data["conversations"]
        assert {one["conversationID"]: one["marks"] for one in shown} == expected
    for bad in ("", "x", ",".join(["g:a"] * 101)):
        assert (await alice.get(f"/conversations/marks?conversation_ids={bad}")).status == 400


@pytest.mark.parametrize("members", [20, 21])
async def test_read_marks_of_a_large_group_are_in_the_readers_own_log_alone(
    town: Town, alice: Person, bob: Person, members: int
) -> None:
    others = [await town.person() for _ in range(members - 2)]
    group = await alice.group(bob, *others)
    await alice.tell(group)
    await read(bob, f"g:{group}", 1)
    small = members == 20
    assert [one["kind"] for one in (await bob.sync())["changes"]][1:] == ["read"]
    assert [one["kind"] for one in (await alice.sync())["changes"]][1:] == ["read"] * small
    [conversation] = (await alice.get("/conversations")).data["conversations"]
    assert ("marks" in conversation) is small
    sent = (await alice.get(f"/messages/group/{group}")).data["messages"][0]
    assert (await receipts(alice, sent))["read"] == 1


async def test_every_advance_is_a_change(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 4)
    for person, seq in ((bob, 1), (bob, 2), (alice, 1), (bob, 4)):
        await read(person, alice.conversation(bob), seq)
    found = [(one["seq"], one["userID"], one["conversationSeq"]) for one in (await alice.sync())["changes"]]
    assert found == [(5, bob.user_id, 1), (6, bob.user_id, 2), (7, alice.user_id, 1), (8, bob.user_id, 4)]
