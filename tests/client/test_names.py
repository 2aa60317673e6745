"""What an application hands over by mistake is refused here, in words that say what was wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from roost.client import Client
from roost.errors import InvalidID
from tests.client.conftest import Open
from tests.client.people import Cast

TAKE_USERS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "online": lambda ann: ann.online("bob"),
    "watch": lambda ann: ann.watch("bob"),
    "profiles": lambda ann: ann.profiles("bob"),
    "mentions": lambda ann: ann.send("bob", "hi", mentions="bob"),
    "create_group": lambda ann: ann.create_group("Tea", "bob"),
    "add_members": lambda ann: ann.add_members("tea", "bob"),
}


@pytest.mark.parametrize("name", TAKE_USERS)
async def test_one_name_is_no_list_of_letters(client: Open, cast: Cast, name: str) -> None:
    ann = await client(cast, "ann", connect=False)
    with pytest.raises(TypeError, match=r"a list of user ids.*\['bob'\]"):
        await TAKE_USERS[name](ann)


async def test_a_message_is_named_by_the_id_that_the_server_gave_it(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    assert await ann.message("7") is None
    for name in ("x", "", -1):
        with pytest.raises(InvalidID, match="server_msg_id"):
            await ann.message(name)
