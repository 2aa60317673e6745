"""Reporting messages (D7): who may, what is kept, who is told."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from roost.audit.reading import records
from roost.flow.moderation.reporting import MAX_COMMENT, newest
from tests.edge.people import Answer, Person, Town
from tests.test_cli import said

Settle = Callable[..., Awaitable[Town]]


async def report(person: Person, message: Any, reason: str = "spam", **fields: Any) -> Answer:
    return await person.post(f"/messages/{message['serverMsgID']}/report", {"reason": reason, **fields})


async def test_a_report_keeps_what_was_reported(settle: Settle, tmp_path: Path) -> None:
    town = await settle()
    alice, bob = await town.person("alice"), await town.person("bob")
    sent = await alice.send(bob, "buy this")
    taken = (await report(bob, sent, "spam", comment="again and again")).data
    await alice.patch(f"/messages/{sent['serverMsgID']}", {"content": "hello"})
    again = (await report(bob, sent, "other")).data
    assert again == {**taken, "duplicate": True}
    [found] = await town.roads.database.read(lambda connection: newest(connection, 10))
    assert (found.reporter, found.reason, found.comment) == ("bob", "spam", "again and again")
    assert (found.message.content, found.message.sender_id) == ("buy this", "alice")
    acts = await town.roads.database.read(lambda connection: [one for one in records(connection) if one.target])
    assert [(one.act, one.actor, one.target, one.message) for one in acts if "report" in one.act] == [
        ("message.reported", "bob", "alice", sent["serverMsgID"])
    ]
    shown = json.loads(said("reports", "--json", "--data", tmp_path / "data"))
    assert (shown["reporter"], shown["message"]["content"]) == ("bob", "buy this")
    title, line = said("reports", "--data", tmp_path / "data").splitlines()
    assert title.split()[1:3] == ["REPORTER", "REASON"]
    assert line.endswith("alice   buy this  again and again")


async def test_nobody_in_the_conversation_is_told(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    await report(bob, sent)
    for person in (alice, bob):
        page = await person.sync()
        assert (page["headSeq"], page["changes"]) == (1, [])


async def test_who_may_not_read_a_message_does_not_report_it(town: Town, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    private, public = await alice.send(bob), await alice.tell(group)
    eve = await town.person(town.name("eve"))
    for message in (private, public):
        assert (await report(eve, message)).refusal == (404, "unknown_message")
    assert (await report(bob, public)).status == 200
    await bob.post(f"/groups/{group}/leave")
    assert (await report(bob, await alice.tell(group))).refusal == (404, "unknown_message")
    assert (await report(town.holder(None), private)).status == 401


@pytest.mark.parametrize(
    "fields",
    [{"reason": "boring"}, {"reason": 7}, {"comment": "x" * (MAX_COMMENT + 1)}, {"comment": "a\0b"}, {"comment": None}],
)
async def test_what_is_no_report_is_refused(alice: Person, bob: Person, fields: dict[str, Any]) -> None:
    sent = await alice.send(bob)
    path = f"/messages/{sent['serverMsgID']}/report"
    assert (await bob.post(path, {"reason": "spam", **fields})).refusal == (400, "invalid_input")
    assert (await bob.post(path, {})).refusal == (400, "invalid_input")
    assert (await alice.post(path, {"reason": "spam"})).refusal == (400, "invalid_input")


async def test_two_users_report_one_message(town: Town, alice: Person, bob: Person) -> None:
    cat = await town.person(town.name("cat"))
    sent = await alice.tell(await alice.group(bob, cat))
    one, other = (await report(bob, sent)).data, (await report(cat, sent)).data
    assert one["reportID"] != other["reportID"]
    assert "duplicate" not in other
