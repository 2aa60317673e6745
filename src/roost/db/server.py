"""A database server as the `Engine` of `roost.db.database`: what PostgreSQL and MySQL have in common.

Several nodes write at once, so every transaction that writes is READ COMMITTED: after it has waited for a row's lock,
its next statement sees what the one before it has committed. Who derives a number from what is there locks the row
it belongs to first (`roost.journal.statements`). Readers see one moment: REPEATABLE READ.

A connection that breaks is opened again by the next use of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

CONNECT_SECONDS = 3
"""Until a server that does not answer is given up: who waits for a commit is told within five (Unavailable)."""


class Failures(NamedTuple):
    """What a driver's errors mean."""

    taken_back: Callable[[Any], bool]
    """The transaction was taken back for the sake of another."""
    lost: Callable[[Any], bool]
    """The server can't be reached, or ended the connection."""


class DatabaseServer:
    """The engine of a database on a server."""

    def __init__(self, url: URL, *, read_only: str, failures: Failures, writing: dict[str, Any] | None = None) -> None:
        """`read_only`: what makes a transaction unable to write. `writing`: arguments to connect the writer with."""
        self._read_only = read_only
        self._failures = failures
        options: dict[str, Any] = {"poolclass": NullPool}
        self._writers = create_engine(url, isolation_level="READ COMMITTED", connect_args=writing or {}, **options)
        self._readers = create_engine(url, isolation_level="REPEATABLE READ", **options)
        self._connections: list[Connection] = []

    def writer(self) -> Connection:
        """The connection that writes."""
        return self._open(self._writers)

    def reader(self) -> Connection:
        """A connection that cannot write."""
        return self._open(self._readers)

    def _open(self, engine: Engine) -> Connection:
        connection = engine.connect()
        self._connections.append(connection)
        return connection

    def begin(self, connection: Connection) -> None:
        """Opens a transaction; the first statement sends it."""
        connection.begin()

    def commit(self, connection: Connection) -> None:
        """Commits. Where this fails for want of the connection, whether it is committed is not known."""
        connection.commit()

    def rollback(self, connection: Connection) -> None:
        """Takes the transaction back."""
        connection.rollback()

    def begin_reading(self, connection: Connection) -> None:
        """Opens a transaction that sees one moment, that of its first statement."""
        connection.begin()
        connection.exec_driver_sql(self._read_only)

    def idle(self, connection: Connection) -> None:
        """The server keeps its own house."""

    def may_run_again(self, error: Exception) -> bool:
        """Whether a transaction that failed so was taken back for the sake of another one: a deadlock."""
        return isinstance(error, DBAPIError) and self._failures.taken_back(error.orig)

    def came_between(self, error: Exception) -> bool:
        """Whether a row that a change did not find, and so made, is there by now."""
        return isinstance(error, IntegrityError)

    def lost(self, error: Exception) -> bool:
        """Whether the server did not answer, or the connection broke."""
        return isinstance(error, DBAPIError) and (error.connection_invalidated or self._failures.lost(error.orig))

    def dispose(self) -> None:
        """Closes the connections."""
        for connection in self._connections:
            connection.close()
        for engine in (self._writers, self._readers):
            engine.dispose()
