"""Houses with push: a server in this process for each test, with the section `push` that it wants."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.blackbox.house import House
from tests.push.http2 import PushService

OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture
async def apple() -> AsyncIterator[PushService]:
    async with PushService.running(None) as service:
        yield service


@pytest.fixture
async def open_house(server: Callable[..., Awaitable[Any]], tmp_path: Path) -> AsyncIterator[OpenHouse]:
    """Starts a server: `house = await open_house(email={"enabled": True})`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**push: Any) -> House:
            node = await server(push=push, limits={"messages_per_minute": 0})
            return await stack.enter_async_context(House(urlsplit(node.url).port or 0, tmp_path / "data"))

        yield start
