"""What every room's tests start from: a backend, the rooms opened on it, a clock that stands still, a server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

from roost.config import Config
from roost.db.database import Database
from roost.journal.contract import Author
from roost.journal.journal import Journal
from roost.journal.positions import Positions
from tests.backends import Backend, SQLiteBackend
from tests.rooms import Clock, Rooms
from tests.servers.rabbitmq import (  # noqa: F401 - fixtures
    mortal_rabbitmq,
    mortal_rabbitmq_process,
    rabbitmq,
)

# `make test` is to be quick, on a machine that is busy: few examples, no deadline, and no shrinking of what fails.
# HYPOTHESIS_PROFILE=long digs, and makes the example that failed before a small one.
settings.register_profile(
    "ci",
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long",
    max_examples=2000,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# What the server logs is shown where a test fails, one plain line an event: drawing traces would take most of the time.
structlog.configure(processors=[structlog.processors.KeyValueRenderer(key_order=["event"])])

BACKENDS: dict[str, Callable[[Path], Backend]] = {"sqlite": lambda path: SQLiteBackend(path / "life-0")}
"""Every kind of database that the contract suites run on."""


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """An empty database of each kind."""
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def rooms(backend: Backend, clock: Clock) -> AsyncIterator[Rooms]:
    opened = await Rooms.open(backend, clock)
    yield opened
    await opened.close()


@pytest.fixture
def database(rooms: Rooms) -> Database:
    return rooms.database


@pytest.fixture
def journal(rooms: Rooms) -> Journal:
    return rooms.journal


@pytest.fixture
def positions(rooms: Rooms) -> Positions:
    return rooms.positions


@pytest.fixture
async def ann(rooms: Rooms) -> Author:
    """The user `ann` on her phone."""
    return await rooms.author("ann")


@pytest.fixture
async def bob(rooms: Rooms) -> Author:
    return await rooms.author("bob")


@pytest.fixture
async def cat(rooms: Rooms) -> Author:
    return await rooms.author("cat")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Starts real nodes on free ports: `node = await server(limits={"messages_per_minute": 0})`.

    Sections of the settings are keywords. `data` names the data directory inside the test's own, so that a second
    node can be started on what a first one left. All are stopped when the test ends.
    """
    from roost.app import running  # noqa: PLC0415 - the rooms' tests must not need the edge

    async with contextlib.AsyncExitStack() as stack:

        async def start(*, data: str = "data", **sections: dict[str, Any]) -> Any:
            sections["server"] = {"port": 0, "data": str(tmp_path / data)} | sections.get("server", {})
            return await stack.enter_async_context(running(msgspec.convert(sections, Config)))

        yield start
