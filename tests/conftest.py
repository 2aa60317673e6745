"""What every room's tests start from: a backend, the rooms opened on it, a clock that stands still, a server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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
from tests.backends import Backend, SQLiteBackend, put_empty_database
from tests.places import MYSQL, POSTGRESQL, Places, ServerBackend
from tests.rooms import Clock, Rooms
from tests.servers.mariadb import MariaDB, mariadb_for_all  # noqa: F401 - a fixture
from tests.servers.postgresql import PostgreSQL, postgresql_for_all  # noqa: F401 - a fixture
from tests.servers.rabbitmq import (  # noqa: F401 - fixtures
    mortal_rabbitmq,
    mortal_rabbitmq_process,
    rabbitmq,
)
from tests.servers.redis import mortal_redis, redis_server, redis_session  # noqa: F401 - fixtures
from tests.servers.s3 import s3_server  # noqa: F401 - a fixture

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

LONG = ("faults", "test_cluster.py", "push", "cluster", "web", "terminal", "journal", "transfer", "db")
"""Folders and files that take long: begun first, or one process would be busy with one when all others are done."""

BACKENDS = ("sqlite", "postgresql", "mariadb")
"""Every kind of database that the contract suites run on."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what takes long first, in the order of `LONG`."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        top = item.path.relative_to(here).parts[0]
        return LONG.index(top) if top in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgresql_places(postgresql: PostgreSQL) -> Iterator[Places]:
    places = Places(POSTGRESQL, lambda place: f"{postgresql.url()}?options=-csearch_path%3D{place or 'public'}")
    yield places
    places.close()


@pytest.fixture(scope="session")
def mariadb_places(mariadb: MariaDB) -> Iterator[Places]:
    places = Places(MYSQL, mariadb.url)
    yield places
    places.close()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield SQLiteBackend(tmp_path / "life-0")
    else:
        yield from _on_server(request)


@pytest.fixture(params=[kind for kind in BACKENDS if kind != "sqlite"])
def shared_backend(request: pytest.FixtureRequest) -> Iterator[ServerBackend]:
    """An empty database of each kind that several nodes may write to."""
    yield from _on_server(request)


def _on_server(request: pytest.FixtureRequest) -> Iterator[ServerBackend]:
    places: Places = request.getfixturevalue(f"{request.param}_places")
    taken = [places.take()]
    yield ServerBackend(places, taken)
    places.give_back(taken)


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
            folder = tmp_path / data
            sections["server"] = {"port": 0, "data": str(folder)} | sections.get("server", {})
            if "database" not in sections["server"]:
                folder.mkdir(exist_ok=True)
                put_empty_database(folder)
            return await stack.enter_async_context(running(msgspec.convert(sections, Config)))

        yield start
