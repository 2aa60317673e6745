"""A private PostgreSQL for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripts.servers.postgresql import PostgreSQL, programs

from tests.servers import missing

QUICK = {
    "fsync": "off",  # what is killed is a process; the kernel, which has what it wrote, lives on
    "full_page_writes": "off",
    "autovacuum_naptime": "5s",
}


def started() -> Iterator[PostgreSQL]:
    """A running server, ended with its data afterwards."""
    bin_ = programs()
    if bin_ is None:
        missing("postgresql")
    server = PostgreSQL(bin_, **QUICK)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(name="postgresql", scope="session")
def postgresql_for_all() -> Iterator[PostgreSQL]:
    """A server for all tests, which stays up: each takes a schema of its own."""
    yield from started()
