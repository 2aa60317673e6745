"""One real server for all tests of the client, and clients that are closed when the test ends."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roost.client import Client
from roost.testing import LocalServer
from tests.client.people import Cast

Open = Callable[..., Awaitable[Client]]


@pytest.fixture(scope="session")
def serving() -> Iterator[LocalServer]:
    with LocalServer(settings={"LIMITS__LOGIN_ATTEMPTS_PER_MINUTE": "0"}) as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[LocalServer]:
    """A server that the test may stop, kill and start."""
    with LocalServer() as server:
        yield server


@pytest.fixture
def cast(serving: LocalServer) -> Cast:
    """Users with names that no other test has."""
    return Cast(serving)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Open]:
    """`await client(cast, "ann")` opens and connects; `connect=False` only opens. `store` names another file."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            cast: Cast, name: str, *, connect: bool = True, store: str | None = None, **more: Any
        ) -> Client:
            path = tmp_path / f"{store or name}.db"
            made = Client(cast.server.url, **{"token": cast.token(name), "store": path, "patience": 0.05, **more})
            await made.open()
            stack.push_async_callback(made.close)
            if connect:
                await made.connect()
                await made.connected(10)
            return made

        yield start
