"""A private Redis: its own port, nothing on disk; killed, frozen, emptied and started again at will."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator

import pytest
import redis

from tests.servers import missing
from tests.servers.process import ServerProcess


class RedisProcess(ServerProcess):
    """A server at `url(database)`. Whatever ends it empties it."""

    def __init__(self) -> None:
        super().__init__("redis", user="redis")

    def url(self, database: int = 0) -> str:
        """Where it answers, as `redis.url` takes it."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts it, and returns when it takes connections."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "databases": "64"}
        self.spawn("redis-server", *(part for name, value in options.items() for part in (f"--{name}", value)))
        self.wait(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def look(self, database: int = 0) -> redis.Redis:
        """A client of the tests' own."""
        return redis.Redis(port=self.port, db=database)


def started() -> Iterator[RedisProcess]:
    """A running server, ended afterwards."""
    if shutil.which("redis-server") is None:
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
