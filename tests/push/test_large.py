"""Push in a large group: who is mentioned is told, nobody else; what comes before the log has it learns its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.push.conftest import OpenHouse
from tests.push.http2 import PushService
from tests.push.road import Books, pushes_to, reached, settings


@pytest.fixture
async def house(open_house: OpenHouse, apple: PushService, tmp_path: Path) -> House:
    return await open_house(max_members=2, **settings(tmp_path, apple))


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


async def guests(house: House, *names: str) -> list[Guest]:
    """Users who are reached by push; the first has made a group of them, which is large."""
    found = [await house.guest(name) for name in names]
    for guest in found:
        await reached(guest)
    await found[0].post("/groups", {"groupID": "town", "members": [guest.user_id for guest in found]})
    return found


async def tell(sender: Guest, content: str, *mentions: str) -> Any:
    body = {"to": "town", "content": content, "mentions": list(mentions)}
    return (await sender.post("/messages/group", body)).data


async def test_who_is_mentioned_is_told_and_others_are_not(apple: PushService, books: Books, house: House) -> None:
    ann, bob, cat = await guests(house, "ann", "bob", "cat")
    await tell(ann, "hello")
    sent = await tell(ann, "hello bob", "bob")
    await apple.has_got(1)
    await eventually(books.settled)
    [push] = pushes_to(apple, bob)
    assert push.json["aps"]["badge"] == 2
    assert push.json["roost"]["serverMsgID"] == sent["serverMsgID"]
    assert pushes_to(apple, cat) == pushes_to(apple, ann) == []


async def test_all_who_are_away_are_told_when_all_are_mentioned(apple: PushService, books: Books, house: House) -> None:
    ann, bob, cat = await guests(house, "ann", "bob", "cat")
    line = await cat.line(lastSeq=0)
    first = await line.hear("offline")
    await line.say("ack", seq=first["throughSeq"])
    sent = await tell(ann, "hello all", "@all")
    message = await line.hear("message")
    await line.say("ack", seq=message["seq"])
    await apple.has_got(1)
    await eventually(books.settled)
    [push] = pushes_to(apple, bob)
    assert push.json["roost"]["serverMsgID"] == sent["serverMsgID"]
    assert pushes_to(apple, ann) == []
    assert books.rows("SELECT * FROM calls") == []


async def test_a_mention_that_a_device_stores_in_time_is_not_pushed(
    apple: PushService, books: Books, house: House
) -> None:
    """Its push is written before the member's log has it, and learns its place there."""
    ann, bob, _ = await guests(house, "ann", "bob", "cat")
    line = await bob.line(lastSeq=0)
    first = await line.hear("offline")
    await tell(ann, "hello bob", "bob")
    message = await line.hear("message")
    assert message["seq"] == first["throughSeq"] + 1
    await line.say("ack", seq=message["seq"])
    await eventually(books.settled)
    assert (pushes_to(apple, bob), books.attempts("bob")) == ([], [])


async def test_a_mention_breaks_through_a_muted_conversation(apple: PushService, books: Books, house: House) -> None:
    ann, bob, _ = await guests(house, "ann", "bob", "cat")
    await bob.put("/conversations/g:town/mute", {})
    await tell(ann, "hello bob", "bob")
    await apple.has_got(1)
    await eventually(books.settled)
    assert len(pushes_to(apple, bob)) == 1
