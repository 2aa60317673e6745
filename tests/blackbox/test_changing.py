"""Changing messages over WebSocket (D9): the `message` that all members get is the confirmation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blackbox.house import Guest
from tests.blackbox.line import JSON, Line
from tests.blackbox.proto import PROTOBUF

WAYS = pytest.mark.parametrize("speech", [JSON, PROTOBUF], ids=["JSON", "Protobuf"])


async def sent_by(line: Line, to: str, content: str, **fields: Any) -> str:
    return str((await line.send(to, content, **fields))["serverMsgID"])


@WAYS
async def test_every_device_gets_the_edited_message_the_editing_one_too(ann: Guest, bob: Guest, speech: Any) -> None:
    here, there = await ann.line(speech=speech, lastSeq=0), await bob.line(speech=speech, lastSeq=0)
    laptop = await (await ann.on("laptop")).line(speech=speech)
    message = await sent_by(here, bob.user_id, "helo")
    await there.hear("message")
    await laptop.hear("message")
    await here.say("edit", serverMsgID=message, content="hello")
    for line in (here, there, laptop):
        heard = await line.hear("message")
        assert (heard["seq"], heard["content"], heard["version"]) == (2, "hello", 2)
        assert heard["editTime"] > 0
        assert heard["conversationSeq"] == 1


@WAYS
async def test_a_recalled_message_keeps_its_place_without_its_text(ann: Guest, bob: Guest, speech: Any) -> None:
    here, there = await ann.line(speech=speech), await bob.line(speech=speech, lastSeq=0)
    message = await sent_by(here, bob.user_id, "secret")
    assert (await there.hear("message"))["content"] == "secret"
    await here.say("recall", serverMsgID=message)
    for line in (here, there):
        heard = await line.hear("message")
        assert (heard["content"], heard["conversationSeq"]) == ("", 1)
        assert heard["recallTime"] > 0
    late = await (await bob.on("new")).line(speech=speech, lastSeq=0)
    batch = await late.hear("offline")
    assert [(one["seq"], one["content"]) for one in batch["messages"]] == [(2, "")]
    assert (batch["fromSeq"], batch["throughSeq"], batch["remaining"]) == (1, 2, 0)


@WAYS
async def test_a_refusal_names_the_message(ann: Guest, bob: Guest, speech: Any) -> None:
    message = await sent_by(await ann.line(), bob.user_id, "hi")
    line = await bob.line(speech=speech, lastSeq=1)
    await line.say("edit", serverMsgID=message, content="x")
    assert (await line.refused("forbidden"))["serverMsgID"] == message
    await line.say("recall", serverMsgID="9007199254740991")
    assert (await line.refused("unknown_message"))["serverMsgID"] == "9007199254740991"
    await line.nothing()


async def test_the_id_may_be_an_integer_and_the_name_in_snake_case(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    message = await sent_by(line, bob.user_id, "hi")
    await line.say("edit", server_msg_id=int(message), content="ho")
    assert (await line.hear("message"))["content"] == "ho"


async def test_a_device_that_was_away_gets_the_state_of_now(ann: Guest, bob: Guest) -> None:
    """A simple one once in its batch; a following one at the newest place of each page."""
    line = await ann.line()
    message = await sent_by(line, bob.user_id, "first")
    for number in range(150):
        await line.say("edit", serverMsgID=message, content=f"edit {number}")
        await line.hear("message")
    simple = await bob.line()
    batch = await simple.hear("offline")
    assert [(one["seq"], one["content"]) for one in batch["messages"]] == [(100, "edit 149")]
    assert batch["remaining"] == 51
    following = await (await bob.on("laptop")).line(lastSeq=0)
    batches = [await following.hear("offline") for _ in range(2)]
    assert [[one["seq"] for one in one_batch["messages"]] for one_batch in batches] == [[100], [151]]
    assert [one_batch["throughSeq"] for one_batch in batches] == [100, 151]


async def test_two_edits_at_once_are_two_versions(ann: Guest, bob: Guest) -> None:
    lines = [await ann.line(), await (await ann.on("laptop")).line()]
    message = await sent_by(lines[0], bob.user_id, "first")
    await lines[1].hear("message")
    there = await bob.line(lastSeq=0)
    await there.hear("offline")
    for number, line in enumerate(lines):
        await line.say("edit", serverMsgID=message, content=f"edit {number}")
    heard = [await there.hear("message") for _ in range(2)]
    assert [(one["version"], one["seq"]) for one in heard] == [(2, 2), (3, 3)]
    history = (await bob.get(f"/messages/user/{ann.user_id}")).data["messages"]
    assert history[0]["content"] == heard[-1]["content"]


@pytest.mark.parametrize(
    ("speech", "expected"),
    [
        (JSON, lambda who: {"👍": [who], "🐓": [who]}),
        (PROTOBUF, lambda who: [{"emoji": "👍", "userIDs": [who]}, {"emoji": "🐓", "userIDs": [who]}]),
    ],
    ids=["JSON", "Protobuf"],
)
async def test_reactions_come_live_in_batches_and_in_pages(ann: Guest, bob: Guest, speech: Any, expected: Any) -> None:
    here, there = await ann.line(speech=speech), await bob.line(speech=speech, lastSeq=0)
    message = await sent_by(here, bob.user_id, "hi")
    await there.hear("message")
    for emoji in ("👍", "🐓"):
        await there.say("react", serverMsgID=message, emoji=emoji)
        await here.hear("message")
    assert [(await there.hear("message"))["reactions"] for _ in range(2)][-1] == expected(bob.user_id)
    late = await (await bob.on("new")).line(speech=speech, lastSeq=0)
    (caught_up,) = (await late.hear("offline"))["messages"]
    await late.say("sync", lastSeq=0, count=10)
    (paged,) = (await late.hear("sync_batch"))["messages"]
    assert caught_up["reactions"] == paged["reactions"] == expected(bob.user_id)
    await there.say("react", serverMsgID=message, emoji="👍", remove=True)
    assert len((await here.hear("message"))["reactions"]) == 1


@WAYS
async def test_a_reply_with_mentions_is_sent_and_comes_live(ann: Guest, bob: Guest, speech: Any) -> None:
    here, there = await ann.line(speech=speech), await bob.line(speech=speech, lastSeq=0)
    first = await sent_by(here, bob.user_id, "hi")
    receipt = await here.send(bob.user_id, "you there?", replyTo=first, mentions=[bob.user_id])
    await there.hear("message")
    heard = await there.hear("message")
    assert (heard["serverMsgID"], heard["replyTo"], heard["mentions"]) == (receipt["serverMsgID"], first, [bob.user_id])
    await here.say("private", to=bob.user_id, content="x", mentions=["nobody"], messageID="m")
    assert (await here.refused("invalid_input"))["messageID"] == "m"


@WAYS
async def test_a_forwarded_message_says_where_it_is_from(ann: Guest, bob: Guest, cat: Guest, speech: Any) -> None:
    there = await cat.line(speech=speech, lastSeq=0)
    first = await sent_by(await ann.line(), bob.user_id, "news")
    await bob.post(f"/messages/{first}/forward", {"to": [bob.conversation(cat)]})
    origin = {"conversationID": ann.conversation(bob), "serverMsgID": first, "senderID": ann.user_id}
    assert (await there.hear("message"))["forwardedFrom"] == origin
