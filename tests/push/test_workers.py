"""The road of a push through RabbitMQ and `roost push-worker` processes, when any of them is killed or not there (A9).

Real processes all along; Apple's service alone is a stand-in. `FAULTS=long` sends ten thousand pushes a test, and more
workers do them.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.blackbox.house import House
from tests.push.http2 import PushService
from tests.push.processes import PATIENCE, Audience, Office, came, emptied, logged, office, until
from tests.push.road import Books
from tests.servers.rabbitmq import RabbitMQ

LONG = os.environ.get("FAULTS") == "long"
MEMBERS, MESSAGES, WORKERS = (100, 100, 4) if LONG else (20, 20, 2)
"""Each message makes as many pushes as the group has members who are away."""
FEW = MESSAGES // 2
AT_ONCE = 16
"""Tasks that a worker has in hand: `push.at_once`."""

AWAY = 3.0
"""Seconds of an outage in which the broker is asked for more than once."""

pytestmark = pytest.mark.faults


@pytest.fixture
async def apple() -> AsyncIterator[PushService]:
    async with PushService.running(None) as service:
        yield service


@pytest.fixture
async def broker(mortal_rabbitmq: RabbitMQ) -> RabbitMQ:
    await emptied(mortal_rabbitmq)
    return mortal_rabbitmq


@pytest.fixture
def place(broker: RabbitMQ, apple: PushService, tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, broker, apple) as place:
        place.server.start()
        yield place


@pytest.fixture
async def house(place: Office) -> AsyncIterator[House]:
    async with House(place.server.port, place.data, place.server) as house:
        yield house


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


async def all_told(books: Books, audience: Audience, apple: PushService) -> None:
    """Every push has come and its outcome is written down."""
    await until(
        lambda: not audience.expected - came(apple).keys() and books.waiting() == 0,
        within=(20 if LONG else 3) * PATIENCE,
    )


def check(apple: PushService, books: Books, audience: Audience, *, doubled: int) -> None:
    """Nothing is missing. At most so many were handed out twice; `push_log` has an attempt for each time."""
    had, attempts = came(apple), logged(books)
    assert had.keys() == attempts.keys() == audience.expected
    assert sum(count > 1 for count in attempts.values()) <= doubled
    assert not {push for push, count in had.items() if count > attempts[push]}, "sent more often than push_log says"


async def test_a_broker_that_is_killed_in_the_middle_loses_no_push(
    place: Office, house: House, apple: PushService, books: Books, broker: RabbitMQ
) -> None:
    audience = await Audience.gathered(house, MEMBERS)
    await place.workers(WORKERS)
    await audience.hear(MESSAGES)
    await apple.has_got(random.randrange(MEMBERS * MESSAGES // 4, MEMBERS * MESSAGES // 2))
    broker.kill()
    await audience.hear(1)
    await asyncio.to_thread(broker.start)
    await all_told(books, audience, apple)
    check(apple, books, audience, doubled=WORKERS * AT_ONCE)


async def test_a_worker_that_is_killed_leaves_its_tasks_to_others(
    place: Office, house: House, apple: PushService, books: Books
) -> None:
    audience = await Audience.gathered(house, MEMBERS)
    workers = await place.workers(WORKERS)
    await audience.hear(MESSAGES)
    await apple.has_got(random.randrange(MEMBERS * MESSAGES // 4, MEMBERS * MESSAGES // 2))
    workers[0].kill()
    await all_told(books, audience, apple)
    check(apple, books, audience, doubled=AT_ONCE)


async def test_a_server_that_is_killed_between_commit_and_queue_misses_no_push(
    place: Office, house: House, apple: PushService, books: Books
) -> None:
    audience = await Audience.gathered(house, MEMBERS)
    await audience.hear(FEW)
    place.server.kill()  # its receipts are out; the queue has had a part of the pushes at most
    await place.workers(1)
    assert books.waiting() > 0
    place.server.start()
    await all_told(books, audience, apple)
    check(apple, books, audience, doubled=0)


async def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun_and_leaves_the_rest(
    place: Office, house: House, apple: PushService, books: Books
) -> None:
    audience = await Audience.gathered(house, MEMBERS)
    [first] = await place.workers(1)
    await audience.hear(FEW)
    await apple.has_got(MEMBERS)
    first.tell_to_stop()
    assert await first.ended() == 0, first.printed
    assert "Traceback" not in first.printed
    assert books.waiting() > 0
    await place.workers(1)
    await all_told(books, audience, apple)
    check(apple, books, audience, doubled=0)


async def test_without_a_broker_sends_go_on_and_pushes_come_when_it_is_there(
    broker: RabbitMQ, apple: PushService, tmp_path: Path
) -> None:
    broker.kill()
    with office(tmp_path, broker, apple) as place:
        place.server.start()
        async with House(place.server.port, place.data, place.server) as house:
            audience = await Audience.gathered(house, MEMBERS)
            await place.workers(1)
            await audience.hear(FEW)  # with their receipts
            assert (apple.requests, Books(house).waiting()) == ([], MEMBERS * FEW)
            await asyncio.sleep(AWAY)  # it is looked for all the time, and the log must say so once
            await asyncio.to_thread(broker.start)
            await all_told(Books(house), audience, apple)
            check(apple, Books(house), audience, doubled=0)
        said = place.server.output().count("is away")
        assert said <= 2, f"one line an outage for each of the two queues, not {said}:\n{place.server.output()}"


async def test_a_worker_may_start_before_the_server(broker: RabbitMQ, apple: PushService, tmp_path: Path) -> None:
    with office(tmp_path, broker, apple) as place:
        place.server.start()  # it makes the database, which a worker must find
        place.server.stop()
        await place.workers(1)
        place.server.start()
        async with House(place.server.port, place.data, place.server) as house:
            audience = await Audience.gathered(house, 3)
            await audience.hear(1)
            await all_told(Books(house), audience, apple)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PUSH__QUEUE": "local"}, "push.queue is local"),
        ({}, "there is no database at"),
        ({"PUSH__APNS__KEY_FILE": "/nowhere.p8"}, "/nowhere.p8 can't be read"),
        ({"PUSH__RABBITMQ": "amqp://127.0.0.1:none"}, "push.rabbitmq must be an address such as amqp://"),
    ],
)
async def test_a_worker_that_cannot_work_says_why_in_one_line(
    apple: PushService, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    with office(tmp_path, "amqp://guest:guest@127.0.0.1:1/", apple) as place:
        if not settings:
            (place.data / "roost.db").unlink()
        worker = place.worker(**settings)
        assert await worker.ended() == 1
        [line] = worker.printed.splitlines()
        assert line.startswith("roost: ")
        assert words in line
