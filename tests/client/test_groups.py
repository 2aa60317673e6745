"""Groups with the SDK (D9): what is set of them, who may not write, who is out."""

from __future__ import annotations

import asyncio

import pytest

from roost.client import (
    Client,
    GroupChanged,
    GroupSettings,
    InvitationsChanged,
    MemberMuted,
    MembershipChanged,
    SendFailed,
)
from roost.client.blocking import BlockingClient
from roost.errors import AnnouncementOnly, Banned, Muted, UnknownInvitation
from tests.client.conftest import Open
from tests.client.people import Cast, take


@pytest.fixture
async def ann(client: Open, cast: Cast) -> Client:
    return await client(cast, "ann")


@pytest.fixture
async def bob(client: Open, cast: Cast) -> Client:
    return await client(cast, "bob")


async def test_settings_are_in_the_store_and_told(ann: Client, bob: Client) -> None:
    group = (await ann.create_group("Tea", [bob.user_id], description="Leaves")).group_id
    events = bob.events(GroupChanged)
    changed = await ann.change_group(group, announcement_only=True, members_invite=True)
    assert changed.announcement_only
    wanted = GroupSettings(description="Leaves", announcement_only=True, members_invite=True)
    made, told = await take(events, 2)
    assert (made.action, told.action, told.settings) == ("created", "changed", wanted)
    for one in (ann, bob):
        known = await one.conversation(f"g:{group}")
        assert known is not None
        assert known.settings == wanted


async def test_who_is_muted_is_told_why_its_messages_fail(ann: Client, bob: Client) -> None:
    group = (await ann.create_group("Tea", [bob.user_id])).group_id
    muted, failed = bob.events(MemberMuted), bob.events(SendFailed)
    await ann.mute_member(group, bob.user_id, 60)
    (event,) = await take(muted, 1)
    members = {member.user_id: member.muted_until for member in await bob.members(f"g:{group}")}
    assert members == {ann.user_id: 0, bob.user_id: event.until}
    await bob.send(f"g:{group}", "hi")
    (failure,) = await take(failed, 1)
    assert isinstance(failure.error, Muted)
    assert (failure.error.data.get("until"), failure.error.retryable) == (event.until, False)
    await ann.unmute_member(group, bob.user_id)
    (event,) = await take(bob.events(MemberMuted), 1)
    assert event.until == 0
    await bob.retry()
    await bob.flush(10)
    assert await bob.unsent() == []


async def test_who_is_banned_is_out(ann: Client, bob: Client) -> None:
    group = (await ann.create_group("Tea", [bob.user_id])).group_id
    await ann.ban_member(group, bob.user_id)
    with pytest.raises(Banned):
        await ann.add_member(group, bob.user_id)
    assert [ban.user_id for ban in await ann.bans(group)] == [bob.user_id]
    (event,) = await take(bob.events(MembershipChanged), 1)
    assert (event.user_id, event.action) == (bob.user_id, "banned")
    known = await bob.conversation(f"g:{group}")
    assert known is not None
    assert known.gone
    await ann.unban_member(group, bob.user_id)
    assert [event.action for event in await take(ann.events(MembershipChanged), 2)] == ["banned", "unbanned"]


async def test_scripts_do_the_same(client: Open, cast: Cast) -> None:
    bob = await client(cast, "bob")

    def play() -> None:
        with BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:") as ann:
            group = ann.create_group("Tea", [bob.user_id]).group_id
            assert ann.change_group(group, description="Leaves").description == "Leaves"
            ann.mute_member(group, bob.user_id, 60)
            assert ann.unmute_member(group, bob.user_id).members[1].muted_until == 0
            ann.ban_member(group, bob.user_id)
            assert len(ann.bans(group)) == 1
            ann.unban_member(group, bob.user_id)
            made = ann.invite(group, expires_in=3600, max_uses=2)
            assert [one.max_uses for one in ann.invitations(group)] == [2]
            assert ann.look_at_invitation(str(made.token)).member
            assert ann.join_group(str(made.token)).group_id == group
            ann.revoke_invitation(group, made.invitation_id)
            ann.add_member(group, bob.user_id)
            ann.transfer_group(group, bob.user_id)
            ann.leave_group(group)

    await asyncio.to_thread(play)
    (event,) = (one for one in await take(bob.events(MembershipChanged), 4) if one.role == "owner")
    assert event.user_id == bob.user_id


async def test_an_invitation_leads_into_the_group(ann: Client, bob: Client) -> None:
    group = (await ann.create_group("Tea", description="Leaves")).group_id
    events = ann.events(InvitationsChanged, MembershipChanged)
    made = await ann.invite(group)
    token = str(made.token)
    seen = await bob.look_at_invitation(token)
    assert (seen.name, seen.description, seen.member_count, seen.member) == ("Tea", "Leaves", 1, False)
    assert len((await bob.join_group(token)).members) == 2
    known = await bob.conversation(f"g:{group}")
    assert known is not None
    assert not known.gone
    await ann.revoke_invitation(group, made.invitation_id)
    with pytest.raises(UnknownInvitation):
        await bob.look_at_invitation(token)
    assert [event.action for event in await take(events, 3)] == ["made", "joined", "revoked"]


async def test_announcements(ann: Client, bob: Client) -> None:
    group = (await ann.create_group("Tea", [bob.user_id], announcement_only=True)).group_id
    failed = bob.events(SendFailed)
    await bob.send(f"g:{group}", "hi")
    (failure,) = await take(failed, 1)
    assert isinstance(failure.error, AnnouncementOnly)
