"""Who may write in a group is decided in the transaction of the message, on every kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.errors import AnnouncementOnly, InvitationOver, Muted
from roost.flow.fanout import Fanout
from roost.flow.groups.groups import GroupRoad, Groups, Wish
from roost.flow.groups.invitations import Invitations
from roost.flow.groups.membership import Membership
from roost.flow.pulling import Pulling
from roost.journal.contract import Author, Committed
from tests.backends import Backend
from tests.rooms import Clock, Rooms, private, to_group

SIZES = (2000, 1)
"""`fanout.max_members` of which the group is a plain one, and a large one."""
Road = TypeVar("Road", bound=GroupRoad)


def road(kind: type[Road], rooms: Rooms, most: int = 2000) -> Road:
    """One of the roads of groups; groups of more than `most` members are large."""
    hub, bus = Hub(), Alone()
    fanout = Fanout(hub, bus)
    pulling = Pulling(rooms.database, rooms.journal, fanout, hub, bus)
    return kind(rooms.database, rooms.journal, fanout, rooms.clock, pulling, max_members=most, small=20)


def membership(rooms: Rooms) -> Membership:
    return road(Membership, rooms)


async def team(rooms: Rooms, owner: Author, *members: Author, most: int = 2000, **wish: bool) -> None:
    """Makes the group `team`."""
    names = [member.user_id for member in members]
    await road(Groups, rooms, most).create(owner, "team", Wish(**wish), names)


def outcomes(found: list[object]) -> list[type]:
    return [type(one) for one in found]


@pytest.mark.parametrize("most", SIZES)
async def test_who_is_muted_is_refused_until_it_is_over(
    rooms: Rooms, clock: Clock, ann: Author, bob: Author, cat: Author, most: int
) -> None:
    await team(rooms, ann, bob, cat, most=most)
    await membership(rooms).mute(ann, "team", "bob", 60)
    drafts = [to_group(bob, "team"), to_group(cat, "team"), private(bob, "cat"), to_group(ann, "team")]
    found = await rooms.batch(*drafts)
    assert outcomes(found) == [Muted, Committed, Committed, Committed]
    assert (found[0].data["until"], found[0].retry_after) == (clock() + 60_000, 60)
    clock.pass_(seconds=60)
    assert isinstance(await rooms.append(to_group(bob, "team")), Committed)


async def test_who_may_write_again_does(rooms: Rooms, ann: Author, bob: Author) -> None:
    await team(rooms, ann, bob)
    await membership(rooms).mute(ann, "team", "bob", 60)
    await membership(rooms).mute(ann, "team", "bob", 0)
    assert isinstance(await rooms.append(to_group(bob, "team")), Committed)


async def test_leaving_and_coming_back_ends_no_mute(rooms: Rooms, ann: Author, bob: Author) -> None:
    await team(rooms, ann, bob)
    await membership(rooms).mute(ann, "team", "bob", 60)
    await membership(rooms).leave(bob, "team")
    await membership(rooms).add(ann, "team", "bob", None)
    assert isinstance(await rooms.append(to_group(bob, "team")), Muted)
    assert (await rooms.log(bob))[-1].what.until == rooms.clock() + 60_000


@pytest.mark.parametrize("most", SIZES)
async def test_only_the_owner_and_admins_write_announcements(
    rooms: Rooms, ann: Author, bob: Author, cat: Author, most: int
) -> None:
    await team(rooms, ann, bob, cat, most=most, announcement_only=True)
    await membership(rooms).add(ann, "team", "cat", "admin")
    found = await rooms.batch(*(to_group(author, "team") for author in (ann, bob, cat)))
    assert outcomes(found) == [Committed, AnnouncementOnly, Committed]


async def test_what_was_sent_before_stays_sent(rooms: Rooms, ann: Author, bob: Author) -> None:
    await team(rooms, ann, bob)
    first = await rooms.send(to_group(bob, "team", message_id="m"))
    await membership(rooms).mute(ann, "team", "bob", 60)
    again = await rooms.send(to_group(bob, "team", message_id="m"))
    assert (again.duplicate, again.message.server_msg_id) == (True, first.message.server_msg_id)


def coming_in(rooms: Rooms) -> Invitations:
    return road(Invitations, rooms)


async def test_an_invitation_is_good_until_it_expires_or_is_used_up(
    rooms: Rooms, clock: Clock, ann: Author, bob: Author, cat: Author
) -> None:
    await team(rooms, ann)
    road = coming_in(rooms)
    _, once = await road.make(ann, "team", 3600, 1)
    _, often = await road.make(ann, "team", 60, 0)
    assert len((await road.join(bob, once)).members) == 2
    assert len((await road.join(bob, once)).members) == 2  # who is there uses nothing up
    with pytest.raises(InvitationOver) as used:
        await road.join(cat, once)
    clock.pass_(seconds=60)
    with pytest.raises(InvitationOver) as late:
        await road.join(cat, often)
    assert (used.value.data, late.value.data) == ({"reason": "used_up"}, {"reason": "expired"})
    assert [one.uses for one in await road.listed(ann, "team")] == [1]


@pytest.fixture
async def nodes(shared_backend: Backend, clock: Clock) -> AsyncIterator[tuple[Rooms, Rooms]]:
    """Two nodes on one database."""
    one, other = await Rooms.open(shared_backend, clock), await Rooms.open(shared_backend, clock)
    yield one, other
    await other.close()
    await one.close()


async def test_an_invitation_for_one_lets_one_in_whoever_asks_where(nodes: tuple[Rooms, Rooms]) -> None:
    ann, *others = await nodes[0].authors("ann", "bob", "cat", "dan", "eve")
    await team(nodes[0], ann)
    _, token = await coming_in(nodes[0]).make(ann, "team", 60, 1)
    asking = (coming_in(nodes[place % 2]).join(other, token) for place, other in enumerate(others))
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert sum(isinstance(one, InvitationOver) for one in found) == 3


async def test_no_node_takes_a_message_after_a_mute_that_another_has_stored(nodes: tuple[Rooms, Rooms]) -> None:
    """While one node mutes, the other stores: what it refuses comes after all that it took."""
    ann, bob = await nodes[0].authors("ann", "bob")
    await team(nodes[0], ann, bob)
    sending = [nodes[1].append(to_group(bob, "team")) for _ in range(50)]
    await membership(nodes[0]).mute(ann, "team", "bob", 60)
    late = await nodes[1].append(to_group(bob, "team"))
    assert isinstance(late, Muted)
    kinds = outcomes(await asyncio.gather(*sending))
    assert kinds == sorted(kinds, key=[Committed, Muted].index)
