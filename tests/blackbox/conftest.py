"""The house most tests meet in: one `roost serve` process for all, every guest with a new name."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bench.server import Server

from tests.blackbox.house import Guest, House, process


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = process(tmp_path_factory.mktemp("blackbox"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def house(serving: Server) -> AsyncIterator[House]:
    async with House(serving.port, serving.data, serving) as house:
        yield house


@pytest.fixture
async def settle(
    server: Callable[..., Awaitable[Any]], tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """Makes houses with settings of their own: `house = await settle(limits={"auth_timeout": 0.3})`."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(**sections: dict[str, Any]) -> House:
            node = await server(**sections)
            return await stack.enter_async_context(House(urlsplit(node.url).port or 0, tmp_path / "data"))

        yield make


@pytest.fixture
async def ann(house: House) -> Guest:
    return await house.guest(house.name("ann"))


@pytest.fixture
async def bob(house: House) -> Guest:
    return await house.guest(house.name("bob"))


@pytest.fixture
async def cat(house: House) -> Guest:
    return await house.guest(house.name("cat"))
