"""Pages of other origins: the API answers those that `server.origins` names, as the WebSocket does."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.edge.people import Town

PAGE = "https://app.example"
STRANGER = "https://evil.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@pytest.fixture
async def open_town(settle: Any) -> Town:
    return await settle(server={"origins": ["self", PAGE]})


async def preflight(town: Town, origin: str) -> httpx2.Headers:
    return (await town.http.options("/api/v1/messages/sync", headers={"Origin": origin, **ASKS})).headers


async def test_a_page_that_is_named_may_call(open_town: Town) -> None:
    headers = await preflight(open_town, PAGE)
    assert headers["access-control-allow-origin"] == PAGE
    assert {"authorization", "content-type"} <= set(headers["access-control-allow-headers"].lower().split(", "))
    assert "POST" in headers["access-control-allow-methods"]
    alice = await open_town.person()
    answer = await alice.post("/messages/sync", {"lastSeq": 0}, headers={"Origin": PAGE})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, PAGE)


async def test_a_page_that_is_named_can_read_refusals(open_town: Town) -> None:
    answer = await open_town.holder(None).get("/devices", headers={"Origin": PAGE})
    assert (answer.refusal, answer.headers["access-control-allow-origin"]) == ((401, "unauthenticated"), PAGE)
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", [STRANGER, "https://app.example.evil.example", "null"])
async def test_other_pages_may_not_read_answers(open_town: Town, origin: str) -> None:
    assert "access-control-allow-origin" not in await preflight(open_town, origin)
    answer = await open_town.holder(None).get("/devices", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


async def test_by_default_no_other_page_may(town: Town) -> None:
    assert "access-control-allow-origin" not in await preflight(town, PAGE)
