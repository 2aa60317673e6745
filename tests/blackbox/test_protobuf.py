"""CONTRACT §4, binary frames: the same conversation in Protobuf, and with those who speak JSON."""

from __future__ import annotations

from typing import Any

import pytest

from roost.protocol import roost_pb2 as pb
from tests.blackbox.house import Guest, House
from tests.blackbox.line import Follower
from tests.blackbox.proto import PROTOBUF, plain

PROTO: dict[str, Any] = {"speech": PROTOBUF, "subprotocol": "roost.v1.proto"}


@pytest.mark.parametrize("how", [PROTO, {"speech": PROTOBUF}], ids=["agreed on", "first frame"])
async def test_a_whole_conversation_in_protobuf(ann: Guest, bob: Guest, how: dict[str, Any]) -> None:
    line, there = await ann.line(**how), await bob.line(**how)
    assert (line.ready["userID"], line.ready["deviceID"], line.ready["window"]) == (ann.user_id, "phone", 500)
    receipt = await line.send(bob.user_id, "grüße \N{GRINNING FACE}", messageID="m-1", messageType=4, createTime=17)
    message = await there.hear("message")
    assert message == {
        "type": "message",
        "messageID": "m-1",
        "serverMsgID": receipt["serverMsgID"],
        "seq": 1,
        "conversationID": ann.conversation(bob),
        "conversationSeq": 1,
        "senderID": ann.user_id,
        "messageType": 4,
        "content": "grüße \N{GRINNING FACE}",
        "createTime": 17,
        "serverTime": receipt["serverTime"],
        "version": 1,
        "editTime": 0,
        "recallTime": 0,
        "reactions": [],
        "pinned": False,
        "replyTo": "",
        "mentions": [],
        "forwardedFrom": {"conversationID": "", "serverMsgID": "", "senderID": ""},
        "attachments": [],
        "recallReason": "",
        "ttl": 0,
        "sticker": {"packID": "", "stickerID": "", "emoji": "", "url": ""},
    }
    assert (await line.send(bob.user_id, "again", messageID="m-1"))["duplicate"] is True
    await there.say("ack", seq=1)
    await there.nothing()
    assert await bob.position() == 1
    await there.say("read", conversationID=ann.conversation(bob), conversationSeq=1)
    change = await there.hear("change")
    assert (change["kind"], change["seq"], change["conversationSeq"]) == ("read", 2, 1)
    assert (await line.hear("change"))["userID"] == bob.user_id
    await line.say("presence", userIDs=[bob.user_id, "nobody"])
    users = (await line.hear("presence"))["users"]
    assert (users[bob.user_id]["online"], users["nobody"]["online"]) == (True, False)
    await line.say("typing", conversationID=ann.conversation(bob))
    assert (await there.hear("typing"))["userID"] == ann.user_id


async def test_the_offline_batch_in_protobuf(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 130)
    line = await bob.line(**PROTO)
    batch = await line.hear("offline")
    assert [message["seq"] for message in batch["messages"]] == list(range(1, 101))
    assert (batch["fromSeq"], batch["throughSeq"], batch["remaining"]) == (1, 100, 30)
    await line.nothing()


@pytest.mark.parametrize("last_seq", [0, 40])
async def test_following_in_protobuf(ann: Guest, bob: Guest, last_seq: int) -> None:
    """`lastSeq` 0 is there, though it is Protobuf's zero."""
    sender = await ann.line()
    await sender.send_many(bob.user_id, 250)
    follower = Follower(await bob.line(**PROTO, lastSeq=last_seq), last_seq)
    await follower.read_to(250)
    group = await ann.group(bob)
    await follower.read_to(251)
    assert follower.log[251]["conversationID"] == f"g:{group}"
    await follower.line.send(group, "from bob", kind="group")


async def test_json_and_protobuf_talk_with_each_other(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob, cat)
    texts, binary, follower = await ann.line(), await bob.line(**PROTO), await cat.line(**PROTO, lastSeq=1)
    await texts.send(group, "from JSON", kind="group")
    ways = await binary.hear("message"), await follower.hear("message")
    assert [message["content"] for message in ways] == ["from JSON"] * 2
    await binary.send(group, "from Protobuf", kind="group")
    assert (await texts.hear("message"))["content"] == (await follower.hear("message"))["content"] == "from Protobuf"
    desk = await (await bob.on("desk")).line()
    assert [message["content"] for message in (await desk.hear("offline"))["messages"]] == [
        "from JSON",
        "from Protobuf",
    ]


async def test_live_seq_of_any_size_is_spliced_right(ann: Guest, bob: Guest) -> None:
    """Past 127 a varint has two bytes."""
    sender = await ann.line()
    await sender.send_many(bob.user_id, 125)
    line = await bob.line(**PROTO, lastSeq=125)
    for number in range(126, 132):
        await sender.send(bob.user_id, "x" * (number - 30))
        message = await line.hear("message")
        assert (message["seq"], len(message["content"])) == (number, number - 30)


async def test_sync_frames_and_the_route_answer_alike(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send_many(bob.user_id, 12)
    await ann.group(bob)
    line = await bob.line(**PROTO, lastSeq=13)
    for fields in ({"lastSeq": 0, "count": 5}, {"lastSeq": 10}, {"lastSeq": 13}):
        await line.say("sync", **fields)
        page = await line.hear("sync_batch")
        answer = await bob.ask(
            "POST",
            "/messages/sync",
            content=pb.SyncRequest(**fields).SerializeToString(),
            headers={"Content-Type": "application/x-protobuf"},
        )
        assert answer.headers["content-type"] == "application/x-protobuf"
        assert {"type": "sync_batch"} | plain(pb.SyncResponse.FromString(answer.body)) == page
        in_json = (await bob.sync(fields["lastSeq"], count=fields.get("count", 500)))["messages"]
        assert [message["content"] for message in in_json] == [message["content"] for message in page["messages"]]


async def test_errors_in_protobuf(ann: Guest) -> None:
    line = await ann.line(**PROTO)
    await line.say("private", to="nobody-has-this-name", content="x", messageID="m-1")
    refusal = await line.refused("unknown_receiver")
    assert (refusal["code"], refusal["messageID"]) == (40401, "m-1")
    await line.say("private", content="x")
    await line.refused("invalid_id")
    await line.say("private", to=ann.user_id)
    await line.refused("invalid_input")
    await line.nothing()


BAD = {
    "nothing": (b"", "unknown_type"),
    "not Protobuf": (b"\xff\xff\xff", "malformed"),
    "cut off": (pb.Frame(ack=pb.Ack(seq=300)).SerializeToString()[:-1], "malformed"),
    "JSON": (b'{"type":"ping"}', "malformed"),
    "a string that is not UTF-8": (b"\x12\x04\x12\x02\xff\xfe", "malformed"),
    "a frame of the server": (pb.Frame(pong=pb.Pong()).SerializeToString(), "unknown_type"),
    "a frame of the future": (b"\xfa\x3f\x00", "unknown_type"),
}


@pytest.mark.parametrize(("payload", "error"), BAD.values(), ids=BAD)
async def test_what_is_no_frame_is_refused_and_the_connection_stays_open(
    house: House, ann: Guest, payload: bytes, error: str
) -> None:
    line = await house.open(speech=PROTOBUF)
    for _ in range(2):
        await line.socket.send(payload)
        assert (await line.hear("error"))["error"] == error
    await line.say("auth", token=ann.token)
    await line.hear("ready")
    await line.socket.send(payload)
    await line.refused(error)
    await line.nothing()


async def test_a_bad_token_in_protobuf_closes_with_4500(house: House) -> None:
    line = await house.open(speech=PROTOBUF)
    await line.say("auth", token="nonsense")
    await line.refused("invalid_token")
    assert await line.closed() == 4500


async def test_text_on_a_protobuf_connection_is_json(house: House, ann: Guest) -> None:
    """Each frame says what it is; the server answers as was agreed."""
    line = await ann.line(**PROTO)
    await line.socket.send('{"type":"ping"}')
    await line.hear("pong")
