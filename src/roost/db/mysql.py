"""MySQL and MariaDB, by PyMySQL."""

from __future__ import annotations

from typing import Any

from pymysql.constants import CLIENT
from sqlalchemy import make_url

from roost.db.server import CONNECT_SECONDS, LIMIT, LOCK_SECONDS, DatabaseServer, Driver, Options

TAKEN_BACK = frozenset({1213, 1020})
"""ER_LOCK_DEADLOCK; ER_CHECKREAD, by which MariaDB refuses a row that changed since the snapshot."""
LOST = frozenset({0, 1040, 1053, 1927, 4031, *range(2000, 2100)})
"""Too many connections, shutting down, killed, idle for too long; from 2000 on are the client's own: no connection, or
none any more. 0: the driver has closed it, after an error before."""
PATIENT_SECONDS = 3600
"""Until a connection that takes its time is taken for dead: a migration may change a large table without a word."""
LIMITS = f"""SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, wait_timeout = 10
    /*M!, wait_timeout = 28800, idle_transaction_timeout = {LOCK_SECONDS}, max_statement_time = {LIMIT} */"""
"""The last line is read by MariaDB alone. MySQL knows no limit for a transaction that waits for its next statement, so
every connection that writes is ended when it was idle for ten seconds, and opened again."""


def open_mysql(url: str) -> DatabaseServer:
    """The database at `url` (`mysql://user:password@host:port/database`)."""
    given = make_url(url).set(drivername="mysql+pymysql")
    given = given.update_query_dict({"charset": "utf8mb4", "connect_timeout": str(CONNECT_SECONDS)} | dict(given.query))
    patient: dict[str, Any] = {"read_timeout": PATIENT_SECONDS}
    quick: dict[str, Any] = {"read_timeout": LIMIT, "write_timeout": LIMIT}
    writing: dict[str, Any] = {"init_command": LIMITS, "client_flag": CLIENT.MULTI_STATEMENTS}
    return DatabaseServer(
        given,
        read_only="START TRANSACTION READ ONLY",
        driver=Driver(_taken_back, _lost, lambda connection: connection._sock.fileno()),  # noqa: SLF001
        options=Options(patient, patient, quick | writing, quick),
    )


def _number(error: Any) -> int:
    """The error's number; -1 where the driver gives none."""
    number = error.args[0] if getattr(error, "args", ()) else -1
    return number if isinstance(number, int) else -1


def _taken_back(error: Any) -> bool:
    return _number(error) in TAKEN_BACK


def _lost(error: Any) -> bool:
    return _number(error) in LOST
