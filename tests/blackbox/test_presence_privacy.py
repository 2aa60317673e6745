"""Users choose who sees whether they are online: over HTTP, in what a subscription answers, and in what it tells."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.line import JSON, Line, Speech
from tests.blackbox.proto import PROTOBUF

UNSEEN = {"online": False}


async def show(guest: Guest, to: str) -> None:
    assert (await guest.patch("/users/me", {"presence": to})).data["presence"] == to


async def watch(line: Line, guest: Guest) -> Any:
    await line.say("presence", userIDs=[guest.user_id])
    return (await line.hear("presence"))["users"][guest.user_id]


async def news(line: Line) -> Any:
    """The next frame that tells of presence."""
    while (frame := await line.hear("presence", "change", "message"))["type"] != "presence":
        pass
    return frame


async def quiet(line: Line) -> None:
    """No frame tells of presence."""
    await asyncio.sleep(0.2)
    await line.say("ping")
    while (await line.hear("pong", "change"))["type"] != "pong":
        pass


async def test_presence_is_shown_to_whom_the_user_likes(house: House) -> None:
    ann, bob, cat = await house.guest(), await house.guest(), await house.guest()
    await ann.group(bob)
    await ann.line()
    for presence, seeing in (("everybody", [bob, cat]), ("contacts", [bob]), ("nobody", []), ("contacts", [bob])):
        await show(ann, presence)
        assert (await ann.online(ann.user_id))["online"]
        for guest in (bob, cat):
            line = await guest.line()
            found = await watch(line, ann)
            asked = await guest.online(ann.user_id)
            if guest in seeing:
                assert found["online"], presence
                assert found["lastSeen"] > 0
                assert (asked["online"], asked["lastSeen"] > 0) == (True, True)
            else:
                assert found == UNSEEN, presence
                assert asked == {"online": False, "lastSeen": None}
            await line.hang_up()


async def test_who_comes_and_goes_is_told_to_those_alone_who_may_see_it(house: House) -> None:
    ann, bob, cat = await house.guest(), await house.guest(), await house.guest()
    await ann.group(bob)
    knows, stranger = await bob.line(), await cat.line()
    for line in (knows, stranger):
        assert await watch(line, ann) == UNSEEN
    here = await ann.line()
    for line in (knows, stranger):
        assert (await line.hear("presence"))["users"][ann.user_id]["online"]
    await show(ann, "contacts")
    assert (await stranger.hear("presence"))["users"] == {ann.user_id: UNSEEN}
    await here.hang_up()
    gone = (await knows.hear("presence"))["users"][ann.user_id]
    assert (gone["online"], gone["lastSeen"] > 0) == (False, True)
    await show(ann, "nobody")
    assert (await knows.hear("presence"))["users"] == {ann.user_id: UNSEEN}
    await ann.line()
    for line in (knows, stranger):
        assert await watch(line, ann) == UNSEEN


@pytest.mark.parametrize("most", [2000, 1], ids=["small", "large"])
@pytest.mark.parametrize("ending", ["bob leaves", "bob is removed", "ann leaves", "it is dissolved"])
async def test_who_shares_no_conversation_any_more_is_told_at_once_and_never_again(
    settle: Any, ending: str, most: int
) -> None:
    house = await settle(fanout={"max_members": most})
    ann, bob = await house.guest(), await house.guest()
    group = await ann.group(bob)
    await show(ann, "contacts")
    here = await ann.line()
    line = await bob.line()
    assert (await watch(line, ann))["online"]
    match ending:
        case "bob leaves":
            await bob.post(f"/groups/{group}/leave")
        case "bob is removed":
            await ann.delete(f"/groups/{group}/members/{bob.user_id}")
        case "ann leaves":
            await ann.post(f"/groups/{group}/leave")
        case _:
            await ann.delete(f"/groups/{group}")
    assert (await news(line))["users"] == {ann.user_id: UNSEEN}
    await here.hang_up()
    await ann.line()
    await quiet(line)
    assert await watch(line, ann) == UNSEEN
    assert await bob.online(ann.user_id) == {"online": False, "lastSeen": None}


@pytest.mark.parametrize("beginning", ["a group", "a member more", "a message", "unblocked", "shown again"])
async def test_who_may_see_it_from_now_on_is_told_without_asking_again(house: House, beginning: str) -> None:
    ann, bob = await house.guest(), await house.guest()
    group = await bob.group()
    await show(ann, "contacts")
    if beginning in {"unblocked", "shown again"}:
        await ann.group(bob)
    if beginning == "unblocked":
        await ann.put(f"/blocks/{bob.user_id}")
    if beginning == "shown again":
        await show(ann, "nobody")
    here = await ann.line()
    line = await bob.line()
    assert await watch(line, ann) == UNSEEN
    match beginning:
        case "a group":
            await ann.group(bob)
        case "a member more":
            await bob.put(f"/groups/{group}/members/{ann.user_id}")
        case "a message":
            await line.send(ann.user_id)
        case "unblocked":
            await ann.delete(f"/blocks/{bob.user_id}")
        case _:
            await show(ann, "contacts")
    assert (await news(line))["users"][ann.user_id]["online"]
    await here.hang_up()
    assert (await news(line))["users"][ann.user_id]["online"] is False


async def test_who_sees_it_by_another_conversation_is_told_nothing(house: House) -> None:
    ann, bob = await house.guest(), await house.guest()
    await ann.group(bob)
    await show(ann, "contacts")
    await ann.line()
    line = await bob.line()
    assert (await watch(line, ann))["online"]
    group = await ann.group(bob)
    await bob.post(f"/groups/{group}/leave")
    await quiet(line)


@pytest.mark.parametrize("speech", [JSON, PROTOBUF], ids=["json", "protobuf"])
async def test_who_shares_a_small_conversation_is_told_of_a_changed_profile(house: House, speech: Speech) -> None:
    ann, bob, cat = await house.guest(), await house.guest(), await house.guest()
    await ann.group(bob)
    knows, stranger = [await one.line(speech=speech, hints=True) for one in (bob, cat)]
    await ann.patch("/users/me", {"status": "away"})
    heard = await knows.hear("profile")
    assert (heard["userID"], heard["version"]) == (ann.user_id, 1)
    await ann.patch("/users/me", {"status": "away"})
    for line in (knows, stranger):
        await line.say("ping")
        assert (await line.hear("pong", "profile"))["type"] == "pong"


async def test_who_subscribes_while_the_setting_changes_is_told_what_it_is_then(house: House) -> None:
    ann, bob = await house.guest(), await house.guest()
    await ann.line()
    line = await bob.line()
    for _ in range(60):
        await show(ann, "everybody")
        await line.say("presence", userIDs=[])
        await line.say("presence", userIDs=[ann.user_id])
        await show(ann, "nobody")
        while (await news(line))["users"] != {ann.user_id: UNSEEN}:
            pass
