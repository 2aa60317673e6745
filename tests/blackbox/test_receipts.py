"""Authors who are connected are told who has got and who has read what they wrote."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blackbox.house import House
from tests.blackbox.line import JSON, Line, Speech
from tests.blackbox.proto import PROTOBUF


async def marks(line: Line, wanted: dict[str, Any]) -> None:
    """Hears receipts until this is among them; what comes says no more than what holds."""
    while wanted not in (await line.hear("receipts"))["marks"]:
        pass


@pytest.mark.parametrize("speech", [JSON, PROTOBUF], ids=["json", "protobuf"])
async def test_an_author_is_told_that_a_message_was_delivered(house: House, speech: Speech) -> None:
    ann, bob = await house.guest(), await house.guest()
    writing, reading = await ann.line(speech=speech, hints=True), await bob.line(lastSeq=0)
    plain = await (await ann.on("desk")).line(lastSeq=0)
    for _ in range(3):
        await writing.send(bob.user_id)
    seq = [(await reading.hear("message", "offline"))["type"] for _ in range(3)].count("message")
    await reading.say("ack", seq=2)
    assert seq == 3
    nothing_read = {} if speech is JSON else {"readSeq": 0}
    heard = await writing.hear("receipts")
    assert heard["conversationID"] == ann.conversation(bob)
    assert heard["marks"] == [{"userID": bob.user_id, "deliveredSeq": 2} | nothing_read]
    await reading.say("ack", seq=3)
    await marks(writing, {"userID": bob.user_id, "deliveredSeq": 3} | nothing_read)
    await plain.hear_many("message", 3)
    await plain.nothing()  # it did not ask for hints


async def test_an_author_is_told_of_what_is_marked_over_http(house: House) -> None:
    ann, bob = await house.guest(), await house.guest()
    writing = await ann.line(hints=True)
    sent = await writing.send(bob.user_id)
    await bob.post("/messages/mark_synced", {"messageIDs": [sent["serverMsgID"]]})
    await marks(writing, {"userID": bob.user_id, "deliveredSeq": 1})


async def test_the_authors_in_a_large_group_are_told_who_has_read(house: House) -> None:
    ann, bob, cat = await house.guest(), await house.guest(), await house.guest()
    others = [await house.guest() for _ in range(20)]
    group = await ann.group(bob, cat, *others)
    writing, silent = await ann.line(hints=True), await cat.line(hints=True)
    await writing.send(group, kind="group")
    await silent.hear("message")
    await bob.post(f"/conversations/g:{group}/read", {"conversationSeq": 1})
    await marks(writing, {"userID": bob.user_id, "readSeq": 1, "deliveredSeq": 1})
    await cat.post(f"/conversations/g:{group}/read", {"conversationSeq": 1})
    assert (await silent.hear("receipts", "change"))["type"] == "change"  # her own mark, and no hint of Bob's


async def test_the_other_is_told_of_a_read_mark_by_the_log(house: House) -> None:
    ann, bob = await house.guest(), await house.guest()
    writing = await ann.line()
    await writing.send(bob.user_id)
    reading = await bob.line()
    await reading.say("read", conversationID=ann.conversation(bob), conversationSeq=1)
    change = await writing.hear("change")
    told = (change["kind"], change["userID"], change["conversationSeq"], change["seq"])
    assert told == ("read", bob.user_id, 1, 2)
