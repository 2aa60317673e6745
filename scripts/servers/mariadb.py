"""A private MariaDB: its own port and data; killed, frozen and started again at will."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from scripts.servers.process import ServerProcess

PROGRAM = Path("/usr/sbin/mariadbd")

SETTINGS = {
    "innodb_buffer_pool_size": "64M",
    "innodb_log_file_size": "64M",
    "innodb_stats_persistent": "0",
    "max_connections": "200",
    "bind_address": "127.0.0.1",
}


class MariaDB(ServerProcess):
    """A server whose databases are at `url(name)`. Its user is `root`, without a password."""

    def __init__(self, *, directory: Path | None = None, **settings: str) -> None:
        """`settings`: variables of the server."""
        super().__init__("mariadb", user="mysql", directory=directory)
        self._settings = SETTINGS | settings
        self._data = self.directory / "data"
        # A server that starts removes every temporary table in its tmpdir, those of others as well.
        self._tmpdir = f"--tmpdir={self.directory}"
        if not self._data.exists():
            self.run(
                "mariadb-install-db",
                "--no-defaults",
                "--skip-test-db",
                "--skip-name-resolve",
                "--auth-root-authentication-method=normal",
                f"--datadir={self._data}",
                self._tmpdir,
                "--innodb-flush-method=nosync",
            )

    def url(self, database: str = "mysql") -> str:
        """Where a database answers, as `server.database` takes it."""
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def launch(self) -> None:
        """Starts it on the data it has."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        places = [f"--datadir={self._data}", f"--socket={self.directory}/socket", f"--port={self.port}", self._tmpdir]
        self.spawn(str(PROGRAM), "--no-defaults", "--skip-name-resolve", *places, *options)

    def ready(self) -> bool:
        """A server that is up speaks first."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
            return len(one.recv(5)) == 5
        return False
