"""MySQL and MariaDB, by PyMySQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import make_url

from roost.db.server import CONNECT_SECONDS, DatabaseServer, Failures

TAKEN_BACK = frozenset({1213, 1020})
"""ER_LOCK_DEADLOCK; ER_CHECKREAD, by which MariaDB refuses a row that changed since the snapshot."""
LOST = frozenset({1040, 1053, 1927, *range(2000, 2100)})
"""Too many connections, shutting down, killed; from 2000 on are the client's own: no connection, or none any more."""
ANSWER_SECONDS = "60"
"""Until a connection without an answer is taken for dead."""


def open_mysql(url: str) -> DatabaseServer:
    """The database at `url` (`mysql://user:password@host:port/database`)."""
    given = make_url(url).set(drivername="mysql+pymysql")
    given = given.update_query_dict(
        {"charset": "utf8mb4", "connect_timeout": str(CONNECT_SECONDS), "read_timeout": ANSWER_SECONDS}
        | dict(given.query)
    )
    return DatabaseServer(given, read_only="START TRANSACTION READ ONLY", failures=Failures(_taken_back, _lost))


def _number(error: Any) -> int:
    """The error's number; 0 where the driver gives none."""
    number = error.args[0] if getattr(error, "args", ()) else 0
    return number if isinstance(number, int) else 0


def _taken_back(error: Any) -> bool:
    return _number(error) in TAKEN_BACK


def _lost(error: Any) -> bool:
    return _number(error) in LOST
