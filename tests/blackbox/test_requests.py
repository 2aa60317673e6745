"""Features that have no frame of their own, over one socket alone, in JSON and in Protobuf (D2, D9)."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

import pytest

from tests.blackbox.house import Guest
from tests.blackbox.line import JSON, PATIENCE, Line, Speech
from tests.blackbox.proto import PROTOBUF

_numbers = itertools.count(1)


async def ask(line: Line, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The `data` of an answer; what comes before it is passed over."""
    request_id = f"ask-{next(_numbers)}"
    fields = {"requestID": request_id, "method": method, "path": f"/api/v1{path}"}
    spoken = line.speech is PROTOBUF
    if body is not None:
        fields |= {"body": json.dumps(body).encode() if spoken else body}
    await line.say("request", **fields)
    while (frame := await line.hear())["type"] != "response":
        assert frame["type"] != "error", frame
    assert (frame["requestID"], frame["status"]) == (request_id, 201 if path == "/messages/scheduled" and body else 200)
    answer = json.loads(frame["body"]) if spoken else frame["body"]
    assert answer["code"] == 0
    return answer["data"]


@pytest.mark.parametrize("speech", [JSON, PROTOBUF], ids=["JSON", "Protobuf"])
async def test_a_group_a_search_a_draft_and_a_schedule_over_one_socket(ann: Guest, bob: Guest, speech: Speech) -> None:
    line = await ann.line(speech=speech)
    group = await ask(line, "POST", "/groups", {"name": "Tea", "members": [bob.user_id]})
    members = (await ask(line, "GET", f"/groups/{group['groupID']}/members"))["members"]
    assert {one["userID"] for one in members} == {ann.user_id, bob.user_id}
    await line.say("group", to=group["groupID"], content="jasmine or oolong?")
    async with asyncio.timeout(PATIENCE):
        while not (hits := (await ask(line, "GET", "/messages/search?q=jasmine%20oolong"))["hits"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the index tells nobody
    assert hits[0]["message"]["content"] == "jasmine or oolong?"
    path = f"/conversations/g:{group['groupID']}/draft"
    assert (await ask(line, "PUT", path, {"content": "perhaps"}))["content"] == "perhaps"
    assert [one["content"] for one in (await ask(line, "GET", "/drafts"))["drafts"]] == ["perhaps"]
    wish = {"conversationID": f"g:{group['groupID']}", "content": "now?", "sendTime": int(time.time() * 1000) + 60_000}
    made = await ask(line, "POST", "/messages/scheduled", wish)
    assert (await ask(line, "GET", "/messages/scheduled"))["scheduled"] == [made]
    await ask(line, "DELETE", f"/messages/scheduled/{made['scheduledID']}")
    assert (await ask(line, "GET", "/messages/scheduled"))["scheduled"] == []
