"""A private PostgreSQL: its own port and data; killed, frozen and started again at will."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from scripts.servers.process import ServerProcess

PROGRAMS = Path("/usr/lib/postgresql")
"""Debian's; each version has a directory."""

SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


def programs() -> Path | None:
    """Where the newest version's programs are."""
    found = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


class PostgreSQL(ServerProcess):
    """A server whose databases are at `url(name)`. Its one user is `roost`, without a password."""

    ENDS_BY = signal.SIGINT  # "fast": it does not wait for its clients to leave

    def __init__(self, bin_: Path, *, directory: Path | None = None, **settings: str) -> None:
        """`bin_`: where the programs are. `settings`: as in postgresql.conf."""
        super().__init__("postgresql", user="postgres", directory=directory)
        self._bin = bin_
        self._settings = SETTINGS | settings
        self._cluster = self.directory / "data"
        if not self._cluster.exists():
            made = [str(bin_ / "initdb"), "--no-sync", "--auth=trust", "--username=roost", "--encoding=UTF8"]
            self.run(*made, "--locale=C.UTF-8", f"--pgdata={self._cluster}")

    def url(self, database: str = "postgres") -> str:
        """Where a database answers, as `server.database` takes it."""
        return f"postgresql://roost@127.0.0.1:{self.port}/{database}"

    def launch(self) -> None:
        """Starts it on the data it has."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self.spawn(str(self._bin / "postgres"), "-D", str(self._cluster), "-p", str(self.port), *options)

    def ready(self) -> bool:
        """Not while it repairs itself, when it listens already."""
        asked = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def kill(self) -> None:
        """SIGKILL. The next start would wait for children that still hold the data; it finds none."""
        super().kill()
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
