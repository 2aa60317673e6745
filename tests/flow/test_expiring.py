"""Messages that expire: their content goes once, everywhere, whatever becomes of the node that took them."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from roost.db.schema import expiring
from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.flow.fanout import Fanout
from roost.flow.messages.expiring import Expiring
from roost.journal import rewriting
from roost.journal.contract import Author, Committed
from roost.model.message import Extra, Message
from roost.roster import conversations as roster
from tests.rooms import Rooms, private, to_group


def expiring_of(rooms: Rooms) -> Expiring:
    return Expiring(rooms.database, rooms.journal, Fanout(Hub(), Alone()), rooms.clock)


async def say(rooms: Rooms, author: Author, ttl: int, group: str | None = None) -> Committed:
    draft = private(author, "bob", "secret") if group is None else to_group(author, group, "secret")
    draft.extra = Extra(ttl=ttl, mentions=["bob"])
    return await rooms.send(draft)


async def texts(rooms: Rooms, author: Author) -> list[str]:
    return [entry.what.content for entry in await rooms.log(author) if isinstance(entry.what, Message)]


async def test_when_its_time_is_over_the_content_is_gone_from_every_log(rooms: Rooms, ann: Author, bob: Author) -> None:
    work = expiring_of(rooms).work
    sent = await say(rooms, ann, ttl=10)
    assert await work() == rooms.clock() + 10_000
    rooms.clock.pass_(seconds=9.9)
    await work()
    assert await texts(rooms, bob) == ["secret"]
    rooms.clock.pass_(seconds=60)
    assert await work() is None
    for author in (ann, bob):
        entries = await rooms.log(author)
        assert [entry.what.content for entry in entries] == ["", ""]
        assert entries[-1].seq == 2
        last = entries[-1].what
        assert isinstance(last, Message)
        assert (last.recall_time, last.version, last.mentions) == (sent.message.server_time + 10_000, 2, None)


async def test_two_nodes_and_a_restart_make_it_one_entry(rooms: Rooms, ann: Author, bob: Author) -> None:
    await say(rooms, ann, ttl=10)
    await rooms.die()
    rooms.clock.pass_(seconds=11)
    await asyncio.gather(expiring_of(rooms).work(), expiring_of(rooms).work())
    await rooms.die()
    await expiring_of(rooms).work()
    assert await texts(rooms, bob) == ["", ""]


async def test_what_is_edited_expires_and_what_was_recalled_is_left_alone(
    rooms: Rooms, ann: Author, bob: Author
) -> None:
    edited, gone = await say(rooms, ann, ttl=10), await say(rooms, ann, ttl=10)

    def change(tx: object) -> None:
        for sent, content, recalled in ((edited, "other", 0), (gone, "", 5)):
            message = rewriting.read(tx, int(sent.message.server_msg_id))
            message.content, message.recall_time, message.version = content, recalled, 2
            rewriting.rewrite(tx, message)

    await rooms.write(change)
    rooms.clock.pass_(seconds=11)
    await expiring_of(rooms).work()
    found = await rooms.read(lambda tx: [rewriting.read(tx, int(one.message.server_msg_id)) for one in (edited, gone)])
    assert [(one.content, one.version) for one in found] == [("", 3), ("", 2)]
    assert found[1].recall_time == 5


async def test_a_dissolved_group_is_no_obstacle(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.group("team", ann, bob)
    sent = await say(rooms, ann, 10, "team")
    await rooms.write(lambda tx: roster.dissolve(tx, roster.find(tx, "g:team").cid, rooms.clock()))
    rooms.clock.pass_(seconds=11)
    assert await expiring_of(rooms).work() is None
    assert (await rooms.read(lambda tx: rewriting.read(tx, int(sent.message.server_msg_id)))).content == ""


@pytest.mark.parametrize("ttl", [0, 10])
async def test_only_what_expires_is_noted(rooms: Rooms, ann: Author, bob: Author, ttl: int) -> None:
    await say(rooms, ann, ttl)
    noted = await rooms.read(lambda tx: tx.execute(select(expiring.c.due_at)).scalars().all())
    assert noted == ([rooms.clock() + 10_000] if ttl else [])
