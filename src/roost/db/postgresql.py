"""PostgreSQL, by psycopg 3."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import make_url

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
            writing={"options": f"{always} {WRITING}"},
            reading={"options": always},
            limited_writing={"options": f"{always} {WRITING} {LOCKED} {LIMITED}"},
            limited_reading={"options": f"{always} {LIMITED}"},
        ),
    )


def _taken_back(error: Any) -> bool:
    return getattr(error, "sqlstate", None) in TAKEN_BACK


def _lost(error: Any) -> bool:
    """An error without a code is the driver's own: it could not connect."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or LOST).startswith((LOST, "08", "53300"))
