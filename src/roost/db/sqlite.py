"""SQLite: write-ahead log, `synchronous=FULL`, one connection that writes.

Exactly one connection ever writes or checkpoints: SQLite before 3.51.3 can corrupt a WAL otherwise, and Debian's
is 3.40. A lock file beside the database keeps a second server out; readers open it read-only.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

CACHE_KIB = 128 * 1024
"""Page cache of the writer: the upper levels of every B-tree that a batch touches stay in memory."""
READER_CACHE_KIB = 16 * 1024
PAGE = 2048
"""Bytes of a page of a new database. A small commit touches some twenty pages, of each log and conversation one, and
writes them whole: a tenth less time for a commit of five messages than with 4096, the same for 500."""
CHECKPOINT_PAGES = 8192
"""Pages in the write-ahead log (16 MiB) at which a commit also checkpoints, if no idle moment came before.

A small log is written over and over in place; the commit that checkpoints takes some milliseconds longer."""
STATEMENTS = 256
"""Prepared statements kept per connection."""


class SQLiteFile:
    """The engine of one database file. Raises `BlockingIOError` where another server has it open."""

    limit: float | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the same mode
        self._engines: list[Engine] = []

    def writer(self) -> Connection:
        """The connection that writes."""
        engine = _engine(self.path, mode="rwc", cache=CACHE_KIB)
        self._engines.append(engine)
        connection = engine.connect()
        for pragma in (
            f"page_size={PAGE}",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.rollback()
        return connection

    def prepared(self, connection: Connection) -> Connection:
        """The same: it alone may write."""
        connection.rollback()  # what it has read began a transaction
        return connection

    def reader(self, *, limited: bool = False) -> Connection:  # noqa: ARG002
        """A connection that cannot write."""
        return open_read_only(self.path, self._engines)

    def begin(self, connection: Connection) -> None:
        """Takes the write lock at once."""
        _driver(connection).execute("BEGIN IMMEDIATE")

    def commit(self, connection: Connection) -> None:
        """Commits; one fsync of the write-ahead log."""
        (connection if connection.in_transaction() else _driver(connection)).commit()

    def rollback(self, connection: Connection) -> None:
        """Takes the transaction back: SQLAlchemy's, one that failed to commit included, and sqlite3's."""
        connection.rollback()
        _driver(connection).rollback()

    def begin_reading(self, connection: Connection) -> None:
        """Opens a snapshot."""
        _driver(connection).execute("BEGIN")

    def idle(self, connection: Connection) -> None:
        """Checkpoints the write-ahead log, so that fewer commits have to."""
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        connection.rollback()

    def may_run_again(self, error: Exception) -> bool:  # noqa: ARG002
        """Nobody else writes."""
        return False

    def came_between(self, error: Exception) -> bool:  # noqa: ARG002
        """Nobody else writes."""
        return False

    def lost(self, error: Exception) -> bool:  # noqa: ARG002
        """It is a file."""
        return False

    def renew(self, connection: Connection) -> None:
        """It never breaks."""

    def abort(self, thread: int) -> None:
        """It never hangs."""

    def dispose(self) -> None:
        """Closes the connections and lets go of the lock."""
        for engine in self._engines:
            engine.dispose()
        os.close(self._lock)


def _driver(connection: Connection) -> Any:
    """The sqlite3 connection: what is on every message's way goes past SQLAlchemy's bookkeeping."""
    return connection.connection.dbapi_connection


def open_read_only(path: Path, engines: list[Engine] | None = None) -> Connection:
    """A connection for looking at the database, beside a running server or without one."""
    engine = _engine(path, mode="ro", cache=READER_CACHE_KIB)
    if engines is not None:
        engines.append(engine)
    return engine.connect()


def _engine(path: Path, *, mode: str, cache: int) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
            timeout=30,
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA cache_size=-{cache}")
        connection.execute("PRAGMA temp_store=MEMORY")

    return engine
