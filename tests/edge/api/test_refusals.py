from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog

from tests.edge.people import Person, Town


async def test_a_refusal_has_the_form_of_all_refusals(alice: Person) -> None:
    answer = await alice.get("/messages/user/nobody")
    assert answer.body == {
        "code": 40401,
        "error": "unknown_receiver",
        "message": "There is no user nobody.",
        "data": None,
        "requestID": answer.headers["x-request-id"],
    }


async def test_there_is_nothing_at_an_unknown_address(town: Town, alice: Person) -> None:
    assert (await alice.get("/nothing")).refusal == (404, "not_found")
    assert (await town.holder(None, prefix="").get("/nothing")).refusal == (404, "not_found")


async def test_another_method_is_refused_with_those_allowed(alice: Person) -> None:
    answer = await alice.put("/groups/club")
    assert answer.refusal == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "DELETE, GET, OPTIONS, PATCH"


@pytest.mark.parametrize("request_line", ["FOO /api/v1/groups HTTP/1.1", "get /api/v1/groups HTTP/1.1", "no HTTP"])
async def test_what_is_no_http_is_refused_in_the_same_form(town: Town, request_line: str) -> None:
    reader, writer = await asyncio.open_connection(town.http.base_url.host, town.http.base_url.port)
    writer.write(f"{request_line}\r\nHost: roost\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ")
    headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    refusal = json.loads(body)
    assert (refusal["code"], refusal["error"]) == (40001, "malformed")
    assert refusal["requestID"] == headers["x-request-id"]


async def test_options_are_told(town: Town) -> None:
    answer = await town.http.options("/api/v1/groups/club")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "DELETE, GET, OPTIONS, PATCH")


async def test_what_is_to_come_is_simply_absent(alice: Person) -> None:
    assert (await alice.get("/tasks")).status == 404


async def test_without_a_token_nobody_is_let_in(town: Town) -> None:
    answer = await town.holder(None).get("/conversations")
    assert answer.refusal == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="roost"'


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "token"])
async def test_what_is_no_bearer_token_lets_nobody_in(town: Town, header: str) -> None:
    answer = await town.holder(None).get("/conversations", headers={"Authorization": header})
    assert answer.refusal == (401, "unauthenticated")


async def test_a_wrong_token_is_told_apart(town: Town) -> None:
    answer = await town.holder("a.b.c").get("/conversations")
    assert answer.refusal == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="roost", error="invalid_token"'


async def test_the_scheme_may_be_in_any_case(town: Town, alice: Person) -> None:
    answer = await town.holder(None).get("/devices", headers={"Authorization": f"bearer {alice.token}"})
    assert answer.status == 200


async def test_what_is_not_foreseen_is_told_as_internal_and_logged(settle: Any) -> None:
    town = await settle()
    alice = await town.person()
    town.roads.presence.query = None
    with structlog.testing.capture_logs() as lines:
        answer = await alice.get("/messages/online?user_ids=1")
    assert answer.refusal == (500, "internal")
    assert "NoneType" not in answer.body["message"]
    [line] = [line for line in lines if line["event"] == "request failed"]
    assert (line["request_id"], line["route"]) == (answer.body["requestID"], "/messages/online")


async def test_a_server_that_cannot_write_is_not_ready(settle: Any) -> None:
    town = await settle()
    operator = town.holder(None, prefix="")
    assert (await operator.get("/readyz")).data == {"status": "ok"}
    town.roads.users._database._closed = True
    assert (await operator.get("/readyz")).refusal == (503, "unavailable")
    assert (await operator.get("/healthz")).status == 200
    town.roads.users._database._closed = False
