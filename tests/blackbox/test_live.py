"""CONTRACT §4, what is told as it happens: read marks, typing, presence, who joins and leaves, questions."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.raw import request, text


async def test_ping_is_answered_with_the_server_s_time(ann: Guest) -> None:
    line = await ann.line()
    await line.say("ping")
    pong = await line.hear("pong")
    assert abs(pong["serverTime"] - time.time() * 1000) < 60_000


async def test_a_read_mark_is_told_to_ones_other_devices_and_never_goes_back(ann: Guest, bob: Guest) -> None:
    conversation = ann.conversation(bob)
    await (await ann.line()).send_many(bob.user_id, 5)
    phone, desk = await bob.line(lastSeq=5), await (await bob.on("desk")).line(lastSeq=5)
    assert await bob.unread() == {conversation: 5}
    await phone.say("read", conversationID=conversation, conversationSeq=3)
    for line in (phone, desk):
        change = await line.hear("change")
        assert (change["kind"], change["seq"]) == ("read", 6)
        assert (change["conversationID"], change["conversationSeq"], change["userID"]) == (conversation, 3, bob.user_id)
    assert await bob.unread() == {conversation: 2}
    for seq in (2, 3):
        await desk.say("read", conversationID=conversation, conversationSeq=seq)
    await desk.say("read", conversationID=conversation, conversationSeq=5)
    assert (await desk.hear("change"))["conversationSeq"] == 5, "a mark that stays where it was is no change"
    assert await bob.unread() == {}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"conversationID": "p:x:y", "conversationSeq": 1}, "not_a_member"),
        ({"conversationID": "p:ANN:BOB", "conversationSeq": 3}, "invalid_input"),
        ({"conversationID": "p:ANN:BOB", "conversationSeq": -1}, "invalid_input"),
        ({"conversationID": "p:ANN:BOB", "conversationSeq": 10**30}, "invalid_input"),
        ({"conversationID": "p:ANN:BOB"}, "invalid_input"),
        ({"conversationID": "p:BOB:ANN", "conversationSeq": 1}, "invalid_id"),
        ({"conversationID": "g:no-such-group", "conversationSeq": 1}, "unknown_conversation"),
        ({"conversationID": "g:OTHERS", "conversationSeq": 0}, "not_a_member"),
        ({"conversationID": "x:ANN:BOB", "conversationSeq": 1}, "invalid_id"),
        ({"conversationID": 7, "conversationSeq": 1}, "invalid_input"),
    ],
)
async def test_a_bad_read_mark_is_refused(
    ann: Guest, bob: Guest, cat: Guest, fields: dict[str, Any], error: str
) -> None:
    line = await ann.line()
    await line.send_many(bob.user_id, 2)
    others = await cat.group(bob)
    names = {"ANN": ann.user_id, "BOB": bob.user_id, "OTHERS": others}
    if isinstance(conversation := fields["conversationID"], str):
        fields = fields | {"conversationID": ":".join(names.get(part, part) for part in conversation.split(":"))}
    await line.say("read", **fields)
    await line.refused(error)
    await line.nothing()


async def test_nobody_learns_whether_others_talk(house: House, ann: Guest, bob: Guest, cat: Guest) -> None:
    line = await cat.line()
    for talked in (False, True):
        for kind, fields in (("read", {"conversationSeq": 1}), ("typing", {})):
            await line.say(kind, conversationID=ann.conversation(bob), **fields)
            await line.refused("not_a_member")
        if not talked:
            await ann.send(bob)


async def test_typing_is_told_to_the_others_and_never_logged(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob, cat)
    phone, desk = await ann.line(), await (await ann.on("desk")).line()
    there, elsewhere = await bob.line(), await cat.line(lastSeq=1)
    await phone.say("typing", conversationID=f"g:{group}")
    for line in (there, elsewhere, desk):
        assert await line.hear("typing") == {
            "type": "typing",
            "conversationID": f"g:{group}",
            "userID": ann.user_id,
        }
    await phone.nothing()
    assert (await bob.sync())["headSeq"] == 1


async def test_typing_is_told_before_the_first_message(ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    await line.say("typing", conversationID=ann.conversation(bob))
    assert (await there.hear("typing"))["userID"] == ann.user_id
    await line.nothing()


async def test_typing_in_others_conversations_is_refused(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob)
    line, there = await cat.line(), await bob.line()
    for conversation, error in (
        (f"g:{group}", "not_a_member"),
        ("g:no-such-group", "unknown_conversation"),
        ("nonsense", "invalid_id"),
    ):
        await line.say("typing", conversationID=conversation)
        await line.refused(error)
    await there.nothing()


async def test_presence_is_answered_and_then_told(ann: Guest, bob: Guest, cat: Guest) -> None:
    watcher, here = await ann.line(), await bob.line()
    await watcher.say("presence", userIDs=[bob.user_id, cat.user_id, "nobody"])
    users = (await watcher.hear("presence"))["users"]
    assert users.keys() == {bob.user_id, cat.user_id, "nobody"}
    assert users[bob.user_id]["online"] is True
    assert users[cat.user_id] == users["nobody"] == {"online": False}
    comes = await cat.line()
    assert (await watcher.hear("presence"))["users"][cat.user_id]["online"] is True
    await comes.hang_up()
    left = (await watcher.hear("presence"))["users"][cat.user_id]
    assert left["online"] is False
    assert left["lastSeen"] > 1_600_000_000_000
    await here.cut()
    assert (await watcher.hear("presence"))["users"][bob.user_id]["online"] is False


async def test_who_has_another_connection_left_stays_online(ann: Guest, bob: Guest) -> None:
    phone, desk = await bob.line(), await (await bob.on("desk")).line()
    watcher = await ann.line()
    await watcher.say("presence", userIDs=[bob.user_id])
    await watcher.hear("presence")
    await phone.hang_up()
    await desk.nothing()
    assert (await ann.online(bob.user_id))["online"] is True
    await watcher.nothing()


@pytest.mark.parametrize(
    ("user_ids", "error"),
    [(["a b"], "invalid_id"), (["ok"] * 501, "invalid_input"), ("ann", "invalid_input"), (None, "invalid_input")],
)
async def test_a_bad_subscription_is_refused(ann: Guest, user_ids: Any, error: str) -> None:
    line = await ann.line()
    await line.say("presence", userIDs=user_ids)
    await line.refused(error)
    await line.nothing()


async def test_who_joins_is_told_and_gets_what_comes_from_then_on(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob)
    conversation = f"g:{group}"
    lines = {one: await one.line() for one in (ann, bob, cat)}
    await lines[ann].send(group, "before cat", kind="group")
    await lines[bob].hear("message")
    await ann.put(f"/groups/{group}/members/{cat.user_id}")
    for line in lines.values():
        change = await line.hear("change")
        assert (change["kind"], change["action"], change["userID"]) == ("member", "joined", cat.user_id)
        assert (change["conversationID"], change["actorID"], change["role"]) == (conversation, ann.user_id, "member")
    assert await cat.unread() == {}
    await lines[ann].send(group, "hello cat", kind="group")
    assert (await lines[cat].hear("message"))["content"] == "hello cat"
    assert await cat.unread() == {conversation: 1}
    await lines[cat].send(group, "hello all", kind="group")


async def test_who_is_removed_is_told_and_gets_nothing_more(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob, cat)
    lines = {one: await one.line() for one in (ann, bob, cat)}
    await ann.delete(f"/groups/{group}/members/{cat.user_id}")
    for line in lines.values():
        change = await line.hear("change")
        assert (change["kind"], change["action"], change["userID"]) == ("member", "removed", cat.user_id)
    await lines[ann].send(group, "without cat", kind="group")
    assert (await lines[bob].hear("message"))["content"] == "without cat"
    await lines[cat].nothing()
    await lines[cat].say("group", to=group, content="let me in")
    await lines[cat].refused("not_a_member")
    await bob.post(f"/groups/{group}/leave")
    assert (await lines[ann].hear("change"))["action"] == (await lines[bob].hear("change"))["action"] == "left"


async def test_a_dissolved_group_takes_no_more_messages(ann: Guest, bob: Guest) -> None:
    group = await ann.group(bob)
    line = await bob.line()
    await ann.delete(f"/groups/{group}")
    change = await line.hear("change")
    assert (change["kind"], change["action"]) == ("group", "dissolved")
    await line.say("group", to=group, content="anyone?")
    await line.refused("unknown_conversation")


async def test_the_conversation_list_follows_what_happens(ann: Guest, bob: Guest, cat: Guest) -> None:
    async def listed(guest: Guest) -> list[tuple[str, int, str | None]]:
        found = (await guest.get("/conversations")).data["conversations"]
        return [
            (one["conversationID"], one["unread"], one["lastMessage"] and one["lastMessage"]["content"])
            for one in found
        ]

    assert await listed(bob) == []
    line = await ann.line()
    await line.send(bob.user_id, "one")
    group = await cat.group(bob)
    await (await cat.line()).send(group, "two", kind="group")
    private, shared = ann.conversation(bob), f"g:{group}"
    assert await listed(bob) == [(shared, 1, "two"), (private, 1, "one")]
    await line.send(bob.user_id, "three")
    assert await listed(bob) == [(private, 2, "three"), (shared, 1, "two")]
    there = await bob.line()
    await there.hear("offline")
    await there.send(ann.user_id, "four")
    assert await listed(bob) == [(private, 2, "four"), (shared, 1, "two")], "one's own are not unread"
    await there.say("read", conversationID=private, conversationSeq=3)
    await there.hear("change")
    assert await listed(bob) == [(private, 0, "four"), (shared, 1, "two")]
    assert await bob.unread() == {shared: 1}
    assert await listed(ann) == [(private, 1, "four")]


async def test_questions_are_answered_in_their_order_and_only_while_they_are_read(ann: Guest, bob: Guest) -> None:
    """Thousands of questions at once cost the server no more than one page at a time."""
    await (await ann.line()).send_many(bob.user_id, 300)
    _, _, raw = await request(bob.house.port)
    raw.write(text(type="auth", token=bob.token, lastSeq=300))
    assert (await raw.hear())["type"] == "ready"
    questions = [text(type="sync", lastSeq=number % 300, count=1000) for number in range(600)]
    before = bob.house.memory()
    raw.write(*questions)
    other = await ann.line()
    for _ in range(50):
        await other.nothing()
    assert bob.house.memory() - before < 20 << 20
    for number in range(600):
        page = await raw.hear()
        assert (page["fromSeq"], page["maxSeq"], len(page["messages"])) == (number % 300 + 1, 300, 300 - number % 300)
    raw.write(text(type="ping"))
    assert (await raw.hear())["type"] == "pong"
    await raw.close()
