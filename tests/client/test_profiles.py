"""Profiles: asked for, remembered for when there is no server, and told when they change."""

from __future__ import annotations

import asyncio
from pathlib import Path

from roost.client import AdminClient, Client, ProfileChanged
from roost.client.blocking import BlockingClient
from roost.client.store import profiles
from tests.client.conftest import Open
from tests.client.people import Cast, take


async def test_a_profile_is_remembered_and_read_anew_when_it_changes(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    await ann.send(cast["bob"], "hi")
    await ann.flush()
    await cast.call("bob", "PATCH", "/users/me", {"displayName": "Bob"})
    found = await ann.profile(cast["bob"])
    assert found is not None
    assert (found.display_name, found.version) == ("Bob", 1)
    assert await ann.profile(cast["nobody"]) is None
    listening = asyncio.ensure_future(take(ann.events(ProfileChanged), 1))
    await asyncio.sleep(0)
    await cast.call("bob", "PATCH", "/users/me", {"status": "in Rome"})
    (event,) = await listening
    assert (event.user_id, event.version) == (cast["bob"], 2)
    await remembered(ann, cast["bob"], "in Rome")
    await ann.disconnect()
    await cast.call("bob", "PATCH", "/users/me", {"status": "in Oslo"})
    await ann.connect()
    await remembered(ann, cast["bob"], "in Oslo")
    own = await ann.set_profile(display_name="Ann", presence="nobody")
    assert (own.display_name, own.presence, (await ann.own_profile()).presence) == ("Ann", "nobody", "nobody")


async def test_what_a_back_end_changes_is_told_as_what_the_user_changes(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    await ann.send(cast["bob"], "hi")
    await ann.flush()
    async with AdminClient(cast.server.url, key=cast.server.key("users")) as admin:
        listening = asyncio.ensure_future(take(ann.events(ProfileChanged), 2))
        await asyncio.sleep(0)
        await admin.update_user(cast["bob"], display_name="Bob")
        await admin.update_user(cast["bob"], display_name="Bob")
        await admin.erase(cast["bob"])
        assert [(event.user_id, event.version) for event in await listening] == [(cast["bob"], 1), (cast["bob"], 2)]


async def remembered(ann: Client, user_id: str, status: str) -> None:
    """Waits until the store alone has a status."""
    async with asyncio.timeout(10):
        while (await ann.store.read(profiles.kept, [user_id]))[user_id].status != status:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_a_script_reads_and_changes_profiles(cast: Cast, tmp_path: Path) -> None:
    with BlockingClient(cast.server.url, token=cast.token("ann"), store=tmp_path / "ann.db") as ann:
        ann.connected(10)
        assert ann.set_profile(status="here").status == "here"
        assert ann.profiles([cast["ann"]])[cast["ann"]].status == "here"
