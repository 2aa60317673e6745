"""PostgreSQL, by psycopg 3."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import make_url

from roost.db.server import CONNECT_SECONDS, DatabaseServer, Failures

TAKEN_BACK = frozenset({"40P01", "40001"})
"""deadlock_detected, serialization_failure (PostgreSQL, appendix A)."""
LOST = "57P"
"""The class of what the server says as it goes; 08 are failures of the connection, 53300 is too_many_connections."""
ALWAYS = "-c jit=off"
"""Compiling a statement takes longer than running any of these."""
WRITING = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
"""All that the writer looks for it finds by a key. A plan that was made while a table was small would read it whole,
and be kept until the server next counts the table's rows."""


def open_postgresql(url: str) -> DatabaseServer:
    """The database at `url` (`postgresql://user:password@host:port/database`)."""
    given = make_url(url).set(drivername="postgresql+psycopg")
    options = f"{given.query.get('options', '')} {ALWAYS}"
    given = given.update_query_dict(
        {"connect_timeout": str(CONNECT_SECONDS), "application_name": "roost"}
        | dict(given.query)
        | {"options": options}
    )
    return DatabaseServer(
        given,
        read_only="SET TRANSACTION READ ONLY",
        failures=Failures(_taken_back, _lost),
        writing={"options": f"{options} {WRITING}"},
    )


def _taken_back(error: Any) -> bool:
    return getattr(error, "sqlstate", None) in TAKEN_BACK


def _lost(error: Any) -> bool:
    """An error without a code is the driver's own: it could not connect."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or LOST).startswith((LOST, "08", "53300"))
