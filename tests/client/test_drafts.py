"""Drafts with the SDK: in the store at once, on the other devices soon, whatever the connection does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from roost.client import Client, DraftChanged
from tests.client.conftest import Open
from tests.client.people import Cast, take

Device = Callable[[str], Awaitable[Client]]


@pytest.fixture
def device(client: Open, cast: Cast) -> Device:
    """A device of Ann's."""

    async def start(name: str) -> Client:
        return await client(cast, "ann", token=cast.token("ann", name), store=name)

    return start


async def until(client: Client, other: str, content: str) -> None:
    """Waits until a device has this draft."""
    async with asyncio.timeout(30):
        while await client.draft(other) != content:  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.02)


async def test_devices_that_are_there_away_and_new_have_the_same(device: Device, client: Open, cast: Cast) -> None:
    bob = (await client(cast, "bob")).user_id
    phone, tablet, away = await device("phone"), await device("tablet"), await device("away")
    await away.disconnect()
    changed = tablet.events(DraftChanged)
    await phone.save_draft(bob, "hello")
    assert await phone.draft(bob) == "hello"
    (event,) = await take(changed, 1)
    assert event.content == "hello"
    await tablet.save_draft(bob, "hello Bob")
    await until(phone, bob, "hello Bob")
    await away.connect()
    await until(away, bob, "hello Bob")
    await until(await device("new"), bob, "hello Bob")
    assert [draft.content for draft in await away.drafts()] == ["hello Bob"]


async def test_what_is_begun_offline_is_told_later_and_wins(device: Device, client: Open, cast: Cast) -> None:
    bob = (await client(cast, "bob")).user_id
    phone, tablet, desk = await device("phone"), await device("tablet"), await device("desk")
    await phone.disconnect()
    await phone.save_draft(bob, "mine")
    await tablet.save_draft(bob, "other")
    await until(desk, bob, "other")  # the server has it before the phone is there
    await phone.connect()
    await until(tablet, bob, "mine")
    assert await phone.draft(bob) == "mine"


async def test_sending_clears_it_everywhere(device: Device, client: Open, cast: Cast) -> None:
    bob = (await client(cast, "bob")).user_id
    phone, tablet = await device("phone"), await device("tablet")
    await phone.save_draft(bob, "hello")
    await until(tablet, bob, "hello")
    await tablet.send(bob, "hello")
    assert await tablet.draft(bob) == ""
    await until(phone, bob, "")
