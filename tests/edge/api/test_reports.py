"""Reporting messages (D7): who may, what is kept, who is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from roost.audit.reading import records
from roost.flow.moderation.reporting import MAX_COMMENT
from roost.flow.moderation.reports import MAX_NOTE, newest
from tests.edge.api.admin.conftest import operator_of
from tests.edge.people import Answer, Person, Town
from tests.test_cli import refused, said

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
    assert (found.reporter_id, found.reason, found.comment) == ("bob", "spam", "again and again")
    assert (found.message.content, found.message.sender_id) == ("buy this", "alice")
    acts = await town.roads.database.read(lambda connection: [one for one in records(connection) if one.target])
    assert [(one.act, one.actor, one.target, one.message) for one in acts if "report" in one.act] == [
        ("message.reported", "bob", "alice", sent["serverMsgID"])
    ]
    shown = json.loads(said("reports", "--json", "--data", tmp_path / "data"))
    assert (shown["reporterID"], shown["message"]["content"]) == ("bob", "buy this")
    title, line = said("reports", "--data", tmp_path / "data").splitlines()
    assert title.split()[2:5] == ["STATE", "REPORTER", "REASON"]
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


async def test_what_one_got_is_reported_also_after_one_was_removed_or_the_group_is_dissolved(
    alice: Person, bob: Person, town: Town
) -> None:
    carol = await town.person(town.name("carol"))
    group = await alice.group(bob, carol)
    sent = await alice.tell(group, "go away")
    assert (await alice.delete(f"/groups/{group}/members/{bob.user_id}")).status == 200
    first = (await report(bob, sent)).data
    assert (await alice.delete(f"/groups/{group}")).status == 200
    assert (await report(bob, sent)).data == {**first, "duplicate": True}
    assert (await report(carol, sent)).status == 200


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


async def test_a_report_is_closed_once(settle: Settle, tmp_path: Path) -> None:
    town = await settle()
    alice, bob, desk = await town.person("alice"), await town.person("bob"), operator_of(town)
    reports = [(await report(bob, await alice.send(bob))).data["reportID"] for _ in range(3)]
    found = (await desk.get("/admin/reports?limit=2")).data
    assert [one["reportID"] for one in found["reports"]] == reports[:2]
    rest = (await desk.get(f"/admin/reports?limit=2&after={found['next']}")).data
    assert ([one["reportID"] for one in rest["reports"]], "next" in rest) == (reports[2:], False)
    path = f"/admin/reports/{reports[0]}/close"
    closed = (await desk.post(path, {"resolution": "upheld", "note": "Warned."})).data
    assert (closed["resolution"], closed["note"], closed["closedBy"]) == ("upheld", "Warned.", "operator")
    assert (await desk.post(path, {"resolution": "upheld"})).data == closed
    assert (await desk.post(path, {"resolution": "dismissed"})).refusal == (409, "conflict")
    beside = ("--data", tmp_path / "data", "--url", str(town.http.base_url))
    assert await asyncio.to_thread(said, "reports", "close", reports[1], "--resolution", "dismissed", *beside)
    states = {"open": reports[2:], "closed": reports[:2], "all": reports}
    for state, expected in states.items():
        listed = (await desk.get(f"/admin/reports?state={state}")).data["reports"]
        assert [one["reportID"] for one in listed] == expected
    shown = await asyncio.to_thread(said, "reports", "--state", "closed", "--data", tmp_path / "data")
    assert [line.split()[0] for line in shown.splitlines()] == ["REPORT", *reports[:2]]
    assert (await report(bob, closed["message"])).data["duplicate"]
    acts = await town.roads.database.read(lambda connection: list(records(connection)))
    assert [(one.act, one.actor, one.target, one.details) for one in acts if one.act == "report.closed"] == [
        ("report.closed", "operator", "alice", {"report": reports[0], "resolution": "upheld", "note": "Warned."}),
        ("report.closed", "operator", "alice", {"report": reports[1], "resolution": "dismissed", "note": ""}),
    ]


@pytest.mark.parametrize(
    "fields", [{"resolution": "boring"}, {"resolution": "upheld", "note": "x" * (MAX_NOTE + 1)}, {"note": "a\0b"}, {}]
)
async def test_what_is_no_resolution_is_refused(town: Town, alice: Person, bob: Person, fields: dict[str, Any]) -> None:
    taken = (await report(bob, await alice.send(bob))).data["reportID"]
    desk = operator_of(town)
    assert (await desk.post(f"/admin/reports/{taken}/close", fields)).refusal == (400, "invalid_input")
    assert (await desk.get("/admin/reports?state=odd")).refusal == (400, "invalid_input")
    assert (await desk.get("/admin/reports?after=odd")).refusal == (400, "invalid_input")


async def test_there_are_reports_that_were_made_only(town: Town) -> None:
    for name in ("999999", "odd", "-1"):
        answer = await operator_of(town).post(f"/admin/reports/{name}/close", {"resolution": "upheld"})
        assert answer.refusal == (404, "not_found")


def test_reports_are_closed_without_a_server(tmp_path: Path) -> None:
    said("migrate", "--data", tmp_path)
    assert "There is no report 7" in refused("reports", "close", "7", "--resolution", "upheld", "--data", tmp_path)
