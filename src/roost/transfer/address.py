"""Where a database is, as `--from` and `--to` name it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from roost import adapters
from roost.config import Config, ConfigError, Server
from roost.db.database import Engine
from roost.db.sqlite import SQLiteFile

SQLITE = "sqlite:"
EXAMPLE = "postgresql://user:password@host:port/database"
SERVERS = ("postgresql:", "mysql:", "mariadb:")


class Address(NamedTuple):
    """A SQLite file, or the url of a database on a server. `file` is None for the latter."""

    name: str
    """What people may read: no password."""
    url: str
    file: Path | None

    def open(self) -> Engine:
        """Opens it. Raises `OSError` where a server has the file open."""
        if self.file is None:
            return adapters.database_server(self.url)
        try:
            return SQLiteFile(self.file)
        except BlockingIOError:
            raise OSError(f"{self.name} is in use; stop its server first.") from None


def parse(option: str, text: str) -> Address:
    """The value of an option. Raises `ConfigError`, which does not repeat it: a password may be in it."""
    if text.startswith(SQLITE) and text != SQLITE:
        file = _file(Path(text.removeprefix(SQLITE)).resolve())
        return Address(f"{SQLITE}{file}", "", file)
    try:
        if text.startswith(SERVERS) and (url := make_url(text)).database:
            return Address(url.render_as_string(), text, None)
    except (ArgumentError, ValueError):
        raise ConfigError(f"{option} is no address such as {EXAMPLE}.") from None
    raise ConfigError(
        f"{option} must be sqlite:PATH (a file, or a data directory), or {EXAMPLE}; mysql:// and mariadb:// likewise."
    )


def _file(path: Path) -> Path:
    """The database file: `path` itself, or the one in the data directory `path`, which may not be there yet."""
    is_directory = path.is_dir() or not (path.exists() or path.suffix)
    return Config(server=Server(data=str(path))).database if is_directory else path
