"""Pictures of users and groups in the SDK: uploaded, told as every change of a profile or a group, seen by others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from roost.client import GroupChanged, ProfileChanged
from roost.client.blocking import BlockingClient
from roost.errors import FileTypeRefused
from tests.client.conftest import Open
from tests.client.people import Cast, take
from tests.files.pictures import picture


def is_webp(content: bytes | None) -> bool:
    return content is not None and content[8:12] == b"WEBP"


async def test_a_picture_of_ones_own_is_told_and_seen_by_others(client: Open, cast: Cast, tmp_path: Path) -> None:
    await cast.make("bob")
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    await ann.send(cast["bob"], "hi")
    await ann.flush()
    listening = asyncio.ensure_future(take(bob.events(ProfileChanged), 1))
    await asyncio.sleep(0)
    source = tmp_path / "me.png"
    source.write_bytes(picture())
    own = await ann.set_avatar(source)
    await listening
    profile = await bob.profile(cast["ann"])
    assert profile is not None
    assert profile.avatar == own.avatar
    assert is_webp(await bob.avatar(profile))
    await ann.set_profile(avatar="https://example.org/a.png")
    assert await bob.avatar(profile) is None
    assert await ann.avatar(await ann.own_profile()) is None
    with pytest.raises(FileTypeRefused):
        await ann.set_avatar(b"text")


async def test_a_device_that_slept_shows_the_picture_of_the_group_of_now(client: Open, cast: Cast) -> None:
    await cast.make("bob", "cat")
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    listening = asyncio.ensure_future(take(bob.events(GroupChanged), 1))
    await asyncio.sleep(0)
    group = await ann.create_group("Tea", [cast["bob"]])
    await listening
    await bob.disconnect()
    for _ in range(2):
        changed = await ann.set_group_avatar(group.group_id, picture())
    invitation = await ann.invite(group.group_id)
    listening = asyncio.ensure_future(take(bob.events(GroupChanged), 2))
    await asyncio.sleep(0)
    await bob.connect()
    await listening
    kept = await bob.conversation(group.conversation_id)
    assert kept is not None
    assert kept.settings.avatar == changed.avatar
    assert is_webp(await bob.avatar(kept.settings))
    cat = await client(cast, "cat")
    assert invitation.token is not None
    assert (await cat.avatar(changed), is_webp(await cat.avatar_of_invitation(invitation.token))) == (None, True)


def test_a_script_sets_and_reads_pictures(cast: Cast, tmp_path: Path) -> None:
    with BlockingClient(cast.server.url, token=cast.token("ann"), store=tmp_path / "ann.db") as ann:
        ann.connected(10)
        assert is_webp(ann.avatar(ann.set_avatar(picture())))
        group = ann.set_group_avatar(ann.create_group("Tea").group_id, picture())
        assert is_webp(ann.avatar(group))
        token = ann.invite(group.group_id).token
        assert token is not None
        assert is_webp(ann.avatar_of_invitation(token))
