"""Drafts: one for each conversation, the last writer wins, told to one's own devices, seldom enough."""

from __future__ import annotations

import asyncio

import pytest

from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.errors import ContentTooLong, LimitReached, NotAMember, UnknownConversation
from roost.flow.fanout import Fanout
from roost.flow.messages import drafts as module
from roost.flow.messages.drafts import PAUSE, Drafts
from roost.journal.contract import Author
from roost.model.message import Change
from roost.roster import conversations as roster
from tests.rooms import Rooms

PAIR = "p:ann:bob"


def node(rooms: Rooms) -> Drafts:
    return Drafts(rooms.database, rooms.journal, Fanout(Hub(), Alone()), rooms.clock, max_content=10)


async def told(rooms: Rooms, author: Author) -> list[tuple[str | None, int, int]]:
    """Content, version and origin of what a log says of drafts."""
    entries = [(entry.what, entry.origin) for entry in await rooms.log(author)]
    return [(what.content, what.version, origin) for what, origin in entries if isinstance(what, Change)]


async def kept(rooms: Rooms, author: Author) -> list[tuple[str, str, int]]:
    return [(one.conversation_id, one.content, one.version) for one in await node(rooms).listed(author)]


async def test_a_draft_is_told_to_ones_own_devices_and_to_nobody_else(rooms: Rooms, ann: Author, bob: Author) -> None:
    tablet = await rooms.author("ann", "tablet")
    await node(rooms).save(ann, PAIR, "hel")
    rooms.clock.pass_(seconds=PAUSE / 1000)
    saved = await node(rooms).save(tablet, PAIR, "hello")
    assert (saved.content, saved.version) == ("hello", 2)
    assert await told(rooms, ann) == [("hel", 1, ann.did), ("hello", 2, tablet.did)]
    assert await told(rooms, bob) == []
    assert await kept(rooms, ann) == [(PAIR, "hello", 2)]
    assert await kept(rooms, bob) == []


async def test_what_is_written_quickly_is_told_once_also_after_a_crash(rooms: Rooms, ann: Author, bob: Author) -> None:
    for length in range(1, 6):
        await node(rooms).save(ann, PAIR, "hello"[:length])
    assert await told(rooms, ann) == [("h", 1, ann.did)]
    assert await node(rooms).work() == rooms.clock() + PAUSE
    await rooms.die()
    assert await kept(rooms, ann) == [(PAIR, "hello", 5)]
    rooms.clock.pass_(seconds=PAUSE / 1000)
    await asyncio.gather(node(rooms).work(), node(rooms).work())
    assert await node(rooms).work() is None
    assert await told(rooms, ann) == [("h", 1, ann.did), ("hello", 5, ann.did)]


async def test_what_is_the_same_is_no_change(rooms: Rooms, ann: Author) -> None:
    await node(rooms).save(ann, PAIR, "")
    for _ in range(2):
        rooms.clock.pass_(seconds=PAUSE)
        await node(rooms).save(ann, PAIR, "hello")
    assert [content for content, *_ in await told(rooms, ann)] == ["", "hello"]


async def test_sending_clears_it_at_once_unless_it_was_written_since(rooms: Rooms, ann: Author, bob: Author) -> None:
    road = node(rooms)
    await road.save(ann, PAIR, "hello")
    road.sent(ann.uid, PAIR, rooms.clock())
    road.sent(bob.uid, PAIR, rooms.clock())
    await road.work()
    assert await kept(rooms, ann) == []
    assert (await told(rooms, ann))[-1] == ("", 2, 0)
    sent_at = rooms.clock()
    rooms.clock.pass_(seconds=1)
    await road.save(ann, PAIR, "again")
    road.sent(ann.uid, PAIR, sent_at)
    road.sent(ann.uid, "g:other", rooms.clock())
    await road.work()
    assert await kept(rooms, ann) == [(PAIR, "again", 3)]


async def test_what_was_begun_in_a_group_is_cleared_also_by_who_is_not_in_it_any_more(
    rooms: Rooms, ann: Author, bob: Author
) -> None:
    await rooms.group("team", ann, bob)
    await node(rooms).save(ann, "g:team", "hello")
    await node(rooms).save(bob, "g:team", "hi")
    await rooms.leave("team", ann)
    await node(rooms).save(ann, "g:team", "")
    await rooms.write(lambda tx: roster.dissolve(tx, roster.find(tx, "g:team").cid, rooms.clock()))
    for _ in range(2):
        await node(rooms).save(bob, "g:team", "")
    assert await kept(rooms, ann) == await kept(rooms, bob) == []
    with pytest.raises(UnknownConversation):
        await node(rooms).save(bob, "g:team", "again")


async def test_what_can_not_be_is_refused(
    rooms: Rooms, ann: Author, bob: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rooms.group("team", bob)
    for content in ("hello", ""):
        with pytest.raises(NotAMember):
            await node(rooms).save(ann, "g:team", content)
    with pytest.raises(ContentTooLong):
        await node(rooms).save(ann, PAIR, "x" * 11)
    monkeypatch.setattr(module, "MOST", 1)
    await node(rooms).save(ann, PAIR, "one")
    await node(rooms).save(ann, PAIR, "more")
    with pytest.raises(LimitReached):
        await node(rooms).save(ann, "p:ann:cat", "two")
