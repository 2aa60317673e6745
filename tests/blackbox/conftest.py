"""The house most tests meet in: one `roost serve` process for all, every guest with a new name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

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
    async with House(serving) as house:
        yield house


@pytest.fixture
async def ann(house: House) -> Guest:
    return await house.guest(house.name("ann"))


@pytest.fixture
async def bob(house: House) -> Guest:
    return await house.guest(house.name("bob"))


@pytest.fixture
async def cat(house: House) -> Guest:
    return await house.guest(house.name("cat"))
