"""A private MariaDB for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripts.servers.mariadb import PROGRAM, MariaDB

from tests.servers import missing

QUICK = {
    "innodb_flush_log_at_trx_commit": "2",  # what is killed is a process; the kernel, which has what it wrote, lives on
    "innodb_flush_method": "nosync",
    "innodb_doublewrite": "0",
}


def started() -> Iterator[MariaDB]:
    """A running server, ended with its data afterwards."""
    if not PROGRAM.exists():
        missing("mariadb-server")
    server = MariaDB(**QUICK)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(name="mariadb", scope="session")
def mariadb_for_all() -> Iterator[MariaDB]:
    """A server for all tests, which stays up: each takes a database of its own."""
    yield from started()
