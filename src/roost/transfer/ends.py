"""What the two ends of a copy must be: the source whole and left alone, the target empty."""

from __future__ import annotations

import time

from sqlalchemy import Connection, func, select

from roost.db.copying import refuse_half_copied
from roost.db.migrate import newest, version
from roost.db.schema import metadata

OTHERS = {
    "postgresql": """
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND application_name = 'roost'""",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
}
"""The connections of nodes. Those of MySQL carry no name: there it is any other connection that we may see."""


LEAVING = 2.0
"""Seconds that the connections of nodes which were just stopped may take to go."""


def check_unused(connection: Connection, name: str) -> None:
    """Raises `OSError` where others are connected to the database, on a server that is; a file is locked."""
    others = OTHERS.get(connection.dialect.name)
    if others is None:
        return
    until = time.monotonic() + LEAVING
    while count := connection.exec_driver_sql(others).scalar():
        connection.rollback()
        if time.monotonic() > until:
            raise OSError(f"{name} is in use; other connections to it: {count}. Stop all nodes and push workers first.")
        time.sleep(LEAVING / 20)
    connection.rollback()


def check_source(connection: Connection, name: str) -> None:
    """Raises `OSError` unless this is a whole database of this version's schema."""
    found = version(connection)
    if found is None:
        raise OSError(f"{name} holds no data of Roost.")
    if found != newest():
        raise OSError(
            f"{name} has the schema {found}, and this version of Roost works with {newest()}: bring it up to date with "
            "`roost migrate` first, or use the version of Roost that it belongs to."
        )
    refuse_half_copied(connection)


def check_empty(connection: Connection, name: str) -> None:
    """Raises `OSError` unless every table is empty, which they are no more once a node was started."""
    refuse_half_copied(connection)
    for table in metadata.sorted_tables:
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if count:
            raise OSError(
                f"{name} is not empty (rows in {table.name}: {count:,}). Nothing is overwritten: name an empty "
                "database, one that no node was ever started on."
            )
