"""Back ends of a town, each with a key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from roost.edge.auth.keys import operator_key
from tests.edge.people import Person, Town

Backend = Callable[..., Awaitable[Person]]


def operator_of(town: Town) -> Person:
    """Whoever can read the secret of a town."""
    return town.holder(operator_key(town.secret, time.time_ns() // 1_000_000), "operator")


@pytest.fixture
def operator(town: Town) -> Person:
    return operator_of(town)


@pytest.fixture
def back_end(town: Town, operator: Person) -> Backend:
    """Makes back ends: `shop = await back_end("users", "messages:send")`."""

    async def make(*scopes: str) -> Person:
        made = await operator.post("/admin/keys", {"name": town.name("key"), "scopes": scopes})
        return town.holder(made.data["key"], made.data["name"])

    return make


@pytest.fixture
async def expired(town: Town, operator: Person) -> Person:
    """A back end that could do everything, until its key expired."""
    ahead = 50
    while True:
        until = time.time_ns() // 1_000_000 + ahead
        made = await operator.post("/admin/keys", {"name": town.name("key"), "scopes": ["*"], "expireTime": until})
        if made.status == 201:
            break
        ahead *= 4  # it took so long that it was past already
    await asyncio.sleep(max(0, until + 1 - time.time_ns() // 1_000_000) / 1000)
    return town.holder(made.data["key"], made.data["name"])


@pytest.fixture
async def shop(back_end: Backend) -> Person:
    """A back end that may do everything."""
    return await back_end("*")
