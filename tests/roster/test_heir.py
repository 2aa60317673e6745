"""Who owns a group when its owner leaves, on every database: found by a key, however many belong to it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, text

from roost.db.schema import members
from roost.roster import conversations as roster
from roost.roster.conversations import ADMIN, MEMBER, OWNER
from tests.rooms import Rooms

MANY = 3000


async def test_the_first_admin_follows_or_else_the_first_member(rooms: Rooms) -> None:
    ann, bob, cat, dan = [author.uid for author in await rooms.authors("ann", "bob", "cat", "dan")]

    def play(tx: Connection) -> list[int | None]:
        group = roster.create_group(tx, "g:tea", None, 0)
        for uid, role, time in ((ann, OWNER, 1), (dan, MEMBER, 2), (cat, MEMBER, 2), (bob, MEMBER, 3)):
            roster.add_members(tx, group, [uid], role, time)
        heirs = [roster.heir_of(tx, group.cid)]
        roster.set_role(tx, group.cid, bob, ADMIN)
        heirs.append(roster.heir_of(tx, group.cid))
        for uid in (bob, cat, dan):
            roster.remove_member(tx, group.cid, uid)
        heirs.append(roster.heir_of(tx, group.cid))
        return [None if one is None else one.uid for one in heirs]

    assert await rooms.write(play) == [cat, bob, None], "of those who came at once the first by key"


@pytest.mark.parametrize("role", [ADMIN, MEMBER])
async def test_the_database_goes_by_the_role(rooms: Rooms, role: str) -> None:
    def fill(tx: Connection) -> int:
        group = roster.create_group(tx, "g:town", None, 0)
        plain = {"cid": group.cid, "role": MEMBER, "read_seq": 0, "muted": False}
        tx.execute(insert(members), [plain | {"uid": uid, "joined_at": MANY - uid} for uid in range(1, MANY)])
        roster.set_role(tx, group.cid, 1, OWNER)
        return group.cid

    def plan(tx: Connection) -> str:
        if tx.dialect.name == "postgresql":
            tx.execute(text("ANALYZE members"))
        asked = roster.OF_ROLE.limit(1).params(cid=cid, role=role)
        sql = asked.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True})
        rows = tx.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' * (tx.dialect.name == 'sqlite')} {sql}")
        return " ".join(str(value) for row in rows for value in row)

    cid = await rooms.write(fill)
    found = await rooms.write(plan)
    assert "members_by_role" in found
    assert "sort" not in found.lower()
