"""A private PostgreSQL: its own port and data; killed, frozen and started again at will."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import missing
from tests.servers.process import ServerProcess

PROGRAMS = Path("/usr/lib/postgresql")
"""Debian's; each version has a directory."""

SETTINGS = {
    "fsync": "off",  # what is killed is a process; the kernel, which has what it wrote, lives on
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "5s",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


def programs() -> Path | None:
    """Where the newest version's programs are."""
    found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


class PostgreSQL(ServerProcess):
    """A server whose databases are at `url(name)`."""

    def __init__(self, bin_: Path, **settings: str) -> None:
        super().__init__("postgresql", user="postgres")
        self._bin = bin_
        self._settings = SETTINGS | settings
        self._cluster = self.directory / "data"
        made = [str(bin_ / "initdb"), "--no-sync", "--auth=trust", "--username=roost", "--encoding=UTF8"]
        self.run(*made, "--locale=C.UTF-8", f"--pgdata={self._cluster}")

    def url(self, database: str = "postgres") -> str:
        """Where a database answers, as `server.database` takes it."""
        return f"postgresql://roost@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts it on the data it has, and returns when it takes connections."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self.spawn(str(self._bin / "postgres"), "-D", str(self._cluster), "-p", str(self.port), *options)
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        self.wait(lambda: subprocess.run(ready, check=False).returncode == 0)

    def kill(self) -> None:
        """SIGKILL. The next start would wait for children that still hold the data; it finds none."""
        super().kill()
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)


def started() -> Iterator[PostgreSQL]:
    """A running server, ended with its data afterwards."""
    bin_ = programs()
    if bin_ is None:
        missing("postgresql")
    server = PostgreSQL(bin_)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(name="postgresql", scope="session")
def postgresql_for_all() -> Iterator[PostgreSQL]:
    """A server for all tests, which stays up: each takes a schema of its own."""
    yield from started()
