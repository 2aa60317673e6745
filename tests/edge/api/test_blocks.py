"""Block lists over HTTP and on sockets (D9)."""

from __future__ import annotations

import pytest

from tests.edge.people import Person, Town

FORBIDDEN = (403, "forbidden")


async def test_a_user_is_blocked_and_unblocked(alice: Person, bob: Person) -> None:
    assert (await bob.put(f"/blocks/{alice.user_id}")).data is None
    [block] = (await bob.get("/blocks")).data["blocks"]
    assert block["userID"] == alice.user_id
    assert (await bob.get("/snapshot")).data["blocks"] == [block]
    assert (await alice.post("/messages/user", {"to": bob.user_id, "content": "hi"})).refusal == FORBIDDEN
    assert (await bob.delete(f"/blocks/{alice.user_id}")).status == 200
    assert (await bob.get("/blocks")).data["blocks"] == []
    await alice.send(bob)


async def test_the_refusal_does_not_say_why(alice: Person, bob: Person) -> None:
    await bob.put(f"/blocks/{alice.user_id}")
    answer = await alice.post("/messages/user", {"to": bob.user_id, "content": "hi"})
    assert (answer.body["message"], answer.body["data"]) == ("You can't write to this user.", None)


async def test_what_was_said_is_not_changed_into_something_else(alice: Person, bob: Person) -> None:
    hers, his = await alice.send(bob), await bob.send(alice)
    await bob.put(f"/blocks/{alice.user_id}")
    assert (await alice.patch(f"/messages/{hers['serverMsgID']}", {"content": "ha"})).refusal == FORBIDDEN
    assert (await alice.put(f"/messages/{his['serverMsgID']}/reactions/👎")).refusal == FORBIDDEN
    assert (await alice.put(f"/messages/{his['serverMsgID']}/pin")).refusal == FORBIDDEN
    assert (await alice.post(f"/messages/{hers['serverMsgID']}/recall")).status == 200


async def test_groups_are_as_before_but_nobody_is_added_by_who_is_blocked(
    town: Town, alice: Person, bob: Person
) -> None:
    group = await alice.group(bob)
    await bob.put(f"/blocks/{alice.user_id}")
    assert (await alice.tell(group))["conversationSeq"] == 1
    other = await alice.group()
    assert (await alice.put(f"/groups/{other}/members/{bob.user_id}")).refusal == FORBIDDEN
    assert (await alice.post("/groups", {"members": [bob.user_id]})).refusal == FORBIDDEN
    token = (await alice.post(f"/groups/{other}/invitations")).data["token"]
    assert (await bob.post(f"/invitations/{token}/join")).status == 200


@pytest.mark.parametrize(("name", "refusal"), [("nobody", (404, "unknown_receiver")), ("a b", (400, "invalid_id"))])
async def test_who_is_blocked_is_a_user(alice: Person, name: str, refusal: tuple[int, str]) -> None:
    assert (await alice.put(f"/blocks/{name}")).refusal == refusal
    assert (await alice.delete(f"/blocks/{name}")).refusal == refusal


async def test_nobody_blocks_oneself(alice: Person) -> None:
    assert (await alice.put(f"/blocks/{alice.user_id}")).refusal == (400, "invalid_input")


async def test_who_is_blocked_does_not_learn_what_is_read(alice: Person, bob: Person) -> None:
    conversation = alice.conversation(bob)
    sent = await alice.send_many(bob, 3)
    read = f"/conversations/{conversation}/read"
    await bob.post(read, {"conversationSeq": 1})
    await bob.put(f"/blocks/{alice.user_id}")
    await bob.post(read, {"conversationSeq": 2})

    async def seen() -> tuple[int, bool, int]:
        """How far Bob has read, as Alice's lists, receipts and log say."""
        [listed] = (await alice.get("/conversations")).data["conversations"]
        receipts = (await alice.get(f"/messages/{sent[1]['serverMsgID']}/receipts")).data
        assert receipts["read"] == receipts["receipts"][0]["read"]
        marks = [change["conversationSeq"] for change in (await alice.sync())["changes"]]
        return listed["marks"][0]["readSeq"], receipts["receipts"][0]["read"], max(marks)

    assert await seen() == (1, False, 1)
    await bob.delete(f"/blocks/{alice.user_id}")
    assert await seen() == (2, True, 2)
    await bob.post(read, {"conversationSeq": 3})
    assert await seen() == (3, True, 3)
