"""Towns: real nodes on free ports, and people who use them over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roost.app import running
from roost.config import Config
from roost.edge.auth.tokens import load_or_make_secret
from tests.edge.people import Person, Town

UNLIMITED = {"messages_per_minute": 0, "login_attempts_per_minute": 0}


class Elsewhere:
    """A node in a thread and loop of its own, for all tests that need no other than the default settings."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = ""
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        settings = {"server": {"port": 0, "data": str(self.data)}, "limits": UNLIMITED}
        async with running(msgspec.convert(settings, Config)) as node:
            self.url = node.url
            self._up.set()
            await self._over.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    node = Elsewhere(tmp_path_factory.mktemp("edge"))
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def town(elsewhere: Elsewhere) -> AsyncIterator[Town]:
    """A town with the default settings, shared by many tests: everyone in it needs a new name."""
    town = Town(elsewhere.url, load_or_make_secret(elsewhere.data))
    async with town.http:
        yield town


@pytest.fixture
async def settle(
    server: Callable[..., Awaitable[Any]], tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[Town]]]:
    """Makes towns of one's own: `town = await settle(limits={"max_body": 2048})`."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(*, data: str = "data", **sections: Any) -> Town:
            node = await server(data=data, **sections)
            town = Town(node.url, load_or_make_secret(tmp_path / data), node)
            await stack.enter_async_context(town.http)
            return town

        yield make


@pytest.fixture
async def alice(town: Town) -> Person:
    return await town.person(town.name("alice"))


@pytest.fixture
async def bob(town: Town) -> Person:
    return await town.person(town.name("bob"))
