"""An empty PostgreSQL database and an empty Redis, and nodes on both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from tests.cluster.recovery import Nodes, Start
from tests.places import Places, ServerBackend
from tests.servers.redis import RedisProcess


@pytest.fixture
def place(postgresql_places: Places) -> Iterator[ServerBackend]:
    taken = [postgresql_places.take()]
    yield ServerBackend(postgresql_places, taken)
    postgresql_places.give_back(taken)


@pytest.fixture
async def nodes(
    place: ServerBackend, redis_server: RedisProcess, server: Start, tmp_path: Path
) -> AsyncIterator[Nodes]:
    async with Nodes(server, tmp_path, place.url, redis_server.url()) as nodes:
        yield nodes


@pytest.fixture
async def mortal_nodes(
    place: ServerBackend, mortal_redis: RedisProcess, server: Start, tmp_path: Path
) -> AsyncIterator[Nodes]:
    """Nodes whose Redis may be killed."""
    async with Nodes(server, tmp_path, place.url, mortal_redis.url()) as nodes:
        yield nodes


@pytest.fixture
def look(redis_server: RedisProcess) -> redis.Redis:
    """The tests' own look into Redis."""
    return redis_server.look()
