"""Users by the beginning of their ids, on every database: by code points, each once."""

from __future__ import annotations

from roost.roster.users import accounts_named
from tests.rooms import Rooms

NAMES = ["An", "an", "an-7", "an.7", "an@7", "anZ", "an_", "ana", "ann", "anz", "ao", "b"]


async def test_users_come_by_the_beginning_of_their_ids_and_page_by_page(rooms: Rooms) -> None:
    await rooms.authors(*reversed(NAMES))
    after, found = "", []
    while page := await rooms.read(accounts_named, "an", after, 4):
        found += [account.user_id for account in page]
        after = found[-1]
    assert found == sorted(name for name in NAMES if name.startswith("an"))
    assert await rooms.read(accounts_named, "c", "", 4) == []
