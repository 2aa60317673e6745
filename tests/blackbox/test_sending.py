"""CONTRACT §2 and §4, `private` and `group`: what is sent, to whom, how often, and how much."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.blackbox.house import Guest, House

ASTRAL = "\N{GRINNING FACE}"


async def test_a_receipt_has_every_place(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    for number in (1, 2, 3):
        receipt = await line.send(bob.user_id, messageID=f"m-{number}")
        assert receipt["messageID"] == f"m-{number}"
        assert receipt["conversationID"] == ann.conversation(bob)
        assert receipt["conversationSeq"] == receipt["seq"] == number
        assert isinstance(receipt["serverMsgID"], str)
        assert 0 < int(receipt["serverMsgID"]) < 2**53
        assert isinstance(receipt["serverTime"], int)
        assert not receipt.get("duplicate")


async def test_the_server_makes_a_message_id_where_none_is_given(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    one, other = await line.send(bob.user_id), await line.send(bob.user_id)
    assert 1 <= len(one["messageID"]) <= 64
    assert one["messageID"] != other["messageID"]
    again = await line.send(bob.user_id, messageID=one["messageID"])
    assert again["duplicate"] is True


async def test_the_conversation_of_two_is_one_whoever_begins(house: House) -> None:
    zoe, adam, upper = [await house.guest(house.name(kind)) for kind in ("zoe", "adam", "Zed")]
    one = await (await zoe.line()).send(adam.user_id)
    other = await adam.send(zoe)
    assert one["conversationID"] == other["conversationID"] == f"p:{adam.user_id}:{zoe.user_id}"
    assert other["conversationSeq"] == 2
    assert (await adam.send(upper))["conversationID"] == f"p:{upper.user_id}:{adam.user_id}", "code-point order"


async def test_an_integer_is_a_user_id(house: House, ann: Guest) -> None:
    two = await house.guest("2")
    there = await two.line()
    for spelled in (2, "2"):
        await ann.line()
        await (await ann.line()).send(spelled, "to two")
        assert (await there.hear("message"))["content"] == "to two"


async def test_frames_may_be_spelled_in_snake_case(ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    await line.say("private", to=bob.user_id, content="snake_case", message_id="s_1", message_type=2, create_time=17)
    assert (await line.hear("sent"))["messageID"] == "s_1"
    message = await there.hear("message")
    assert (message["content"], message["messageType"], message["createTime"]) == ("snake_case", 2, 17)
    await there.say("read", conversation_id=ann.conversation(bob), conversation_seq=1)
    assert [(await one.hear("change"))["conversationSeq"] for one in (there, line)] == [1, 1]
    await line.say("presence", user_ids=[bob.user_id])
    assert (await line.hear("presence"))["users"][bob.user_id]["online"] is True


async def test_fields_nobody_knows_are_passed_over(ann: Guest, bob: Guest) -> None:
    await (await ann.line()).send(bob.user_id, nonsense={"a": [1]}, senderID="eve", seq=99, serverTime=5)
    message = (await bob.offline())["messages"][0]
    assert (message["senderID"], message["seq"]) == (ann.user_id, 1)


async def test_a_group_reaches_every_member(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob, cat)
    lines = [await one.line() for one in (bob, cat)]
    receipt = await (await (await ann.on("desk")).line()).send(group, "to all", kind="group")
    assert (receipt["conversationID"], receipt["conversationSeq"]) == (f"g:{group}", 1)
    for line in lines:
        message = await line.hear("message")
        assert (message["content"], message["conversationID"]) == ("to all", f"g:{group}")
    prefixed = await lines[0].send(f"g:{group}", "by its conversation id", kind="group")
    assert prefixed["conversationSeq"] == 2


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "private", "to": "nobody-has-this-name", "content": "x"}, "unknown_receiver"),
    ({"type": "private", "to": 10**30, "content": "x"}, "unknown_receiver"),
    ({"type": "private", "to": "a/b", "content": "x"}, "invalid_id"),
    ({"type": "private", "to": "a:b", "content": "x"}, "invalid_id"),
    ({"type": "private", "to": "ann\n", "content": "x"}, "invalid_id"),
    ({"type": "private", "to": "änn", "content": "x"}, "invalid_id"),
    ({"type": "private", "to": "", "content": "x"}, "invalid_id"),
    ({"type": "private", "to": "a" * 51, "content": "x"}, "invalid_id"),
    ({"type": "private", "to": "BOB", "content": ""}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "a\0b"}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": 5}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": None}, "invalid_input"),
    ({"type": "private", "to": "BOB"}, "invalid_input"),
    ({"type": "private", "content": "x"}, "invalid_input"),
    ({"type": "private", "to": None, "content": "x"}, "invalid_input"),
    ({"type": "private", "to": 2.5, "content": "x"}, "invalid_input"),
    ({"type": "private", "to": True, "content": "x"}, "invalid_input"),
    ({"type": "private", "to": ["BOB"], "content": "x"}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "messageID": ""}, "invalid_id"),
    ({"type": "private", "to": "BOB", "content": "x", "messageID": "m" * 65}, "invalid_id"),
    ({"type": "private", "to": "BOB", "content": "x", "messageID": "a\0b"}, "invalid_id"),
    ({"type": "private", "to": "BOB", "content": "x", "messageID": {}}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "messageType": 5}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "messageType": 0}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "messageType": 10**30}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "messageType": "1"}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "createTime": -1}, "invalid_input"),
    ({"type": "private", "to": "BOB", "content": "x", "createTime": 10**30}, "invalid_input"),
    ({"type": "group", "to": "no-such-group", "content": "x"}, "unknown_conversation"),
    ({"type": "group", "to": "bad group", "content": "x"}, "invalid_id"),
    ({"type": "group", "to": "p:a:b", "content": "x"}, "invalid_id"),
    ({"type": "Private", "to": "BOB", "content": "x"}, "unknown_type"),
    ({"type": "sent", "to": "BOB", "content": "x"}, "unknown_type"),
]


@pytest.mark.parametrize(("frame", "error"), REFUSED)
async def test_a_bad_message_is_refused_without_effect(
    ann: Guest, bob: Guest, frame: dict[str, Any], error: str
) -> None:
    line = await ann.line()
    if frame.get("to") == "BOB":
        frame = frame | {"to": bob.user_id}
    await line.write({"messageID": "mine"} | frame)
    refusal = await line.refused(error)
    if "messageID" not in frame and frame["type"] in {"private", "group"}:
        assert refusal["messageID"] == "mine"
    receipt = await line.send(bob.user_id, "fine", messageID="mine")
    assert (receipt["seq"], receipt.get("duplicate", False)) == (1, False)
    assert [message["content"] for message in (await bob.offline())["messages"]] == ["fine"]


async def test_a_lone_surrogate_is_refused(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    await line.socket.send(f'{{"type":"private","to":"{bob.user_id}","content":"\\ud83d"}}')
    assert (await line.hear("error"))["error"] in {"malformed", "invalid_input"}
    await line.send(bob.user_id, ASTRAL)


async def test_numbers_of_any_length_are_no_way_in(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    for digits in (400, 5000, 30_000):
        await line.socket.send(f'{{"type":"private","content":"x","to":{"1" * digits}}}')
        await line.hear("error")
        await line.socket.send(f'{{"type":"ack","seq":{"1" * digits}}}')
        await line.hear("error")
    for depth in (1000, 30_000):
        await line.socket.send("[" * depth)
        await line.refused("malformed")
        await line.socket.send('{"type":"ping","a_b":' + "[" * depth + "]" * depth + "}")
        await line.hear("error", "pong")
    await line.nothing()


async def test_who_is_no_member_can_not_send_to_a_group(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob)
    line = await cat.line()
    await line.say("group", to=group, content="let me in", messageID="m-1")
    refusal = await line.refused("not_a_member")
    assert (refusal["code"], refusal["messageID"]) == (40301, "m-1")
    await line.nothing()
    assert (await ann.get(f"/messages/group/{group}")).data["messages"] == []


@pytest.mark.parametrize("character", ["a", "ä", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", ASTRAL])
async def test_5000_characters_are_allowed_and_5001_are_not(ann: Guest, bob: Guest, character: str) -> None:
    """Characters, not bytes and not UTF-16 units."""
    line, there = await ann.line(), await bob.line()
    await line.send(bob.user_id, 5000 * character)
    assert (await there.hear("message"))["content"] == 5000 * character
    await line.say("private", to=bob.user_id, content=5001 * character, messageID="too-long")
    refusal = await line.refused("content_too_long")
    assert (refusal["code"], refusal["messageID"]) == (40004, "too-long")
    await line.nothing()
    await there.nothing()


async def test_content_comes_back_as_it_was(ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    odd = [
        '"\\/\b\f\n\r\t',
        " ",
        "\u2028\u2029",
        "e\u0301",
        "\ufeffx",
        "\x7f\x80\x9f",
        "<script>",
        "%s{}\\u0041",
        ASTRAL,
    ]
    for content in odd:
        await line.send(bob.user_id, content)
        assert (await there.hear("message"))["content"] == content
    history = (await bob.get(f"/messages/user/{ann.user_id}?limit=100")).data["messages"]
    assert [message["content"] for message in history] == odd


async def test_sending_again_gives_the_first_result(ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    first = await line.send(bob.user_id, "once", messageID="m-1")
    second = await line.send(bob.user_id, "twice", messageID="m-1")
    assert second == first | {"duplicate": True}
    assert (await there.hear("message"))["content"] == "once"
    await there.nothing()
    await line.cut()
    again = await ann.line()
    assert await again.send(bob.user_id, "once", messageID="m-1") == second
    answer = (await ann.post("/messages/user", {"to": bob.user_id, "content": "once", "messageID": "m-1"})).data
    assert {**answer, "type": "sent"} == second


async def test_a_message_id_is_unique_per_sender_only(ann: Guest, bob: Guest) -> None:
    there = await bob.line()
    one = await (await ann.line()).send(bob.user_id, messageID="m-1")
    await there.hear("message")
    other = await there.send(ann.user_id, messageID="m-1")
    assert "duplicate" not in other
    assert one["serverMsgID"] != other["serverMsgID"]


async def test_of_concurrent_sends_one_is_first(ann: Guest, bob: Guest) -> None:
    lines, there = [await ann.line() for _ in range(6)], await bob.line()
    for number in range(20):
        receipts = await asyncio.gather(*(line.send(bob.user_id, "again", messageID=f"m-{number}") for line in lines))
        assert sum(not receipt.get("duplicate") for receipt in receipts) == 1
        assert len({(receipt["serverMsgID"], receipt["seq"]) for receipt in receipts}) == 1
        assert (await there.hear("message"))["conversationSeq"] == number + 1
    await there.nothing()


async def test_a_burst_with_duplicates_in_it_has_no_gap(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    for number in range(300):
        await line.say("private", to=bob.user_id, content="burst", messageID=f"m-{number // 3}")
    receipts = await line.hear_many("sent", 300)
    assert sorted({receipt["seq"] for receipt in receipts}) == list(range(1, 101))
    assert sum(not receipt.get("duplicate") for receipt in receipts) == 100
    assert (await bob.offline())["total"] == 100


async def test_messages_of_many_keep_the_order_of_their_conversation(ann: Guest, bob: Guest, cat: Guest) -> None:
    group = await ann.group(bob, cat)
    lines = [await one.line() for one in (ann, bob, cat)]
    watcher = await (await ann.on("desk")).line(lastSeq=1)
    told: dict[int, str] = {}

    async def talk(line: Any, name: str) -> None:
        for number in range(40):
            await line.say("group", to=group, content=f"{name} {number}")
        while sum(one.startswith(name) for one in told.values()) < 40:
            frame = json.loads(await line.socket.recv())
            if frame["type"] == "sent":
                told[frame["conversationSeq"]] = f"{name} {sum(one.startswith(name) for one in told.values())}"

    await asyncio.gather(*(talk(line, name) for line, name in zip(lines, "abc", strict=True)))
    messages = await watcher.hear_many("message", 120)
    assert [message["conversationSeq"] for message in messages] == list(range(1, 121))
    assert [message["seq"] for message in messages] == list(range(2, 122))
    assert [message["content"] for message in messages] == [told[number] for number in range(1, 121)]
