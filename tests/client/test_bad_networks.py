"""What chaos has found, each on its own: the client behind a proxy that does one thing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.client import NetworkError
from roost.client.link import Link
from roost.testing import LocalServer
from tests.chaos.devices import Town
from tests.chaos.plans import Scene


@pytest.fixture
async def scene(serving: LocalServer, tmp_path: Path) -> AsyncIterator[Scene]:
    async with asyncio.timeout(30), Town(serving, tmp_path) as town:
        yield await Scene.set(town)


async def test_a_connection_that_is_closed_before_the_upgrade_has_failed_at_once(scene: Scene) -> None:
    proxy = scene.devices[0].proxy
    proxy.refuse()
    async with asyncio.timeout(2):
        with pytest.raises(NetworkError):
            await Link(print).open(proxy.url)
