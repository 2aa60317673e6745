"""Who is blocked does not write in private, on every kind of database and through several nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.errors import Forbidden
from roost.flow.fanout import Fanout
from roost.flow.people.blocks import Blocks
from roost.journal.contract import Author, Committed
from roost.roster import conversations as roster
from tests.backends import Backend
from tests.rooms import Clock, Rooms, private, to_group


def block_lists(rooms: Rooms) -> Blocks:
    return Blocks(rooms.database, rooms.journal, Fanout(Hub(), Alone()), rooms.clock)


def outcomes(found: list[object]) -> list[type]:
    return [type(one) for one in found]


async def test_who_is_blocked_is_refused_and_nobody_else(rooms: Rooms, ann: Author, bob: Author, cat: Author) -> None:
    await rooms.group("team", ann, bob)
    await rooms.batch(private(ann, "bob"), private(cat, "bob"))
    await block_lists(rooms).block(bob, "ann")
    drafts = [private(ann, "bob"), private(bob, "ann"), private(cat, "bob"), to_group(ann, "team")]
    assert outcomes(await rooms.batch(*drafts)) == [Forbidden, Committed, Committed, Committed]
    await block_lists(rooms).unblock(bob, "ann")
    assert outcomes(await rooms.batch(private(ann, "bob"))) == [Committed]


async def test_who_is_blocked_begins_no_conversation(rooms: Rooms, ann: Author, bob: Author) -> None:
    await block_lists(rooms).block(bob, "ann")
    assert outcomes(await rooms.batch(private(ann, "bob"), private(ann, "bob"))) == [Forbidden, Forbidden]
    assert await rooms.read(roster.listed, bob.uid, 0, 10) == []
    assert outcomes(await rooms.batch(private(bob, "ann"), private(ann, "bob"))) == [Committed, Forbidden]
    assert outcomes(await rooms.batch(private(ann, "bob"))) == [Forbidden]
    await block_lists(rooms).unblock(bob, "ann")
    assert outcomes(await rooms.batch(private(ann, "bob"))) == [Committed]


async def test_each_takes_back_a_block_of_its_own(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.batch(private(ann, "bob"))
    await block_lists(rooms).block(bob, "ann")
    await block_lists(rooms).block(ann, "bob")
    await block_lists(rooms).unblock(bob, "ann")
    assert outcomes(await rooms.batch(private(ann, "bob"), private(bob, "ann"))) == [Committed, Forbidden]


async def test_only_ones_own_devices_are_told(rooms: Rooms, ann: Author, bob: Author) -> None:
    for _ in range(2):  # what is so already is not told again
        await block_lists(rooms).block(bob, "ann")
    [entry] = await rooms.log(bob)
    assert (entry.what.kind, entry.what.action, entry.what.user_id) == ("block", "blocked", "ann")
    assert await rooms.log(ann) == []


@pytest.fixture
async def nodes(shared_backend: Backend, clock: Clock) -> AsyncIterator[tuple[Rooms, Rooms]]:
    """Two nodes on one database."""
    one, other = await Rooms.open(shared_backend, clock), await Rooms.open(shared_backend, clock)
    yield one, other
    await other.close()
    await one.close()


async def test_no_first_message_slips_past_a_block_that_another_node_stores(nodes: tuple[Rooms, Rooms]) -> None:
    names = [f"user{number}" for number in range(20)]
    bob, *others = await nodes[0].authors("bob", *names)
    blocking = [block_lists(nodes[0]).block(bob, name) for name in names]
    sending = [nodes[1].append(private(other, "bob")) for other in others]
    await asyncio.gather(*blocking, *sending)
    for other in others:
        assert outcomes(await nodes[1].batch(private(other, "bob"))) == [Forbidden]
