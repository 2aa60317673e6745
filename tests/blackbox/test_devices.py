"""Recovery of a device on its own (B1-B7): what each missed, whatever the others did meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.blackbox.house import Guest
from tests.blackbox.line import Follower, Line


def contents(frame: dict[str, Any]) -> list[str]:
    return [message["content"] for message in frame["messages"]]


async def take_live(line: Line, count: int) -> list[str]:
    """Takes so many live messages and acks the last."""
    messages = await line.hear_many("message", count)
    await line.say("ack", seq=messages[-1]["seq"])
    await line.nothing()
    return [message["content"] for message in messages]


async def test_basic_offline_and_online_cycle(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    line = await bob.line()
    await sender.send(bob.user_id, "while here")
    assert await take_live(line, 1) == ["while here"]
    for cycle in range(3):
        await line.hang_up()
        for number in range(4):
            await sender.send(bob.user_id, f"while away, {cycle}.{number}")
        line = await bob.line()
        batch = await line.hear("offline")
        assert contents(batch) == [f"while away, {cycle}.{number}" for number in range(4)]
        await line.say("ack", seq=batch["throughSeq"])
        await sender.send(bob.user_id, f"back, {cycle}")
        assert await take_live(line, 1) == [f"back, {cycle}"]


async def test_first_connection_without_state(ann: Guest, bob: Guest) -> None:
    """A client that the server has never seen starts from the beginning, by the same path."""
    await (await ann.line()).send_many(bob.user_id, 3)
    phone = await bob.line()
    await phone.say("ack", seq=(await phone.hear("offline"))["throughSeq"])
    await phone.nothing()
    new = await (await bob.on("new-device")).line()
    assert new.ready["position"] == 0
    assert contents(await new.hear("offline")) == ["number 1", "number 2", "number 3"]
    follower = Follower(await (await bob.on("newer-device")).line(lastSeq=0))
    await follower.read_to(3)


async def test_two_clients_of_one_conversation_recover_independently(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    phone, tablet = bob, await bob.on("tablet")
    lines = [await phone.line(), await tablet.line()]
    await sender.send_many(bob.user_id, 5)
    for line in lines:
        assert len(await take_live(line, 5)) == 5
    await lines[0].hang_up()
    await sender.send_many(bob.user_id, 3, first=6)
    assert await take_live(lines[1], 3) == ["number 6", "number 7", "number 8"]
    await lines[1].hang_up()
    await sender.send_many(bob.user_id, 2, first=9)
    lines = [await phone.line(), await tablet.line()]
    assert contents(await lines[0].hear("offline")) == [f"number {number}" for number in range(6, 11)]
    assert contents(await lines[1].hear("offline")) == ["number 9", "number 10"]
    devices = await bob.devices()
    assert (devices["phone"]["position"], devices["phone"]["lag"]) == (5, 5)
    assert (devices["tablet"]["position"], devices["tablet"]["lag"]) == (8, 2)


async def test_the_state_persists_between_connections(ann: Guest, bob: Guest) -> None:
    """Saved on disconnect; whoever asks next, over whatever way, is told where the device stands."""
    await (await ann.line()).send_many(bob.user_id, 9)
    line = await bob.line()
    await line.hear("offline")
    await line.say("ack", seq=4)
    await line.hang_up()
    assert await bob.position() == 4
    page = await bob.offline()
    assert (page["total"], page["messages"][0]["seq"]) == (5, 5)
    device = (await bob.devices())["phone"]
    assert device["syncTime"] is None or device["syncTime"] > 1_600_000_000_000
    assert (await bob.line()).ready["position"] == 4


async def test_what_one_device_marks_the_other_still_gets(ann: Guest, bob: Guest) -> None:
    receipts = await (await ann.line()).send_many(bob.user_id, 3)
    tablet = await bob.on("tablet")
    await bob.post("/messages/mark_synced", {"message_ids": [receipt["serverMsgID"] for receipt in receipts]})
    await (await bob.line()).nothing()
    assert len(contents(await (await tablet.line()).hear("offline"))) == 3


async def test_reading_on_one_device_is_not_syncing_on_another(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 2)
    await bob.post(f"/conversations/{ann.conversation(bob)}/read", {"conversationSeq": 2})
    assert await bob.unread() == {}
    tablet = await (await bob.on("tablet")).line()
    assert len(contents(await tablet.hear("offline"))) == 2


async def test_ten_devices_of_a_user_come_back_at_once(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    await sender.send_many(bob.user_id, 230)
    devices = [await bob.on(f"device-{number}") for number in range(10)]

    async def recover(device: Guest, last_seq: int) -> Follower:
        follower = Follower(await device.line(lastSeq=last_seq), last_seq)
        await follower.read_to(260)
        return follower

    recovering = [asyncio.create_task(recover(device, 20 * number)) for number, device in enumerate(devices)]
    await sender.send_many(bob.user_id, 30, first=231)
    for number, follower in enumerate(await asyncio.gather(*recovering)):
        assert follower.contents == [f"number {one}" for one in range(20 * number + 1, 261)]
