"""A private Redis for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripts.servers.redis import PROGRAM, RedisProcess

from tests.servers import missing


def started() -> Iterator[RedisProcess]:
    """A running server, ended afterwards."""
    if not PROGRAM.exists():
        missing("redis-server")
    server = RedisProcess()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(name="redis_for_all", scope="session")
def redis_session() -> Iterator[RedisProcess]:
    """A server for all tests, which stays up."""
    yield from started()


@pytest.fixture
def redis_server(redis_for_all: RedisProcess) -> RedisProcess:
    """The server for all, empty."""
    with redis_for_all.look() as client:
        client.flushall()
    return redis_for_all


@pytest.fixture
def mortal_redis() -> Iterator[RedisProcess]:
    """A server of the test's own, to be killed."""
    yield from started()
