"""A database server as the `Engine` of `roost.db.database`: what PostgreSQL and MySQL have in common.

Several nodes write at once, so every transaction that writes is READ COMMITTED: after it has waited for a row's lock,
its next statement sees what the one before it has committed. Who derives a number from what is there locks the row
it belongs to first (`roost.journal.statements`). Readers see one moment: REPEATABLE READ.

A connection that breaks is opened again by the next use of it. One that hangs is broken by `abort`, through a second
handle on its socket: the first is the driver's, which may close it at any time, and the number be given to a client's.
See docs/decisions/0009-a-database-that-is-away.md.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

LIMIT = 4
"""Seconds that a transaction or a reading may take: who waits for it is told within five."""
LOCK_SECONDS = 3
"""Seconds that it waits for a lock at most; and that the server lets a transaction wait for its next statement, whose
node may be frozen or gone, and in the way of others."""
CONNECT_SECONDS = 2
"""Until a server that does not answer is given up; the least that PostgreSQL's driver can do."""
KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}
"""A server that has vanished from the network is noticed after some eleven seconds, where no limit holds (s, s, times,
ms)."""


class Driver(NamedTuple):
    """What is asked of a driver's errors and connections."""

    taken_back: Callable[[Any], bool]
    """The transaction was taken back for the sake of another."""
    lost: Callable[[Any], bool]
    """The server can't be reached, or ended the connection."""
    socket: Callable[[Any], int]
    """The file descriptor of a connection."""


class Options(NamedTuple):
    """Arguments to connect with: to write and to read, in one's own time and within the limit."""

    writing: dict[str, Any]
    reading: dict[str, Any]
    limited_writing: dict[str, Any]
    limited_reading: dict[str, Any]


class DatabaseServer:
    """The engine of a database on a server."""

    limit: float | None = LIMIT

    def __init__(self, url: URL, *, read_only: str, driver: Driver, options: Options) -> None:
        """`read_only`: what makes a transaction unable to write."""
        self._read_only = read_only
        self._driver = driver
        self._lines: dict[int, socket.socket] = {}
        """By thread: a handle on the socket of the connection that it opened last."""
        self._lock = threading.Lock()
        writes, reads = "READ COMMITTED", "REPEATABLE READ"
        self._writers = self._connecting(url, writes, options.writing)
        self._readers = self._connecting(url, reads, options.reading)
        self._limited_writers = self._connecting(url, writes, options.limited_writing)
        self._limited_readers = self._connecting(url, reads, options.limited_reading)
        self._connections: list[Connection] = []

    def _connecting(self, url: URL, isolation: Any, arguments: dict[str, Any]) -> Engine:
        none = {"poolclass": NullPool, "pool_reset_on_return": None}  # who closes one has taken back what was open
        engine = create_engine(url, isolation_level=isolation, connect_args=arguments, **none)
        event.listen(engine, "do_connect", self._connect)
        return engine

    def _connect(self, dialect: Any, _: object, arguments: Any, named: Any) -> Any:
        connection = dialect.connect(*arguments, **named)
        line = socket.socket(fileno=os.dup(self._driver.socket(connection)))
        with suppress(OSError):  # a socket of another family than TCP
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE.items():
                line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._hang_up()
        with self._lock:
            self._lines[threading.get_ident()] = line
        return connection

    def _hang_up(self) -> None:
        """Lets go of what this thread's last connection was."""
        with self._lock:
            line = self._lines.pop(threading.get_ident(), None)
            if line is not None:
                line.close()

    def writer(self) -> Connection:
        """A connection that writes, and takes its time."""
        return self._open(self._writers)

    def prepared(self, connection: Connection) -> Connection:
        """The connection that writes within the limit."""
        connection.close()
        return self._open(self._limited_writers)

    def reader(self, *, limited: bool = False) -> Connection:
        """A connection that cannot write."""
        return self._open(self._limited_readers if limited else self._readers)

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
        return isinstance(error, DBAPIError) and self._driver.taken_back(error.orig)

    def came_between(self, error: Exception) -> bool:
        """Whether a row that a change did not find, and so made, is there by now."""
        return isinstance(error, IntegrityError)

    def lost(self, error: Exception) -> bool:
        """Whether the server did not answer, or the connection broke."""
        return isinstance(error, DBAPIError) and (error.connection_invalidated or self._driver.lost(error.orig))

    def renew(self, connection: Connection) -> None:
        """The next use of the connection opens another one, whatever state this one is in."""
        with suppress(DBAPIError):
            connection.rollback()
        if not connection.invalidated:
            connection.invalidate()
        self._hang_up()

    def abort(self, thread: int) -> None:
        """Breaks the connection that a thread has opened."""
        with self._lock, suppress(KeyError, OSError):  # it has none, or it is broken
            self._lines[thread].shutdown(socket.SHUT_RDWR)

    def dispose(self) -> None:
        """Closes the connections."""
        for connection in self._connections:
            connection.close()
        for line in self._lines.values():
            line.close()
        for engine in (self._writers, self._readers, self._limited_writers, self._limited_readers):
            engine.dispose()
