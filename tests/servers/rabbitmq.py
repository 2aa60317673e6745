"""A private RabbitMQ for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripts.servers.rabbitmq import PROGRAM, RabbitMQ

from tests.servers import missing


def _started() -> Iterator[RabbitMQ]:
    if not PROGRAM.exists():
        missing("rabbitmq-server")
    broker = RabbitMQ()
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A broker for all tests, which stays up: each takes queues of its own names."""
    yield from _started()


@pytest.fixture(scope="session")
def mortal_rabbitmq_process() -> Iterator[RabbitMQ]:
    yield from _started()


@pytest.fixture
def mortal_rabbitmq(mortal_rabbitmq_process: RabbitMQ) -> RabbitMQ:
    """A broker that tests may kill. It is up when a test begins, whatever the one before did to it."""
    if not mortal_rabbitmq_process.alive:
        mortal_rabbitmq_process.start()
    return mortal_rabbitmq_process
