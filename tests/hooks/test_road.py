"""What happens on a server, as its webhooks are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from roost import storage
from roost.config import Config, ConfigError, load
from roost.db.schema import webhook_outbox
from roost.hooks.events import Moderation, emit
from roost.operations import bring_up_to_date, write_or_ask
from tests.edge.api.admin.conftest import operator_of
from tests.edge.conftest import settle  # noqa: F401 - a fixture
from tests.edge.people import Town
from tests.hooks.listener import SECRET, Listener, listening


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as found:
        yield found


async def test_a_back_end_is_told_what_happens(
    settle: Callable[..., Awaitable[Town]],  # noqa: F811
    listener: Listener,
    tmp_path: Path,
) -> None:
    words = tmp_path / "reject.txt"
    words.write_text("forbidden\n")
    hooks = {"endpoints": [msgspec.to_builtins(listener.hook())], "private": True}
    town = await settle(webhooks=hooks, moderation={"reject": [str(words)]})
    ann, bob = await town.person("ann"), await town.person("bob")
    sent = await ann.send(bob, "hello")
    message = f"/messages/{sent['serverMsgID']}"
    await ann.patch(message, {"content": "good day"})
    await bob.put(f"{message}/reactions/👍")
    await ann.post(f"{message}/recall")
    assert (await ann.post("/messages/user", {"to": "bob", "content": "forbidden"})).error == "content_rejected"
    await ann.group(bob)
    heard: dict[str, list[Any]] = {}
    for request in await listener.until(5):
        heard.setdefault(request.event["type"], []).append(request.event["data"])
    assert {kind: len(events) for kind, events in heard.items()} == dict.fromkeys(
        ("message", "edit", "recall", "moderation", "membership"), 1
    )
    assert heard["message"][0]["content"] == "hello"
    assert (heard["edit"][0]["content"], heard["edit"][0]["version"]) == ("good day", 2)
    assert heard["recall"][0]["content"] == ""
    refused = {"what": "rejected", "userID": "ann", "conversationID": "p:ann:bob", "content": "forbidden"}
    assert heard["moderation"] == [refused]
    assert heard["membership"][0]["action"] == "created"


async def test_a_back_end_is_told_of_a_report_and_of_its_end(
    settle: Callable[..., Awaitable[Town]],  # noqa: F811
    listener: Listener,
) -> None:
    """Once each: reporting and closing again changes nothing. The content is that of the time."""
    hook = msgspec.to_builtins(listener.hook(events=["moderation"]))
    town = await settle(webhooks={"endpoints": [hook], "private": True})
    ann, bob, desk = await town.person("ann"), await town.person("bob"), operator_of(town)
    sent = await ann.send(bob, "buy this")
    message = f"/messages/{sent['serverMsgID']}"
    for _ in range(2):
        taken = (await bob.post(f"{message}/report", {"reason": "spam", "comment": "again"})).data["reportID"]
    await ann.post(f"{message}/recall")
    for _ in range(2):
        await desk.post(f"/admin/reports/{taken}/close", {"resolution": "upheld", "note": "Warned."})
    other = (await bob.post(f"/messages/{(await ann.send(bob))['serverMsgID']}/report", {"reason": "other"})).data
    told, closed, last = [request.event["data"] for request in await listener.until(3)]
    about = {"userID": "ann", "conversationID": "p:ann:bob", "serverMsgID": sent["serverMsgID"], "content": "buy this"}
    reported = {**about, "reportID": taken, "reporter": "bob", "reason": "spam", "comment": "again"}
    assert told == {"what": "report", **reported}
    end = {"resolution": "upheld", "note": "Warned.", "closedBy": "operator"}
    assert closed == {"what": "report_closed", **reported, **end}
    assert (last["what"], last["reportID"]) == ("report", other["reportID"])


def test_what_a_command_does_is_told_when_a_server_runs(tmp_path: Path) -> None:
    endpoint = {"name": "one", "url": "https://example.com", "secrets": [SECRET]}
    settings = msgspec.convert(
        {"server": {"data": str(tmp_path)}, "webhooks": {"endpoints": [endpoint]}}, Config, strict=False
    )
    bring_up_to_date(settings)
    write_or_ask(settings, lambda tx: emit(tx, "moderation", "", Moderation(what="spam", user_id="ann")), lambda: None)
    with storage.looking_at(settings) as connection:
        assert connection.execute(select(webhook_outbox.c.event)).scalars().all() == ["moderation"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "ftp://example.com"}, "url must be an address"),
        ({"secrets": []}, "needs one secret"),
        ({"secrets": ["whsec_c2hvcnQ="]}, "a secret must be"),
        ({"secrets": ["c2VjcmV0" * 5]}, "a secret must be"),
        ({"name": "no spaces"}, "must be a name"),
        ({"events": ["everything"]}, "everything"),
    ],
)
def test_a_webhook_that_can_not_work_is_refused(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    endpoint = {"name": "one", "url": "https://example.com", "secrets": [SECRET]}
    file = tmp_path / "config.yaml"
    file.write_bytes(msgspec.yaml.encode({"webhooks": {"endpoints": [endpoint]}}))
    load(file)
    file.write_bytes(msgspec.yaml.encode({"webhooks": {"endpoints": [endpoint | fields]}}))
    with pytest.raises(ConfigError, match=said):
        load(file)
