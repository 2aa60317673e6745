"""What is done in a large group costs the same however many belong to it, as long as they are away.

Counted: the statements, and the steps of SQLite's machine. Both are the same on every run, unlike time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from roost.db.schema import users
from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.flow.fanout import Fanout
from roost.flow.groups.membership import Membership
from roost.flow.operating.erasing import Erasing
from roost.flow.pulling import Pulling
from roost.journal import large, rewriting
from roost.journal.contract import Author
from roost.model import ids
from roost.model.message import Extra
from roost.push.register import Register
from roost.roster import conversations as roster
from roost.roster import erasures
from tests.backends import MAIN, Hasty, SQLiteBackend
from tests.rooms import Clock, Rooms, to_group

FEW, MANY = 20, 2000
"""Members who are away."""


class Counting(Hasty):
    """Counts the statements that any of its connections runs, and the steps these take."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.statements = self.steps = 0

    def writer(self) -> Connection:
        return self._count(super().writer())

    def reader(self, *, limited: bool = False) -> Connection:
        return self._count(super().reader())

    def _count(self, connection: Connection) -> Connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_trace_callback(self._statement)
        driver.set_progress_handler(self._step, 1)
        return connection

    def _statement(self, _: str) -> None:
        self.statements += 1

    def _step(self) -> None:
        self.steps += 1


async def crowd(rooms: Rooms, here: Author, number: int) -> int:
    """A large group of `here` and as many others; returns its cid."""

    def fill(tx: Connection) -> int:
        rows = [{"user_id": f"away{n}", "created_at": 0} for n in range(number)]
        tx.execute(insert(users), rows)
        group = roster.create_group(tx, ids.group_conversation("town"), None, 0)
        uids = range(here.uid, here.uid + number + 1)
        roster.add_first_members(tx, group, dict.fromkeys(uids, roster.MEMBER), 0)
        return group.cid

    cid = await rooms.write(fill)
    await rooms.grow("town")
    await rooms.send(to_group(here, "town"))  # what is read once is read
    return cid


async def send(rooms: Rooms, author: Author) -> None:
    await rooms.send(to_group(author, "town"))


async def send_a_batch(rooms: Rooms, author: Author) -> None:
    """With replies and mentions, of one and of all."""
    drafts = [to_group(author, "town") for _ in range(20)]
    drafts[3].reply_to = "1"
    drafts[3].extra, drafts[4].extra = Extra(), Extra(mentions=["away7"])
    await rooms.batch(*drafts)


async def change(rooms: Rooms, author: Author) -> None:
    """As whatever makes another of a message."""

    def edit(tx: Connection) -> None:
        conversation = roster.find_locked(tx, ids.group_conversation("town"))
        message = rewriting.read(tx, 1)
        message.content, message.version = "other", message.version + 1
        rewriting.rewrite(tx, message)
        rooms.journal.record(tx, message, roster.audience(tx, conversation), None)

    await rooms.write(edit)


def road(rooms: Rooms) -> Membership:
    hub, bus = Hub(), Alone()
    fanout = Fanout(hub, bus)
    pulling = Pulling(rooms.database, rooms.journal, fanout, hub, bus)
    return Membership(rooms.database, rooms.journal, fanout, rooms.clock, pulling, max_members=1, small=20)


async def erase(rooms: Rooms, author: Author) -> None:
    """Somebody who leaves ten messages behind, and the group."""
    database, journal, clock = rooms.database, rooms.journal, rooms.clock
    await rooms.batch(*(to_group(author, "town") for _ in range(10)))
    await rooms.write(erasures.begin_erasure, author.uid, clock())
    fanout = Fanout(Hub(), Alone())
    register = Register(database, clock, (), shared=True)
    assert await Erasing(
        database, journal, fanout, road(rooms), register, clock, positions=rooms.positions, shared=False
    ).work()


async def leave(rooms: Rooms, author: Author) -> None:
    """The owner goes, and is followed by the member who was there first."""
    await rooms.send(to_group(author, "town"))
    cid = await rooms.write(lambda tx: roster.find(tx, "g:town").cid)
    await rooms.write(roster.set_role, cid, author.uid, roster.OWNER)
    await road(rooms).leave(author, "town")
    assert await rooms.read(roster.role_of, cid, author.uid + 1) == roster.OWNER


async def leave_to_an_admin(rooms: Rooms, author: Author) -> None:
    cid = await rooms.write(lambda tx: roster.find(tx, "g:town").cid)
    await rooms.write(roster.set_role, cid, author.uid + 15, roster.ADMIN)
    await rooms.send(to_group(author, "town"))
    await rooms.write(roster.set_role, cid, author.uid, roster.OWNER)
    await road(rooms).leave(author, "town")
    assert await rooms.read(roster.role_of, cid, author.uid + 15) == roster.OWNER


async def look_for_the_leaders(rooms: Rooms, author: Author) -> None:
    cid = await rooms.write(lambda tx: roster.find(tx, "g:town").cid)
    await rooms.write(roster.set_role, cid, author.uid, roster.OWNER)
    await rooms.write(roster.set_role, cid, author.uid + 7, roster.ADMIN)
    assert len(await rooms.read(roster.leaders_of, cid)) == 2
    await rooms.send(to_group(author, "town"))


ACTS: dict[str, Callable[[Rooms, Author], Awaitable[None]]] = {
    "send": send,
    "send a batch": send_a_batch,
    "change a message": change,
    "erase a user's data": erase,
    "the owner leaves": leave,
    "the owner leaves an admin behind": leave_to_an_admin,
    "look for the owner and the admins": look_for_the_leaders,
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
async def test_its_cost_does_not_grow_with_the_members_who_are_away(
    act: Callable[[Rooms, Author], Awaitable[None]], tmp_path: Path, clock: Clock
) -> None:
    async def cost(number: int) -> tuple[int, int]:
        backend = SQLiteBackend(tmp_path / str(number))
        engine = Counting(backend.directory / MAIN)
        rooms = await Rooms.open(backend, clock, engine)
        try:
            ann = await rooms.author("ann")
            cid = await crowd(rooms, ann, number)
            engine.statements = engine.steps = 0
            await act(rooms, ann)
            assert await rooms.read(large.head, cid) > 1, "it was told by the group's own log"
            return engine.statements, engine.steps
        finally:
            await rooms.close()

    assert await cost(MANY) == await cost(FEW)
