"""CONTRACT §4, a connection with `lastSeq`: it follows the log; every entry after it, in order, once."""

from __future__ import annotations

import asyncio

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.line import Follower, Line


async def fill(sender: Line, to: Guest, count: int) -> list[str]:
    await sender.send_many(to.user_id, count)
    return [f"number {number}" for number in range(1, count + 1)]


async def test_every_entry_comes_once_in_order_in_batches_of_at_most_100(ann: Guest, bob: Guest) -> None:
    contents = await fill(await ann.line(), bob, 250)
    follower = Follower(await bob.line(lastSeq=0))
    await follower.read_to(250)
    assert follower.contents == contents
    assert max(follower.batches) <= 100
    assert follower.batches[0] == 100
    await follower.line.nothing()


async def test_it_begins_after_last_seq(ann: Guest, bob: Guest) -> None:
    await fill(await ann.line(), bob, 10)
    follower = Follower(await bob.line(lastSeq=7), 7)
    await follower.read_to(10)
    assert sorted(follower.log) == [8, 9, 10]


async def test_at_the_head_nothing_comes_until_something_happens(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    await fill(sender, bob, 3)
    line = await bob.line(lastSeq=3)
    await line.nothing()
    await sender.send(bob.user_id, "live")
    assert (await line.hear("message"))["seq"] == 4


async def test_no_more_than_the_window_beyond_the_last_ack(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    await fill(sender, bob, 1130)
    line = await bob.line(last_seq=0)
    follower = Follower(line)
    await follower.read_to(500, ack=False)
    await line.nothing()
    await sender.send(bob.user_id, "live")
    await line.nothing()
    await line.say("ack", seq=30)
    await follower.read_to(530, ack=False)
    await line.nothing()
    await line.say("ack", seq=530)
    await follower.read_to(1030, ack=False)
    await line.nothing()
    await line.say("ack", seq=1030)
    await follower.read_to(1131)
    assert follower.contents[-1] == "live"
    await line.nothing()


async def test_the_window_holds_for_live_entries_too(ann: Guest, bob: Guest) -> None:
    sender, line = await ann.line(), await bob.line(lastSeq=0)
    await fill(sender, bob, 510)
    follower = Follower(line)
    await follower.read_to(500, ack=False)
    await line.nothing()
    await line.say("ack", seq=500)
    await follower.read_to(510)


async def test_it_resumes_after_a_cut_where_the_device_stands(ann: Guest, bob: Guest) -> None:
    contents = await fill(await ann.line(), bob, 450)
    follower = Follower(await bob.line(lastSeq=0))
    while follower.position < 450:
        follower.take(await follower.line.hear("offline", "message"))
        await follower.line.cut()
        follower.resume(await bob.line(lastSeq=follower.position))
    assert follower.contents == contents


async def test_following_does_not_depend_on_the_saved_position(ann: Guest, bob: Guest) -> None:
    await fill(await ann.line(), bob, 5)
    line = await bob.line(lastSeq=0)
    await Follower(line).read_to(5)
    await line.nothing()
    assert await bob.position() == 5
    again = Follower(await bob.line(lastSeq=1), 1)
    assert again.line.ready["position"] == 5
    await again.read_to(5, ack=False)


async def test_what_this_socket_sent_comes_as_sent_alone(ann: Guest, bob: Guest) -> None:
    follower = Follower(await ann.line(lastSeq=0))
    other = await bob.line()
    await follower.line.say("private", to=bob.user_id, content="mine")
    follower.take(await follower.line.hear("sent"))
    assert follower.position == 1
    await other.hear("message")
    await other.send(ann.user_id, "yours")
    await follower.read_to(2)
    assert follower.contents == ["yours"]
    await follower.line.nothing()


async def test_what_the_device_sent_over_http_comes_too(ann: Guest, bob: Guest) -> None:
    line, twin = await ann.line(lastSeq=0), await ann.line(lastSeq=0)
    await ann.send(bob, "over HTTP")
    assert (await line.hear("message"))["content"] == (await twin.hear("message"))["content"] == "over HTTP"
    await line.send(bob.user_id, "over one socket")
    assert (await twin.hear("message"))["content"] == "over one socket"
    await line.nothing()


async def test_what_the_device_sent_before_is_part_of_its_log(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    await line.send(bob.user_id, "mine")
    follower = Follower(await ann.line(lastSeq=0))
    await follower.read_to(1)
    assert follower.contents == ["mine"]


async def test_changes_and_messages_share_one_order(ann: Guest, bob: Guest, cat: Guest) -> None:
    sender = await ann.line()
    await sender.send(bob.user_id, "first")
    group = await ann.group(bob, cat)
    await sender.hear("change")
    await sender.send(group, "second", kind="group")
    await bob.post(f"/conversations/{ann.conversation(bob)}/read", {"conversationSeq": 1})
    await ann.delete(f"/groups/{group}/members/{bob.user_id}")
    assert [(await sender.hear("change"))["kind"] for _ in range(2)] == ["read", "member"]
    await sender.send(group, "not for bob", kind="group")
    follower = Follower(await bob.line(lastSeq=0))
    await follower.read_to(5)
    assert [entry.get("kind", "message") for _, entry in sorted(follower.log.items())] == [
        "message",
        "group",
        "message",
        "read",
        "member",
    ]
    await follower.line.nothing()


async def test_a_log_that_grows_is_followed_without_a_hole(ann: Guest, bob: Guest) -> None:
    sender, count = await ann.line(), 1500
    await fill(sender, bob, 700)
    sending = asyncio.create_task(sender.send_many(bob.user_id, count - 700, first=701))
    follower = Follower(await bob.line(lastSeq=0))
    await follower.read_to(count)
    await sending
    assert follower.contents == [f"number {number}" for number in range(1, count + 1)]
    await follower.line.nothing()


async def test_a_foreign_epoch_asks_for_a_reset_and_a_snapshot_is_the_way_on(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    await fill(sender, bob, 4)
    line = await bob.line(lastSeq=900, epoch="of another life")
    page = await line.hear("sync_batch")
    assert (page["resetRequired"], page["messages"], page["headSeq"]) == (True, [], 4)
    assert page["retainedSeq"] == 0, "the floor comes with every reset"
    assert page["epoch"] == line.ready["epoch"]
    await sender.send(bob.user_id, "held back until the snapshot is there")
    await line.nothing()
    snapshot = (await bob.get("/snapshot")).data
    assert (snapshot["maxSeq"], snapshot["epoch"]) == (5, page["epoch"])
    (conversation,) = snapshot["conversations"]
    assert len(conversation["messages"]) == 5
    await line.say("ack", seq=snapshot["maxSeq"])
    await line.nothing()
    await sender.send(bob.user_id, "live again")
    assert (await line.hear("message"))["seq"] == 6
    assert await bob.position() == 5


async def test_a_reset_into_an_empty_log_goes_on_with_an_ack_of_0(ann: Guest, bob: Guest) -> None:
    line = await bob.line(lastSeq=7, epoch="of another life")
    assert (await line.hear("sync_batch"))["resetRequired"] is True
    await line.say("ack", seq=(await bob.get("/snapshot")).data["maxSeq"])
    await line.nothing()
    await (await ann.line()).send(bob.user_id)
    assert (await line.hear("message"))["seq"] == 1


async def test_the_own_epoch_is_followed(ann: Guest, bob: Guest) -> None:
    await fill(await ann.line(), bob, 2)
    epoch = (await bob.sync())["epoch"]
    await Follower(await bob.line(lastSeq=0, epoch=epoch)).read_to(2)


async def test_below_what_is_retained_a_reset_is_required(ann: Guest, bob: Guest) -> None:
    sender = await ann.line()
    await fill(sender, bob, 6)
    line = await bob.line(lastSeq=0)
    await Follower(line).read_to(6)
    await line.nothing()
    await line.hang_up()
    assert (await bob.delete("/messages/offline/clear?days=0")).data == {"cleared": 6}
    await fill(sender, bob, 2)
    line = await bob.line(lastSeq=5)
    page = await line.hear("sync_batch")
    assert (page["resetRequired"], page["retainedSeq"], page["headSeq"]) == (True, 6, 8)
    await line.nothing()
    await line.say("ack", seq=(await bob.get("/snapshot")).data["maxSeq"])
    await line.nothing()
    await sender.send(bob.user_id)
    await Follower(line, 8).read_to(9)
    await Follower(await bob.line(lastSeq=6), 6).read_to(9)


async def test_an_ack_below_what_is_retained_asks_for_a_reset_again(ann: Guest, bob: Guest) -> None:
    await fill(await ann.line(), bob, 6)
    line = await bob.line()
    await line.hear("offline")
    await line.say("ack", seq=6)
    await line.nothing()
    await bob.delete("/messages/offline/clear?days=0")
    follower = await bob.line(lastSeq=0)
    await follower.hear("sync_batch")
    await follower.say("ack", seq=3)
    assert (await follower.hear("sync_batch"))["resetRequired"] is True
    await follower.say("ack", seq=6)
    await follower.nothing()


async def test_last_seq_above_the_head_is_told_and_auth_may_be_tried_again(
    house: House, ann: Guest, bob: Guest
) -> None:
    await fill(await ann.line(), bob, 2)
    for last_seq in (3, 2**53, 2**63 - 1, 10**30):
        line = await house.open()
        await line.say("auth", token=bob.token, lastSeq=last_seq)
        refusal = await line.refused("seq_ahead")
        assert refusal["code"] == 40005
        await line.say("auth", token=bob.token, lastSeq=2)
        await line.hear("ready")
        await line.nothing()


@pytest.mark.parametrize("last_seq", [-1, -(10**30), 1.5, "3", True, [], {}])
async def test_a_bad_last_seq_is_refused(house: House, ann: Guest, last_seq: object) -> None:
    line = await house.open()
    await line.say("auth", token=ann.token, lastSeq=last_seq)
    await line.refused("invalid_input")
    await line.say("auth", token=ann.token)
    await line.hear("ready")


async def test_the_sync_frame_answers_as_the_route_does(ann: Guest, bob: Guest) -> None:
    await fill(await ann.line(), bob, 12)
    line = await bob.line(lastSeq=12)
    for fields in ({"lastSeq": 0, "count": 5}, {"lastSeq": 10}, {"last_seq": 12, "count": 1}):
        await line.say("sync", **fields)
        page = await line.hear("sync_batch")
        assert page.pop("type") == "sync_batch"
        assert page == (await bob.post("/messages/sync", fields)).data
    await line.say("sync", lastSeq=0, count=5, epoch="of another life")
    assert (await line.hear("sync_batch"))["resetRequired"] is True
    await line.nothing()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"lastSeq": 0, "count": 0}, "invalid_input"),
        ({"lastSeq": 0, "count": 1001}, "invalid_input"),
        ({"lastSeq": -1}, "invalid_input"),
        ({"lastSeq": 2**63}, "invalid_input"),
        ({}, "invalid_input"),
        ({"lastSeq": 1}, "seq_ahead"),
        ({"lastSeq": 2**63 - 100}, "seq_ahead"),
    ],
)
async def test_a_bad_sync_frame_is_refused(ann: Guest, fields: dict[str, int], error: str) -> None:
    line = await ann.line()
    await line.say("sync", **fields)
    await line.refused(error)
    await line.nothing()
