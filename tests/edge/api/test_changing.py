"""Editing and recalling over HTTP (D9): what everybody reads then, who may, and until when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.edge.people import Answer, Person, Town

Settle = Callable[..., Awaitable[Town]]


async def edit(person: Person, message: Any, content: str) -> Answer:
    return await person.patch(f"/messages/{message['serverMsgID']}", {"content": content})


async def recall(person: Person, message: Any) -> Answer:
    return await person.post(f"/messages/{message['serverMsgID']}/recall")


async def test_an_edit_is_read_everywhere_and_takes_a_new_place_in_the_log(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob, "helo")
    await alice.send(bob, "second")
    changed = (await edit(alice, sent, "hello")).data
    assert (changed["content"], changed["version"], "seq" in changed) == ("hello", 2, False)
    assert changed["editTime"] >= changed["serverTime"]
    page = await bob.sync()
    assert [(one["seq"], one["content"]) for one in page["messages"]] == [(2, "second"), (3, "hello")]
    assert (page["maxSeq"], page["headSeq"], page["hasMore"]) == (3, 3, False)
    assert [one["content"] for one in (await bob.sync(2))["messages"]] == ["hello"]
    history = (await bob.get(f"/messages/user/{alice.user_id}")).data["messages"]
    assert [(one["conversationSeq"], one["content"]) for one in history] == [(1, "hello"), (2, "second")]
    assert [one["seq"] for one in (await alice.sync())["messages"]] == [2, 3]


async def test_an_edit_is_not_unread_and_a_recalled_message_neither(alice: Person, bob: Person) -> None:
    first, second = await alice.send_many(bob, 2)
    await bob.post(f"/conversations/{alice.conversation(bob)}/read", {"conversationSeq": 1})
    await edit(alice, first, "other")
    assert (await bob.get("/messages/unread_count")).data["total"] == 1
    await recall(alice, second)
    assert (await bob.get("/messages/unread_count")).data["total"] == 0


async def test_a_recalled_text_is_nowhere(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob, "the secret word")
    assert (await recall(alice, sent)).data["content"] == ""
    for path in ("/conversations", f"/messages/user/{alice.user_id}", "/messages/offline", "/snapshot"):
        for person in (alice, bob):
            other = path.replace(alice.user_id, bob.user_id) if person is alice else path
            answer = await person.get(other)
            assert answer.status == 200
            assert "secret" not in str(answer.body)
    for person in (alice, bob):
        (message,) = (await person.sync())["messages"]
        assert (message["content"], message["conversationSeq"], message["version"]) == ("", 1, 2)
        assert message["recallTime"] >= message["serverTime"]
    repeated = await alice.post("/messages/user", {"to": bob.user_id, "content": "x", "messageID": sent["messageID"]})
    assert "secret" not in str(repeated.body)


async def test_what_is_changed_already_changes_nothing(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob, "hi")
    assert (await edit(alice, sent, "hi")).data["version"] == 1
    first, again = [(await recall(alice, sent)).data for _ in range(2)]
    assert first == again
    assert (await bob.sync())["headSeq"] == 2


async def test_only_the_author_edits(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    assert (await edit(bob, sent, "x")).refusal == (403, "forbidden")
    assert (await recall(bob, sent)).refusal == (403, "forbidden")


async def test_strangers_and_unknown_ids_find_nothing(town: Town, alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    stranger = await town.person()
    assert (await edit(stranger, sent, "x")).refusal == (404, "unknown_message")
    assert (await recall(stranger, sent)).refusal == (404, "unknown_message")
    for name in ("9007199254740991", "99999999999999999999", "no-such", "0", "%00"):
        assert (await edit(alice, {"serverMsgID": name}, "x")).refusal == (404, "unknown_message")


async def test_a_message_has_also_the_name_that_its_author_gave_it(alice: Person, bob: Person) -> None:
    await alice.send(bob, "hi", messageID="note one")
    assert (await edit(alice, {"serverMsgID": "note one"}, "ho")).data["content"] == "ho"
    assert (await edit(bob, {"serverMsgID": "note one"}, "x")).refusal == (404, "unknown_message")


async def test_who_has_left_changes_nothing_any_more(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    sent, other = await bob.tell(group), await alice.tell(group)
    await bob.post(f"/groups/{group}/leave")
    assert (await edit(bob, sent, "x")).refusal == (403, "not_a_member")
    assert (await recall(bob, other)).refusal == (404, "unknown_message")
    head = (await bob.sync())["headSeq"]
    await edit(alice, other, "after bob")
    assert (await bob.sync())["headSeq"] == head
    await alice.delete(f"/groups/{group}")
    assert (await edit(alice, other, "x")).refusal == (404, "unknown_message")


async def test_a_recalled_message_is_not_edited(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    await recall(alice, sent)
    assert (await edit(alice, sent, "x")).refusal == (409, "message_recalled")


async def test_only_texts_are_edited(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob, "wave", messageType=4)
    assert (await edit(alice, sent, "x")).refusal == (400, "invalid_input")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"content": ""}, "invalid_input"),
        ({}, "invalid_input"),
        ({"content": "a" * 5001}, "content_too_long"),
        ({"content": "a\0b"}, "invalid_input"),
    ],
)
async def test_an_edit_is_of_the_form_of_a_message(alice: Person, bob: Person, body: Any, error: str) -> None:
    sent = await alice.send(bob)
    assert (await alice.patch(f"/messages/{sent['serverMsgID']}", body)).refusal == (400, error)


async def test_each_change_has_its_window(settle: Settle) -> None:
    town = await settle(messages={"edit_window": 1, "recall_window": 1})
    ann, bob, cat = [await town.person(name) for name in ("ann", "bob", "cat")]
    group = await ann.group(bob, cat)
    await ann.put(f"/groups/{group}/members/cat", {"role": "admin"})
    sent = [await bob.tell(group) for _ in range(3)]
    while (answer := await edit(bob, sent[0], f"{town.name()}")).status == 200:
        pass
    assert (answer.refusal, answer.body["data"]) == ((403, "too_late"), {"window": 1})
    assert (await recall(bob, sent[0])).refusal == (403, "too_late")
    assert (await recall(ann, sent[0])).status == 200
    assert (await recall(cat, sent[1])).status == 200
    private = await ann.send(bob)
    assert (await recall(bob, private)).refusal == (403, "forbidden")


async def test_windows_of_0_never_close(settle: Settle) -> None:
    town = await settle(messages={"edit_window": 0, "recall_window": 0})
    ann, bob = await town.person("ann"), await town.person("bob")
    sent = await ann.send(bob)
    assert (await edit(ann, sent, "later")).status == 200
    assert (await recall(ann, sent)).status == 200


async def test_changes_count_as_messages(settle: Settle) -> None:
    town = await settle(limits={"messages_per_minute": 3})
    ann, bob = await town.person("ann"), await town.person("bob")
    sent = await ann.send(bob)
    assert (await edit(ann, sent, "one")).status == 200
    assert (await edit(ann, sent, "two")).status == 200
    assert (await recall(ann, sent)).refusal == (429, "rate_limited")


async def test_the_offline_list_has_a_changed_message_once(alice: Person, bob: Person) -> None:
    first, second = await alice.send_many(bob, 2)
    await edit(alice, first, "changed")
    page = await bob.offline()
    assert [(one["seq"], one["content"]) for one in page["messages"]] == [(2, "message 2"), (3, "changed")]
    assert (page["total"], page["hasMore"]) == (3, False)
    ids = [first["serverMsgID"], second["serverMsgID"]]
    await bob.post("/messages/mark_synced", {"messageIDs": ids})
    assert (await bob.offline())["total"] == 0
    await recall(alice, first)
    assert [one["content"] for one in (await bob.offline())["messages"]] == [""]
