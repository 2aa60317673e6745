"""The kinds of database that the suites run on. A new kind is a class here and a parameter of `backend`."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from roost.db.database import Engine
from roost.db.migrate import migrate
from roost.db.sqlite import SQLiteFile
from roost.journal.sqlite import SQLiteStatements
from roost.journal.statements import Statements
from roost.search.contract import Index
from roost.search.sqlite import SQLiteIndex

MAIN, WAL = "roost.db", "roost.db-wal"


@cache
def _empty_database() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="roost-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = Hasty(folder / MAIN)
    connection = engine.writer()
    migrate(connection)
    connection.close()
    engine.dispose()
    return folder / MAIN


def put_empty_database(directory: Path) -> None:
    """A database with all tables and nothing in them, unless there is one: making it by migrations takes a while."""
    if not (directory / MAIN).exists():
        shutil.copyfile(_empty_database(), directory / MAIN)


class Backend(Protocol):
    """A place where a database is kept."""

    def engine(self) -> Engine:
        """Opens it."""

    def statements(self) -> Statements:
        """What the journal needs of this kind."""

    def index(self) -> Index:
        """The full-text index of this kind."""

    def failing(self, table: str) -> tuple[str, str]:
        """A statement that makes every insert into a table fail after it was done, and one that ends this."""

    def killed(self) -> Backend:
        """Another place, with what SIGKILL of the server at this moment would leave."""


class SQLiteBackend:
    """A directory with a database file. A kill is a copy of the files as they are, unclosed: what a killed process
    has written, the kernel keeps.
    """

    def __init__(self, directory: Path, *, checkpoint_pages: int | None = None) -> None:
        """`checkpoint_pages` is the length of the write-ahead log at which commits checkpoint."""
        directory.mkdir(parents=True, exist_ok=True)
        put_empty_database(directory)
        self.directory = directory
        self._checkpoint_pages = checkpoint_pages

    def engine(self) -> SQLiteFile:
        return Hasty(self.directory / MAIN, self._checkpoint_pages)

    def statements(self) -> SQLiteStatements:
        return SQLiteStatements()

    def index(self) -> SQLiteIndex:
        return SQLiteIndex()

    def failing(self, table: str) -> tuple[str, str]:
        return (
            f"CREATE TRIGGER failing AFTER INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'the database said no'); END",
            "DROP TRIGGER failing",
        )

    def killed(self) -> SQLiteBackend:
        lives = sum(1 for _ in self.directory.parent.glob("life-*"))
        copy = SQLiteBackend(self.directory.parent / f"life-{lives}", checkpoint_pages=self._checkpoint_pages)
        for name in (MAIN, WAL):
            if (self.directory / name).exists():
                shutil.copyfile(self.directory / name, copy.directory / name)
        return copy

    def killed_since(self, earlier: SQLiteBackend, part: float) -> SQLiteBackend:
        """What a kill leaves while that is written by which this differs from `earlier`, one transaction before:
        of the bytes of the write-ahead log that changed, the first `part` (0 to 1) have been written.
        """
        left = earlier.killed()
        before, after = earlier.log(), self.log()
        padded = before.ljust(len(after), b"\0")
        changed = [index for index in range(len(after)) if after[index] != padded[index]]
        if changed:
            written = changed[0] + round(part * (changed[-1] + 1 - changed[0]))
            (left.directory / WAL).write_bytes(after[:written] + before[written:])
        return left

    def log(self) -> bytes:
        """The write-ahead log."""
        path = self.directory / WAL
        return path.read_bytes() if path.exists() else b""


class Hasty(SQLiteFile):
    """Waits for no disk, which is most of what a test does: what is killed here is a process, and the kernel lives on.

    With `checkpoint_pages` it checkpoints while it commits, again and again, and never in an idle moment.
    """

    def __init__(self, path: Path, checkpoint_pages: int | None = None) -> None:
        super().__init__(path)
        self._checkpoint_pages = checkpoint_pages

    def writer(self) -> Connection:
        connection = super().writer()
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        if self._checkpoint_pages is not None:
            connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={self._checkpoint_pages}")
        connection.rollback()
        return connection

    def idle(self, connection: Connection) -> None:
        if self._checkpoint_pages is None:
            super().idle(connection)
