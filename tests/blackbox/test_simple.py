"""CONTRACT §4, a connection without `lastSeq`: one offline batch from the device's saved position, then live."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually


def seqs(frame: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in frame["messages"]]


async def test_nothing_waits_and_no_offline_frame_comes(ann: Guest) -> None:
    await (await ann.line()).nothing()


async def test_what_waits_comes_in_one_batch_in_time_order(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 5)
    line = await bob.line()
    batch = await line.hear("offline")
    assert [message["content"] for message in batch["messages"]] == [f"number {n}" for n in range(1, 6)]
    assert seqs(batch) == [1, 2, 3, 4, 5]
    assert (batch["fromSeq"], batch["throughSeq"], batch["remaining"], batch["changes"]) == (1, 5, 0, [])
    await line.nothing()


async def test_messages_in_the_batch_are_whole(ann: Guest, bob: Guest) -> None:
    fields = {"messageID": "m-1", "messageType": 4, "createTime": 1_700_000_000_000}
    receipt = await (await ann.line()).send(bob.user_id, "whole", **fields)
    (message,) = (await (await bob.line()).hear("offline"))["messages"]
    assert message == fields | {
        "serverMsgID": receipt["serverMsgID"],
        "seq": 1,
        "conversationID": ann.conversation(bob),
        "conversationSeq": 1,
        "senderID": ann.user_id,
        "content": "whole",
        "serverTime": receipt["serverTime"],
        "version": 1,
    }


async def test_at_most_100_come_and_the_rest_is_told(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    await sender.send_many(bob.user_id, 130)
    line = await bob.line()
    batch = await line.hear("offline")
    assert seqs(batch) == list(range(1, 101))
    assert batch["remaining"] == 30
    await line.nothing()
    await sender.send(bob.user_id, "live")
    assert (await line.hear("message"))["seq"] == 131
    assert (await bob.offline())["total"] == 131, "nothing was acked yet"


async def test_after_the_batch_is_acked_the_next_connection_gets_the_next(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 230)
    sizes = []
    for _ in range(3):
        line = await bob.line()
        batch = await line.hear("offline")
        sizes.append((len(batch["messages"]), batch["remaining"]))
        await line.say("ack", seq=batch["throughSeq"])
        await line.nothing()
        await line.hang_up()
    assert sizes == [(100, 130), (100, 30), (30, 0)]
    await (await bob.line()).nothing()


async def test_live_messages_follow(ann: Guest, bob: Guest) -> None:
    one, other = await ann.line(), await bob.line()
    receipt = await one.send(bob.user_id, "hello", messageID="m-1")
    message = await other.hear("message")
    shared = ("messageID", "serverMsgID", "conversationID", "conversationSeq", "serverTime", "seq")
    assert {name: message[name] for name in shared} == {name: receipt[name] for name in shared}
    assert (message["senderID"], message["content"], message["messageType"]) == (ann.user_id, "hello", 1)
    reply = await other.send(ann.user_id, "hello yourself")
    assert reply["conversationSeq"] == 2
    assert (await one.hear("message"))["content"] == "hello yourself"


async def test_own_messages_are_not_sent_back_whatever_way_they_went(ann: Guest, bob: Guest) -> None:
    line, twin = await ann.line(), await ann.line()
    await line.send(bob.user_id)
    await ann.send(bob)
    await line.nothing()
    await twin.nothing()
    assert (await ann.offline())["total"] == 0
    await line.hang_up()
    again = await ann.line()
    await again.nothing()
    assert again.ready["position"] == again.ready["headSeq"] == 2, "a device's position passes over what it sent"


async def test_other_devices_of_the_sender_get_its_messages(ann: Guest, bob: Guest) -> None:
    desk = await ann.on("desk")
    there = await desk.line()
    receipt = await (await ann.line()).send(bob.user_id, "from the phone")
    message = await there.hear("message")
    assert (message["seq"], message["senderID"], message["content"]) == (receipt["seq"], ann.user_id, "from the phone")
    await there.hang_up()
    assert seqs(await (await desk.line()).hear("offline")) == [1]


async def test_a_message_to_oneself_reaches_ones_other_devices(ann: Guest) -> None:
    there, line = await (await ann.on("desk")).line(), await ann.line()
    receipt = await line.send(ann.user_id, "note to self")
    assert receipt["conversationID"] == f"p:{ann.user_id}:{ann.user_id}"
    assert (await there.hear("message"))["seq"] == receipt["seq"] == 1
    await line.nothing()


async def test_reading_moves_no_position(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 3)
    line = await bob.line()
    await line.hear("offline")
    await bob.sync()
    await bob.offline()
    await bob.get(f"/messages/user/{ann.user_id}")
    await line.say("sync", lastSeq=0, count=10)
    await line.hear("sync_batch")
    assert await bob.position() == 0
    await line.hang_up()
    again = await bob.line()
    assert again.ready["position"] == 0
    assert seqs(await again.hear("offline")) == [1, 2, 3]


async def test_ack_moves_the_position(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 3)
    line = await bob.line()
    await line.hear("offline")
    await line.say("ack", seq=2)
    await line.nothing()
    assert await bob.position() == 2
    assert (await bob.offline())["total"] == 1
    await line.hang_up()
    again = await bob.line()
    assert again.ready["position"] == 2
    assert seqs(await again.hear("offline")) == [3]


async def test_mark_synced_moves_the_position_once_nothing_is_missing(ann: Guest, bob: Guest) -> None:
    one, two, three = await (await ann.line()).send_many(bob.user_id, 3)
    await bob.post("/messages/mark_synced", {"message_ids": [int(two["serverMsgID"])]})
    line = await bob.line()
    assert line.ready["position"] == 0
    assert seqs(await line.hear("offline")) == [1, 3]
    await bob.post("/messages/mark_synced", {"messageIDs": [one["messageID"], three["serverMsgID"]]})
    assert await bob.position() == 3
    await (await bob.line()).nothing()


async def test_an_ack_never_goes_back(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 3)
    line = await bob.line()
    await line.hear("offline")
    for seq in (3, 1, 0, -5):
        await line.say("ack", seq=seq)
    await line.nothing()
    assert await bob.position() == 3


async def test_an_ack_above_the_head_is_refused_and_has_no_effect(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 3)
    line = await bob.line()
    await line.hear("offline")
    for seq in (4, 2**53, 2**63, 10**30):
        await line.say("ack", seq=seq)
        assert (await line.refused("seq_ahead"))["data"] == {"headSeq": 3}
    await line.nothing()
    assert await bob.position() == 0


async def test_what_was_not_acked_is_repeated_after_a_cut(ann: Guest, bob: Guest) -> None:
    sender, line = await ann.line(), await bob.line()
    await sender.send_many(bob.user_id, 4)
    live = await line.hear_many("message", 4)
    await line.say("ack", seq=live[1]["seq"])
    await line.nothing()
    await line.cut()
    await sender.send(bob.user_id, "meanwhile")
    again = await bob.line()
    assert seqs(await again.hear("offline")) == [3, 4, 5]


async def test_nothing_is_lost_or_doubled_while_coming_in(ann: Guest, bob: Guest) -> None:
    """Connects again and again while messages flow: each is in the batch or comes live, never both, never neither."""
    sender, count = await ann.line(), 300

    async def talk() -> None:
        for number in range(count):
            await sender.send(bob.user_id, f"number {number}")

    talking, seen = asyncio.create_task(talk()), 0
    while seen < count:
        line, stop = await bob.line(), seen + 17
        while seen < min(stop, count):
            frame = await line.hear("offline", "message")
            new = seqs(frame) if frame["type"] == "offline" else [frame["seq"]]
            assert new == list(range(seen + 1, seen + 1 + len(new)))
            seen += len(new)
            await line.say("ack", seq=seen)
        await line.hang_up()
    await talking


async def test_what_comes_after_ready_is_live(ann: Guest, bob: Guest) -> None:
    """The batch has what waited at `ready`, though it is read after it; no message of later is in it."""
    sender = await ann.line()
    for number in range(1, 40):
        line = await bob.line()
        await sender.send(bob.user_id, f"number {number}")
        if number > 1:
            assert seqs(await line.hear("offline")) == [number - 1]
            await line.say("ack", seq=number - 1)
        assert (await line.hear("message"))["seq"] == number
        await line.hang_up()


async def test_changes_are_live_only(house: House, ann: Guest, bob: Guest) -> None:
    line = await bob.line()
    group = await ann.group(bob)
    change = await line.hear("change")
    assert (change["kind"], change["seq"], change["conversationID"]) == ("group", 1, f"g:{group}")
    await line.hang_up()
    again = await bob.line()
    await again.nothing()
    assert again.ready["position"] == 1, "the offline list never shows changes, so a position passes over them"


async def test_a_hung_up_line_is_offline_and_its_last_visit_is_told(ann: Guest, bob: Guest) -> None:
    assert await ann.online(bob.user_id) == {"online": False, "lastSeen": None}
    line = await bob.line()
    assert (await ann.online(bob.user_id))["online"] is True
    await line.hang_up()

    async def gone() -> bool:
        return not (await ann.online(bob.user_id))["online"]

    await eventually(gone)
    assert (await ann.online(bob.user_id))["lastSeen"] > 1_600_000_000_000
