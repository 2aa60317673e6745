"""A private Redis: its own port, nothing on disk; killed, frozen, emptied and started again at will."""

from __future__ import annotations

from pathlib import Path

import redis
from scripts.servers.process import ServerProcess

PROGRAM = Path("/usr/bin/redis-server")


class RedisProcess(ServerProcess):
    """A server at `url(database)`. Whatever ends it empties it."""

    def __init__(self, *, directory: Path | None = None) -> None:
        super().__init__("redis", user="redis", directory=directory)

    def url(self, database: int = 0) -> str:
        """Where it answers, as `redis.url` takes it."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def launch(self) -> None:
        """Starts it, empty."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "databases": "64"}
        self.spawn(str(PROGRAM), *(part for name, value in options.items() for part in (f"--{name}", value)))

    def look(self, database: int = 0) -> redis.Redis:
        """A client of one's own."""
        return redis.Redis(port=self.port, db=database)
