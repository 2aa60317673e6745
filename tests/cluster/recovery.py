"""Nodes that share PostgreSQL and Redis, for the tests of recovery; and what is asked of a database meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from roost.db.database import Database
from tests.blackbox.house import House

Start = Callable[..., Awaitable[Any]]

SAVED_AT_ONCE = {"save_interval": 0.05}
NOT_SAVED_BY_ITSELF = {"save_interval": 3600.0}


class Nodes(contextlib.AsyncExitStack):
    """Starts nodes one by one: `house = await nodes.start()`."""

    def __init__(self, start: Start, folder: Path, database: str, redis_url: str) -> None:
        super().__init__()
        self._start = start
        self._folder = folder
        self._shared: dict[str, dict[str, Any]] = {
            "redis": {"url": redis_url},
            "limits": {"messages_per_minute": 0},
        }
        self._database = database
        self.redis_url = redis_url
        self._started = 0

    async def start(self, **sections: dict[str, Any]) -> House:
        """One more node; sections of its settings are keywords."""
        self._started += 1
        data = self._folder / f"node{self._started}"
        if self._started > 1:
            data.mkdir()
            shutil.copy(self._folder / "node1" / "jwt.secret", data)
        settings = self._shared | {"sync": SAVED_AT_ONCE} | sections
        settings["server"] = {"database": self._database} | settings.get("server", {})
        node = await self._start(data=data.name, **settings)
        return await self.enter_async_context(House(urlsplit(node.url).port or 0, data))


BY_ITSELF = (
    "_watching.",
    "Indexing.",
    "exists",
    "Pulling.look.",
    "Tokens._load_revoked.",
    "Positions._write.",
    "Users.seen.",
)
"""What every node does by itself, whoever comes: the watch, the search index, saving who stands where and has left."""


LOOPS = ("Calling.run", "Due.run", "Erasing.run", "Hints.run", "Indexing.run", "Pulling.run", "Watch.run", "_kept_up")
"""Tasks that every node has for the same, whatever they ask."""


class Asked(list[str]):
    """The names of what was asked of databases, but for what is done by itself."""

    def note(self, work: Any) -> None:
        name, task = getattr(work, "__qualname__", type(work).__name__), asyncio.current_task()
        loop = task is not None and task.get_coro().__qualname__ in LOOPS
        if not loop and not name.startswith(BY_ITSELF):
            self.append(name)


@contextlib.contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Notes every reading and every piece of work for the writer, of all nodes, inside the block."""
    noted = Asked()
    read, submit = Database.read, Database.submit

    async def reading(self: Database, query: Any) -> Any:
        noted.note(query)
        return await read(self, query)

    def writing(self: Database, run: Any, item: Any, done: Any) -> None:
        noted.note(item)
        submit(self, run, item, done)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "read", reading)
        patch.setattr(Database, "submit", writing)
        yield noted


def state_of(client: redis.Redis, user_id: str, device_id: str = "phone") -> dict[str, Any] | None:
    """A sync state, as it is stored."""
    stored = client.get(f"client:sync:{user_id}:{device_id}")
    return None if stored is None else json.loads(stored)
