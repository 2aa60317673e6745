"""Block lists with the SDK (D9)."""

from __future__ import annotations

import asyncio

from roost.client import BlockChanged, SendFailed
from roost.client.blocking import BlockingClient
from roost.errors import Forbidden
from tests.client.conftest import Open
from tests.client.people import Cast, take


async def test_a_block_is_in_the_store_of_all_devices(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    phone, desk = await client(cast, "bob"), await client(cast, "bob", store="desk", token=cast.token("bob", "desk"))
    events = desk.events(BlockChanged)
    await phone.block(ann.user_id)
    assert [one.user_id for one in await phone.blocked()] == [ann.user_id]
    (event,) = await take(events, 1)
    assert (event.user_id, event.blocked) == (ann.user_id, True)
    assert [one.user_id for one in await desk.blocked()] == [ann.user_id]
    assert await desk.conversations() == [], "there is nothing said yet"
    failed = ann.events(SendFailed)
    await ann.send(phone.user_id, "hi")
    (failure,) = await take(failed, 1)
    assert isinstance(failure.error, Forbidden)
    events = desk.events(BlockChanged)
    await phone.unblock(ann.user_id)
    (event,) = await take(events, 1)
    assert not event.blocked
    assert [await one.blocked() for one in (phone, desk)] == [[], []]


async def test_scripts_block(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")

    def play() -> list[str]:
        with BlockingClient(cast.server.url, token=cast.token("bob"), store=":memory:") as bob:
            bob.block(ann.user_id)
            found = [one.user_id for one in bob.blocked()]
            bob.unblock(ann.user_id)
            return found + [one.user_id for one in bob.blocked()]

    assert await asyncio.to_thread(play) == [ann.user_id]
