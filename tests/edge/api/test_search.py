"""Search over HTTP and by the SDK's question: what is asked, answered and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.edge.people import Person, Town

Settle = Callable[..., Awaitable[Town]]


async def _page(person: Person, query: str) -> Any:
    return (await person.get(f"/messages/search?{query}")).data


async def found(person: Person, query: str) -> Any:
    """The page, once there is a hit."""
    async with asyncio.timeout(20):
        while not (page := await _page(person, query))["hits"]:  # noqa: ASYNC110 - the index tells nobody
            await asyncio.sleep(0.05)
    return page


async def test_a_message_is_found_with_its_snippet(alice: Person, bob: Person) -> None:
    sent = await alice.send(bob, "Let us have lunch: 一起吃午饭")
    page = await found(bob, "q=午饭 LUN")
    [hit] = page["hits"]
    assert hit["message"]["serverMsgID"] == sent["serverMsgID"]
    assert [hit["snippet"][place : place + length] for place, length in hit["matches"]] == ["lun", "午饭"]
    assert page["nextBefore"] is None


async def test_other_peoples_private_conversations_are_refused(alice: Person, bob: Person, town: Town) -> None:
    await alice.send(bob, "lunch")
    cleo = await town.person(town.name("cleo"))
    asked = await cleo.get(f"/messages/search?q=lunch&conversation_id={alice.conversation(bob)}")
    assert asked.refusal == (403, "not_a_member")


@pytest.mark.parametrize("query", ["", "q=", "q=...", f"q={'x' * 201}", "q=a&limit=0", "q=a&limit=101", "q=a&before=x"])
async def test_what_can_not_be_asked_is_refused(query: str, alice: Person) -> None:
    assert (await alice.get(f"/messages/search?{query}")).refusal == (400, "invalid_input")


async def test_search_can_be_switched_off_and_limited(settle: Settle) -> None:
    town = await settle(search={"enabled": False})
    assert (await (await town.person()).get("/messages/search?q=a")).refusal == (404, "switched_off")
    town = await settle(data="other", search={"per_minute": 1})
    person = await town.person()
    assert (await person.get("/messages/search?q=a")).status == 200
    assert (await person.get("/messages/search?q=a")).refusal == (429, "rate_limited")
