"""A private MariaDB: its own port and data; killed, frozen and started again at will."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import missing
from tests.servers.process import ServerProcess

PROGRAM = Path("/usr/sbin/mariadbd")

SETTINGS = {
    "innodb_flush_log_at_trx_commit": "2",  # what is killed is a process; the kernel, which has what it wrote, lives on
    "innodb_flush_method": "nosync",
    "innodb_doublewrite": "0",
    "innodb_buffer_pool_size": "64M",
    "innodb_log_file_size": "64M",
    "innodb_stats_persistent": "0",
    "max_connections": "200",
    "bind_address": "127.0.0.1",
}


class MariaDB(ServerProcess):
    """A server whose databases are at `url(name)`."""

    def __init__(self, **settings: str) -> None:
        super().__init__("mariadb", user="mysql")
        self._settings = SETTINGS | settings
        self._data = self.directory / "data"
        self.run(
            "mariadb-install-db",
            "--no-defaults",
            "--skip-test-db",
            "--skip-name-resolve",
            "--auth-root-authentication-method=normal",
            f"--datadir={self._data}",
            "--innodb-flush-method=nosync",
        )

    def url(self, database: str = "mysql") -> str:
        """Where a database answers, as `server.database` takes it."""
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts it on the data it has, and returns when it takes connections."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        places = [f"--datadir={self._data}", f"--socket={self.directory}/socket", f"--port={self.port}"]
        self.spawn(str(PROGRAM), "--no-defaults", "--skip-name-resolve", *places, *options)
        self.wait(self._greets)

    def _greets(self) -> bool:
        """A server that is up speaks first."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
            return len(one.recv(5)) == 5
        return False


def started() -> Iterator[MariaDB]:
    """A running server, ended with its data afterwards."""
    if not PROGRAM.exists():
        missing("mariadb-server")
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(name="mariadb", scope="session")
def mariadb_for_all() -> Iterator[MariaDB]:
    """A server for all tests, which stays up: each takes a database of its own."""
    yield from started()
