"""The road of a push: from a message to the phone, through a real server (A8, A9)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.push.conftest import OpenHouse
from tests.push.http2 import Answer, PushService
from tests.push.road import Books, pushes_to, reached, settings

GONE = Answer(410, {"reason": "Unregistered", "timestamp": 1})
BUSY = Answer(503, {"reason": "ServiceUnavailable"})


@pytest.fixture
async def house(open_house: OpenHouse, apple: PushService, tmp_path: Path) -> House:
    return await open_house(**settings(tmp_path, apple))


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


@pytest.fixture
async def ann(house: House) -> Guest:
    return await house.guest("ann")


@pytest.fixture
async def bob(house: House) -> Guest:
    bob = await house.guest("bob")
    await reached(bob)
    return bob


async def send(sender: Guest, to: Guest, content: str = "hello", **fields: Any) -> Any:
    return (await sender.post("/messages/user", {"to": to.user_id, "content": content, **fields})).data


async def test_who_is_away_hears_of_a_message(apple: PushService, books: Books, ann: Guest, bob: Guest) -> None:
    sent = await send(ann, bob, "Are you there?")
    await apple.has_got(1)
    [push] = pushes_to(apple, bob)
    assert push.json["aps"]["alert"] == {"title": "ann", "body": "Are you there?"}
    assert push.json["aps"]["badge"] == 1
    assert push.json["roost"] == {
        "conversationID": "p:ann:bob",
        "serverMsgID": sent["serverMsgID"],
        "seq": 1,
        "senderID": "ann",
    }
    assert push.headers["apns-collapse-id"] == "p:ann:bob"
    await eventually(books.settled)
    assert books.attempts("bob") == [("sent", None)]


async def test_the_badge_is_the_total_unread(apple: PushService, ann: Guest, bob: Guest, house: House) -> None:
    await send(ann, bob, "one")
    await send(await house.guest("cat"), bob, "two")
    await apple.has_got(2)
    assert max(push.json["aps"]["badge"] for push in pushes_to(apple, bob)) == 2


async def test_a_message_that_is_sent_again_is_pushed_once(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    for _ in range(3):
        await send(ann, bob, messageID="the-same")
    await eventually(books.settled)
    assert (len(apple.requests), books.attempts("bob")) == (1, [("sent", None)])


async def test_the_metrics_tell_of_pushes(books: Books, house: House, ann: Guest, bob: Guest) -> None:
    async def sent() -> float:
        text = (await house.http.get("/metrics")).text
        found = re.search(r'^roost_pushes_total\{outcome="sent",platform="apns"\} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def counted() -> bool:
        return await sent() == before + 1

    before = await sent()
    await send(ann, bob)
    await eventually(counted)


async def test_ones_own_devices_are_not_told_of_what_one_says(apple: PushService, books: Books, bob: Guest) -> None:
    await send(bob, bob, "a note to myself")
    assert books.waiting() == 0


async def test_a_connected_device_that_stores_it_in_time_is_not_pushed(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    line = await bob.line(lastSeq=0)
    await send(ann, bob)
    await line.hear("message")
    await line.say("ack", seq=1)
    await eventually(books.settled)
    assert (apple.requests, books.attempts("bob")) == ([], [])


async def test_a_connected_device_that_does_not_is(apple: PushService, ann: Guest, bob: Guest) -> None:
    line = await bob.line(lastSeq=0)
    await send(ann, bob)
    await line.hear("message")
    await apple.has_got(1)


async def test_a_phone_stays_silent_while_the_desktop_takes_it(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    desktop = await (await bob.on("desktop")).line(lastSeq=0)
    await send(ann, bob)
    await desktop.hear("message")
    await desktop.say("ack", seq=1)
    await eventually(books.settled)
    assert (apple.requests, books.attempts("bob")) == ([], [])


async def test_what_another_device_has_read_meanwhile_is_not_pushed(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    await bob.line(lastSeq=0)  # so that it waits
    await send(ann, bob)
    laptop = await bob.on("laptop")
    assert (await laptop.post("/conversations/p:ann:bob/read", {"conversationSeq": 1})).status == 200
    await eventually(books.settled)
    assert (apple.requests, books.attempts("bob")) == ([], [("dropped", "the user has read it")])


async def test_a_muted_conversation_is_silent(apple: PushService, books: Books, ann: Guest, bob: Guest) -> None:
    await send(ann, bob)
    await apple.has_got(1)
    await bob.put("/conversations/p:ann:bob/mute", {"muted": True})
    await send(ann, bob, "psst")
    await eventually(books.settled)
    assert books.attempts("bob")[1:] == [("dropped", "the conversation is muted")]


async def test_a_mention_breaks_through_a_muted_conversation(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    await reached(bob)
    group = await ann.group(bob)
    await bob.put(f"/conversations/g:{group}/mute", {"muted": True})
    for mentions in ([bob.user_id], ["@all"], [ann.user_id], None):
        await ann.post("/messages/group", {"to": group, "content": "hello", "mentions": mentions})
        await eventually(books.settled)
    assert len(apple.requests) == 2
    assert books.attempts("bob")[2:] == [("dropped", "the conversation is muted")] * 2


async def test_a_muted_device_is_silent(apple: PushService, books: Books, ann: Guest, bob: Guest) -> None:
    await reached(bob, muted=True)
    await send(ann, bob)
    await eventually(books.settled)
    assert (apple.requests, books.attempts("bob")) == ([], [("dropped", "the device is muted")])


async def test_without_preview_nothing_of_the_message_is_shown(apple: PushService, ann: Guest, bob: Guest) -> None:
    await reached(bob, preview=False)
    await send(ann, bob, "a secret")
    await apple.has_got(1)
    [push] = pushes_to(apple, bob)
    assert push.json["aps"]["alert"] == {"title": "ann", "body": "New message"}
    assert b"secret" not in push.body


async def test_each_device_is_pushed_to(apple: PushService, ann: Guest, bob: Guest) -> None:
    await reached(bob, "tablet")
    await send(ann, bob)
    await apple.has_got(2)
    assert len(pushes_to(apple, bob)) == len(pushes_to(apple, bob, "tablet")) == 1


async def test_a_group_is_named_and_so_is_who_speaks(apple: PushService, ann: Guest, bob: Guest) -> None:
    await ann.post("/groups", {"groupID": "tea", "name": "Tea", "members": ["bob"]})
    await ann.post("/messages/group", {"to": "tea", "content": "It is ready"})
    await apple.has_got(1)
    [push] = pushes_to(apple, bob)
    assert push.json["aps"]["alert"] == {"title": "Tea", "body": "ann: It is ready"}


async def test_an_address_that_is_no_more_is_removed(
    apple: PushService, books: Books, ann: Guest, bob: Guest, house: House
) -> None:
    apple.usual[f"/3/device/{b'bob/phone'.hex()}"] = GONE
    await send(ann, bob)
    await eventually(books.settled)
    assert [status for status, _ in books.attempts("bob")] == ["dead"]
    assert (await bob.devices())["phone"]["push"] == []
    await send(ann, bob, "again")
    assert books.waiting() == 0


async def test_a_service_that_is_busy_gets_it_later(
    apple: PushService, books: Books, ann: Guest, bob: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.push.plan.FIRST_PAUSE", 0.05)
    apple.will_answer(f"/3/device/{b'bob/phone'.hex()}", BUSY)
    await send(ann, bob)
    await eventually(books.settled)
    assert [status for status, _ in books.attempts("bob")] == ["retry", "sent"]


async def test_an_address_belongs_to_who_named_it_last(
    apple: PushService, books: Books, ann: Guest, bob: Guest, house: House
) -> None:
    cat = await house.guest("cat")
    await cat.post("/devices", {"platform": "apns", "token": b"bob/phone".hex()})
    await send(ann, bob)
    assert books.waiting() == 0
    await send(ann, cat)
    await apple.has_got(1)


async def test_a_mailbox_that_another_user_names_is_not_taken_away(ann: Guest, bob: Guest, house: House) -> None:
    mailbox = {"platform": "email", "email": "bob@example.org"}
    await bob.post("/devices", mailbox)
    await ann.post("/devices", mailbox)
    for guest in (ann, bob):
        assert "email" in [one["platform"] for one in (await guest.devices())["phone"]["push"]]


async def test_of_too_many_addresses_the_oldest_goes(bob: Guest, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roost.push.register.MOST", 3)
    for name in ("one", "two", "three"):
        await reached(bob, name)
    reached_now = {name for name, device in (await bob.devices()).items() if device["push"]}
    assert reached_now == {"one", "two", "three"}


async def test_logging_out_ends_push(apple: PushService, books: Books, ann: Guest, bob: Guest) -> None:
    await bob.post("/auth/logout")
    await send(ann, bob)
    assert books.waiting() == 0


async def test_a_test_push_tells_what_became_of_it(apple: PushService, bob: Guest) -> None:
    [result] = (await bob.post("/devices/phone/test")).data["results"]
    assert (result["platform"], result["outcome"]) == ("apns", "sent")
    apple.usual[f"/3/device/{b'bob/phone'.hex()}"] = GONE
    [result] = (await bob.post("/devices/phone/test")).data["results"]
    assert result["outcome"] == "dead"
    assert (await bob.post("/devices/phone/test")).refusal == (404, "not_found")
    assert (await bob.post("/devices/nothing/test")).refusal == (404, "not_found")
