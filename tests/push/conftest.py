"""Houses with push: servers in this process for each test, with the section `push` that it wants."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.blackbox.house import House
from tests.places import ServerBackend
from tests.push.http2 import PushService

OpenHouse = Callable[..., Awaitable[House]]
OpenNodes = Callable[..., Awaitable[tuple[House, House]]]


@pytest.fixture
async def apple() -> AsyncIterator[PushService]:
    async with PushService.running(None) as service:
        yield service


@pytest.fixture
async def open_house(server: Callable[..., Awaitable[Any]], tmp_path: Path) -> AsyncIterator[OpenHouse]:
    """Starts a server: `house = await open_house(email={"enabled": True})`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(max_members: int = 2000, **push: Any) -> House:
            node = await server(push=push, limits={"messages_per_minute": 0}, fanout={"max_members": max_members})
            return await stack.enter_async_context(House(urlsplit(node.url).port or 0, tmp_path / "data"))

        yield start


@pytest.fixture
async def open_nodes(
    server: Callable[..., Awaitable[Any]], shared_backend: ServerBackend, tmp_path: Path
) -> AsyncIterator[OpenNodes]:
    """Starts two nodes on one database: `here, there = await open_nodes("redis://…", email={"enabled": True})`."""
    async with contextlib.AsyncExitStack() as stack:

        async def another(data: str, sections: dict[str, Any]) -> House:
            node = await server(data=data, **sections)
            return await stack.enter_async_context(House(urlsplit(node.url).port or 0, tmp_path / data))

        async def start(redis: str = "", **push: Any) -> tuple[House, House]:
            sections = {
                "server": {"database": shared_backend.url},
                "redis": {"url": redis},
                "sync": {"save_interval": 0.1},
                "limits": {"messages_per_minute": 0},
                "push": push,
            }
            here = await another("here", sections)
            (tmp_path / "there").mkdir()
            shutil.copy(here.data / "jwt.secret", tmp_path / "there")
            return here, await another("there", sections)

        yield start
