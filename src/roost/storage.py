"""Where a deployment keeps its data: a file in the data directory, or the server that `server.database` names."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, make_url, select
from sqlalchemy.exc import DBAPIError

from roost import adapters
from roost.config import Config
from roost.db.copying import refuse_half_copied
from roost.db.database import Database, Engine
from roost.db.migrate import alone, migrate
from roost.db.schema import deployment
from roost.db.sqlite import SQLiteFile, open_read_only
from roost.edge.auth.shared import claim_secret
from roost.files.place import open_place
from roost.files.threads import Threads
from roost.flow.files.attachments import Attachments
from roost.flow.files.uploads import Uploads

SIZE = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "mysql": "SELECT sum(data_length + index_length) FROM information_schema.tables WHERE table_schema = database()",
}
"""Bytes that a database takes on its server."""


def name(config: Config) -> str:
    """What people call the database: the file, or the address without the password."""
    url = config.server.database
    return make_url(url).render_as_string() if url else str(config.database)


def must_be_there(config: Config) -> None:
    """Raises `FileNotFoundError` where no server has made the file yet: the directory may be a mistyped one."""
    if not config.server.database and not config.database.exists():
        raise FileNotFoundError(f"there is no database at {config.database}; name its directory with --data.")


def open_engine(config: Config) -> Engine:
    """Opens the database to write to it. Raises `BlockingIOError` where another server has the file open."""
    url = config.server.database
    if not url:
        config.data.mkdir(parents=True, exist_ok=True)
        return SQLiteFile(config.database)
    return adapters.database_server(url)


@asynccontextmanager
async def open_files(
    config: Config, database: Database, clock: Callable[[], int]
) -> AsyncIterator[tuple[Uploads, Attachments]]:
    """The roads of files, which are kept in a directory, or a bucket. The unfinished ones grow on this machine."""
    threads, folder, settings = Threads(), config.files_folder, config.files
    store = adapters.file_store(settings, folder / "kept", threads)
    async with open_place(store, threads, folder / "incoming", settings) as place:
        attachments = Attachments(database, place, clock)
        async with attachments.sweeping():
            yield Uploads(database, place, settings, clock, time.monotonic), attachments


def prepare(connection: Connection) -> str:
    """An up-to-date schema; returns the epoch, made with the first start. Nodes that start at once take turns."""
    with alone(connection):
        migrate(connection)
        refuse_half_copied(connection)
        epoch = connection.execute(select(deployment.c.value).where(deployment.c.name == "epoch")).scalar()
        if epoch is None:
            epoch = secrets.token_hex(8)
            connection.execute(insert(deployment).values(name="epoch", value=epoch))
            connection.commit()
        return str(epoch)


def prepare_shared(data: Path, connection: Connection) -> str:
    """The same on a server, where several nodes have one secret. Raises `ConfigError` where this one's differs."""
    with alone(connection):
        epoch = prepare(connection)
        claim_secret(connection, data)
        return epoch


class Reading:
    """The database, to be read beside a running server or without one; each reading sees one moment."""

    def __init__(self, config: Config) -> None:
        """Raises `FileNotFoundError` where there is no file yet."""
        self._file = config.database
        self._files: list[Any] = []
        must_be_there(config)
        self._server = adapters.database_server(config.server.database) if config.server.database else None

    def connect(self) -> Connection:
        """A connection that cannot write, for one thread."""
        return self._server.reader() if self._server else open_read_only(self._file, self._files)

    def begin(self, connection: Connection) -> None:
        """The moment that is seen until the connection is rolled back."""
        if self._server:
            self._server.begin_reading(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    def close(self) -> None:
        """Closes all connections."""
        if self._server:
            self._server.dispose()
        for file in self._files:
            file.dispose()


@contextmanager
def looking_at(config: Config) -> Iterator[Connection]:
    """The database as it is at one moment. Raises `OSError` where there is none that this version can read."""
    with closing(Reading(config)) as reading:
        try:
            with reading.connect() as connection:
                reading.begin(connection)
                yield connection
        except DBAPIError as error:
            raise OSError(f"{name(config)} can't be read: {error.orig}") from None
