"""Adding many to a group: what everybody is told is the same, in however few transactions; and what it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from roost.db.schema import log
from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.flow.fanout import Fanout
from roost.flow.groups import membership
from roost.flow.groups.membership import NAMES, Membership, told_of
from roost.flow.pulling import Pulling
from roost.journal.contract import Author
from roost.model.message import Change
from roost.roster import conversations as roster
from tests.backends import MAIN, SQLiteBackend
from tests.journal.test_costs import Listening
from tests.rooms import Clock, Rooms


@pytest.fixture
async def listened(tmp_path: Path, clock: Clock) -> AsyncIterator[tuple[Rooms, Listening]]:
    backend = SQLiteBackend(tmp_path / "life-0")
    engine = Listening(backend.directory / MAIN)
    rooms = await Rooms.open(backend, clock, engine)
    yield rooms, engine
    await rooms.close()


def road(rooms: Rooms) -> Membership:
    hub, bus = Hub(), Alone()
    fanout = Fanout(hub, bus)
    pulling = Pulling(rooms.database, rooms.journal, fanout, hub, bus)
    return Membership(rooms.database, rooms.journal, fanout, rooms.clock, pulling, max_members=2000, small=2)


async def owned(rooms: Rooms, group: str, owner: Author) -> None:
    await rooms.group(group, owner)
    await rooms.write(lambda tx: roster.set_role(tx, roster.find(tx, f"g:{group}").cid, owner.uid, roster.OWNER))


async def joined(rooms: Rooms, user: Author) -> list[list[str]]:
    """Of whose coming each entry of the user's log tells."""
    changes = [entry.what for entry in await rooms.log(user) if isinstance(entry.what, Change)]
    return [change.users for change in changes if change.action == "joined"]


async def heard(rooms: Rooms, user: Author) -> list[str]:
    return [name for names in await joined(rooms, user) for name in names]


async def test_every_member_is_told_of_each_who_comes(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "NAMES", 30)
    ann = await rooms.author("ann")
    coming = await rooms.authors(*(f"u{number:02}" for number in range(20)))
    await owned(rooms, "tea", ann)
    assert await road(rooms).add_many(ann, "tea", [user.user_id for user in coming]) == 20
    everybody = [user.user_id for user in coming]
    assert await heard(rooms, ann) == everybody
    told = [await heard(rooms, user) for user in coming]
    for user, names in zip(coming, told, strict=True):
        assert user.user_id in names
        assert names == everybody[-len(names) :], "nobody is left out who comes together with the user, or later"
    assert len({len(names) for names in told}) > 3, "they came in pieces"


async def rows(rooms: Rooms) -> int:
    """Entries of all logs."""
    return int(await rooms.read(lambda connection: connection.execute(select(func.count(log.c.uid))).scalar_one()))


async def test_everybody_has_one_entry_for_all_who_come_with_one_request(rooms: Rooms) -> None:
    """The rows of the log are as many as the members afterwards, and not their number for each who came."""
    ann, *others = await rooms.authors("ann", *(f"u{number:02}" for number in range(60)))
    await owned(rooms, "tea", ann)
    old, new = others[:20], others[20:]
    await road(rooms).add_many(ann, "tea", [user.user_id for user in old])
    before = await rows(rooms)
    await road(rooms).add_many(ann, "tea", [user.user_id for user in new])
    assert await rows(rooms) - before == 1 + len(old) + len(new)
    names = [user.user_id for user in new]
    assert [(await joined(rooms, user))[-1] for user in (ann, old[0], new[0])] == [names] * 3


async def test_who_comes_back_muted_has_an_entry_of_its_own(rooms: Rooms) -> None:
    """Until when is told in the entry, and is not the same for all."""
    ann, *others = await rooms.authors("ann", "bob", "cat", "dan")
    await owned(rooms, "tea", ann)
    names = [user.user_id for user in others]
    await road(rooms).add_many(ann, "tea", names)
    await road(rooms).mute(ann, "tea", "cat", 60)
    await road(rooms).remove_many(ann, "tea", names)
    await road(rooms).add_many(ann, "tea", names)
    changes = [entry.what for entry in await rooms.log(ann) if isinstance(entry.what, Change)][-2:]
    assert [(change.users, bool(change.until)) for change in changes] == [(["bob", "dan"], False), (["cat"], True)]


async def test_who_may_come_is_asked_once_for_all(listened: tuple[Rooms, Listening]) -> None:
    rooms, engine = listened
    ann = await rooms.author("ann")
    users = [user.user_id for user in await rooms.authors(*(f"u{number:02}" for number in range(70)))]

    async def questions(group: str, names: list[str]) -> int:
        await owned(rooms, group, ann)
        engine.heard.clear()
        await road(rooms).add_many(ann, group, names)
        return sum(sql.startswith("SELECT") for sql in engine.heard)

    await questions("first", users[:7])
    assert await questions("many", users) == await questions("few", users[:7])


@pytest.mark.parametrize("members", [1, 10, 500, 2000, 100_000])
def test_a_transaction_writes_so_many_names_at_most(members: int) -> None:
    coming = told_of(members)
    assert coming >= 1
    assert coming == 1 or coming * (members + coming) <= NAMES < (coming + 1) * (members + coming + 1)
