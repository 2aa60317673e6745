"""Workers, commands and nodes of push as processes on PostgreSQL and MariaDB (A9)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from scripts.servers.postgresql import PostgreSQL
from scripts.servers.rabbitmq import RabbitMQ
from scripts.servers.redis import RedisProcess

from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.places import ServerBackend
from tests.push.http2 import PushService
from tests.push.processes import Audience, Office, came, emptied, logged, office, until
from tests.push.road import Books, reached
from tests.servers.postgresql import started

A_MINUTE = "60"


@pytest.fixture
async def broker(rabbitmq: RabbitMQ) -> RabbitMQ:
    await emptied(rabbitmq)
    return rabbitmq


@pytest.fixture
def postgresql_of_its_own() -> Iterator[PostgreSQL]:
    yield from started()


@pytest.fixture
def place(
    broker: RabbitMQ, apple: PushService, tmp_path: Path, shared_backend: ServerBackend, redis_server: RedisProcess
) -> Iterator[Office]:
    at = {"SERVER__DATABASE": shared_backend.url, "REDIS__URL": redis_server.url()}
    with office(tmp_path, broker, apple, **at, PUSH__GRACE=A_MINUTE) as place:
        place.server.start()
        yield place


@pytest.fixture
async def here(place: Office) -> AsyncIterator[House]:
    async with House(place.server.port, place.data, place.server) as house:
        yield house


@pytest.fixture
def books(here: House, shared_backend: ServerBackend) -> Books:
    return Books(here, shared_backend.url)


def explained(backend: ServerBackend, user: str, message: str) -> str:
    """What `roost push explain` prints, on a machine that has nothing of the servers but their settings."""
    command = [sys.executable, "-m", "roost", "push", "explain", user, message]
    environment = {**os.environ, "ROOST_SERVER__DATABASE": backend.url, "ROOST_PUSH__APNS__ENABLED": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True)
    return done.stdout


async def test_any_worker_sends_and_any_node_records_what_any_node_gives_out(
    place: Office, here: House, books: Books, apple: PushService, shared_backend: ServerBackend
) -> None:
    other = await asyncio.to_thread(place.another_node)
    await place.workers(2)
    async with House(other.port, other.data, other) as there:
        audience = await Audience.gathered(here, 5)
        await audience.hear(10)
        zoe = await there.guest("zoe")
        sent = await zoe.send(Guest(there, "member0"))
        expected = audience.expected | {("member0", int(sent["serverMsgID"]))}
        await until(lambda: books.waiting() == 0)
    assert came(apple) == logged(books) == dict.fromkeys(expected, 1)
    words = await asyncio.to_thread(explained, shared_backend, "member0", sent["serverMsgID"])
    assert words.splitlines()[1].endswith("apns to device phone: sent: the push service took it")


async def test_a_worker_knows_who_is_connected_to_a_node(
    place: Office, here: House, books: Books, apple: PushService, shared_backend: ServerBackend
) -> None:
    other = await asyncio.to_thread(place.another_node)
    await place.workers(1)
    async with House(other.port, other.data, other) as there:
        ann, bob, cat = await here.guest("ann"), await there.guest("bob"), await here.guest("cat")
        await reached(bob)
        await reached(cat)
        await bob.line(lastSeq=0)
        await eventually(lambda: is_online(ann, "bob"))
        sent = await ann.send(bob)
        await ann.send(cat)
        await until(lambda: [row["taken_at"] for row in books.rows("SELECT taken_at FROM push_outbox")] == [0])
        assert [user for user, _ in came(apple)] == ["cat"]
        words = await asyncio.to_thread(explained, shared_backend, "bob", sent["serverMsgID"])
        assert words.splitlines()[1].startswith("device phone: waits, due ")


async def test_a_worker_waits_for_a_database_that_is_away(
    postgresql_of_its_own: PostgreSQL, broker: RabbitMQ, apple: PushService, tmp_path: Path
) -> None:
    database = postgresql_of_its_own
    with office(tmp_path, broker, apple, SERVER__DATABASE=database.url()) as place:
        place.server.start()
        async with House(place.server.port, place.data, place.server) as house:
            audience = await Audience.gathered(house, 10)
            await audience.hear(3)
            books = Books(house, database.url())
            await until(lambda: all(row["taken_at"] for row in books.rows("SELECT taken_at FROM push_outbox")))
            database.kill()
            [worker] = await place.workers(1)
            await until(lambda: "pushes can't be looked up" in worker.printed)
            await asyncio.to_thread(database.start)
            await until(lambda: came(apple).keys() == audience.expected)
            worker.tell_to_stop()
            assert await worker.ended() == 0
            await until(lambda: books.waiting() == 0)
        assert came(apple) == logged(books) == dict.fromkeys(audience.expected, 1)
        assert worker.printed.count("pushes can't be looked up") == 1, worker.printed
        assert "handed out again" not in worker.printed, worker.printed


async def is_online(asking: Guest, user: str) -> bool:
    return bool((await asking.online(user))["online"])
