"""PostgreSQL, by psycopg 3."""

from __future__ import annotations

import select
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError

from roost.db.server import CONNECT_SECONDS, LIMIT, LOCK_SECONDS, DatabaseServer, Driver, Options

TAKEN_BACK = frozenset({"40P01", "40001"})
"""deadlock_detected, serialization_failure (PostgreSQL, appendix A)."""
LOST = "57P"
"""The class of what the server says as it goes; 08 are failures of the connection, 53300 is too_many_connections."""
ALWAYS = "-c jit=off"
"""Compiling a statement takes longer than running any of these."""
WRITING = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
"""All that the writer looks for it finds by a key. A plan that was made while a table was small would read it whole,
and be kept until the server next counts the table's rows."""


LOCKED = f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout={LOCK_SECONDS}s"
LIMITED = f"-c statement_timeout={LIMIT}s"
"""Who waits for a statement has given up by then."""


def open_postgresql(url: str) -> DatabaseServer:
    """The database at `url` (`postgresql://user:password@host:port/database`)."""
    given = make_url(url).set(drivername="postgresql+psycopg")
    always = f"{given.query.get('options', '')} {ALWAYS}"
    given = given.update_query_dict(
        {"connect_timeout": str(CONNECT_SECONDS), "application_name": "roost"} | dict(given.query)
    )
    return DatabaseServer(
        given.difference_update_query(["options"]),
        read_only="SET TRANSACTION READ ONLY",
        driver=Driver(_taken_back, _lost, lambda connection: connection.fileno()),
        options=Options(
            writing={"options": f"{always} {WRITING}", "prepare_threshold": None},
            reading={"options": always},
            limited_writing={"options": f"{always} {WRITING} {LOCKED} {LIMITED}", "prepare_threshold": None},
            limited_reading={"options": f"{always} {LIMITED}"},
        ),
    )


def _taken_back(error: Any) -> bool:
    return getattr(error, "sqlstate", None) in TAKEN_BACK


def _lost(error: Any) -> bool:
    """An error without a code is the driver's own: it could not connect."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or LOST).startswith((LOST, "08", "53300"))


# --- several statements in one journey ---

Statement = tuple[str, Sequence[Any]]
"""SQL with `%s` for each of its values."""
BEGIN = b"BEGIN ISOLATION LEVEL READ COMMITTED"
_numbers = count()


class Done(NamedTuple):
    """What a statement has given: its rows, and how many it has read or written (`size`)."""

    rows: list[tuple[Any, ...]]
    size: int


def together(connection: Connection, *statements: Statement, savepoint: str | None = None) -> list[Done]:
    """Runs statements in one journey to the server, after a savepoint; each sees what was committed before it began.

    By libpq's pipeline mode, and below psycopg's cursors: those wait for each statement and take the GIL each time,
    which in a busy process costs more than the statements do. Each is prepared when it is first used. Only for a
    connection that writes: psycopg prepares nothing there, and so never deallocates all that was prepared.
    """
    driver, dialect = cast("Any", connection.connection.driver_connection), cast("Any", connection.dialect)
    names: dict[str, bytes] = connection.info.setdefault("roost_prepared", {})
    try:
        return _Journey(driver, names).make(statements, savepoint)
    except psycopg.Error as error:
        lost = dialect.is_disconnect(error, driver, None)
        if lost:
            connection.invalidate(error)
        sql, values = statements[0]  # any of them
        raise DBAPIError.instance(sql, values, error, psycopg.Error, connection_invalidated=lost) from error


class _Journey:
    def __init__(self, driver: psycopg.Connection[Any], names: dict[str, bytes]) -> None:
        """`names`: under which statements are prepared."""
        self._line: PGconn = driver.pgconn
        self._transform = Transformer(driver)
        self._names = names
        self._new: dict[str, bytes] = {}
        self._wanted: list[bool] = []
        """For each command: whether its result is."""

    def make(self, statements: Sequence[Statement], savepoint: str | None) -> list[Done]:
        line = self._line
        line.enter_pipeline_mode()
        if line.transaction_status == TransactionStatus.IDLE:
            self._say(BEGIN)
        if savepoint is not None:
            self._say(b"SAVEPOINT " + savepoint.encode())
        for sql, values in statements:
            name = self._names.get(sql) or self._new.get(sql) or self._prepare(sql)
            line.send_query_prepared(name, self._transform.dump_sequence(values, [PyFormat.TEXT] * len(values)))
            self._wanted.append(True)
        line.pipeline_sync()
        results = self._results()
        line.exit_pipeline_mode()
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result)
        self._names.update(self._new)
        return [self._done(result) for result, wanted in zip(results, self._wanted, strict=True) if wanted]

    def _say(self, command: bytes) -> None:
        self._line.send_query_params(command, None)
        self._wanted.append(False)

    def _prepare(self, sql: str) -> bytes:
        """A name is used once: whether a statement was prepared in a journey that failed is not known."""
        name = self._new[sql] = b"roost_%d" % next(_numbers)
        numbered = sql
        for number in range(1, sql.count("%s") + 1):
            numbered = numbered.replace("%s", f"${number}", 1)
        self._line.send_prepare(name, numbered.encode())
        self._wanted.append(False)
        return name

    def _results(self) -> list[PGresult]:
        """One for each command, when all has been sent and all has come."""
        line, poll = self._line, select.poll()
        results: list[PGresult] = []
        poll.register(line.socket, select.POLLIN | select.POLLOUT)
        while line.flush():
            if poll.poll()[0][1] & ~select.POLLOUT:
                line.consume_input()
        poll.modify(line.socket, select.POLLIN)
        while True:
            while line.is_busy():
                poll.poll()
                line.consume_input()
            result = line.get_result()
            if result is None:  # ends those of one command
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)

    def _done(self, result: PGresult) -> Done:
        transform = self._transform
        transform.set_pgresult(result, format=Format.TEXT)
        rows = transform.load_rows(0, result.ntuples, tuple) if result.status == ExecStatus.TUPLES_OK else []
        return Done(rows, result.command_tuples or 0)
