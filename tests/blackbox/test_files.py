"""Files over WebSocket, in JSON and Protobuf: messages carry them to whoever is there and whoever comes later (D9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blackbox.house import Guest
from tests.blackbox.line import JSON
from tests.blackbox.proto import PROTOBUF
from tests.files.pictures import picture

WAYS = pytest.mark.parametrize("speech", [JSON, PROTOBUF], ids=["JSON", "Protobuf"])


async def uploaded(guest: Guest, content: bytes, name: str) -> dict[str, Any]:
    answer = await guest.post("/attachments", files={"file": (name, content)})
    assert answer.status == 201
    return dict(answer.data)


def told(message: dict[str, Any]) -> list[dict[str, Any]]:
    """What a message says of its files. Protobuf says zero where JSON says nothing."""
    return [{name: value for name, value in one.items() if value} for one in message["attachments"]]


@WAYS
async def test_a_message_carries_files_to_who_is_there_and_who_comes_later(ann: Guest, bob: Guest, speech: Any) -> None:
    image, text = await uploaded(ann, picture(), "p.png"), await uploaded(ann, b"milk", "list.txt")
    here, there = await ann.line(speech=speech), await bob.line(speech=speech, lastSeq=0)
    await here.send(bob.user_id, "", attachments=[image["id"]])
    await here.send(bob.user_id, "both", attachments=[image["id"], text["id"]])
    first, second = await there.hear("message"), await there.hear("message")
    assert (first["messageType"], first["content"], told(first)) == (2, "", [image])
    assert (second["messageType"], told(second)) == (3, [image, text])
    late = await (await bob.on("new")).line(speech=speech, lastSeq=0)
    assert [told(one) for one in (await late.hear("offline"))["messages"]] == [[image], [image, text]]


@WAYS
async def test_a_file_of_somebody_else_is_refused_with_the_messages_id(ann: Guest, bob: Guest, speech: Any) -> None:
    secret = await uploaded(ann, b"secret", "s.txt")
    line = await bob.line(speech=speech)
    await line.say("private", to=ann.user_id, content="mine now", messageID="m-1", attachments=[secret["id"]])
    assert (await line.refused("unknown_attachment"))["messageID"] == "m-1"


@WAYS
async def test_a_recall_takes_the_files_away_everywhere(ann: Guest, bob: Guest, speech: Any) -> None:
    file = await uploaded(ann, b"oops", "o.txt")
    here, there = await ann.line(speech=speech), await bob.line(speech=speech, lastSeq=0)
    receipt = await here.send(bob.user_id, "look", attachments=[file["id"]])
    assert told(await there.hear("message")) == [file]
    await here.say("recall", serverMsgID=receipt["serverMsgID"])
    assert not (await there.hear("message")).get("attachments")
    assert (await bob.get(f"/attachments/{file['id']}")).refusal == (404, "unknown_attachment")
