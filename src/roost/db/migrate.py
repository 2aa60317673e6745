"""Bringing a database to the schema of this version (D4), as `serve` and `roost migrate` do.

Alembic is loaded only where there are steps to take: most starts find none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect

MIGRATIONS = Path(__file__).with_name("migrations")


LOCK = {
    "postgresql": "SELECT true FROM pg_advisory_lock(hashtext('roost'), hashtext(current_schema()))",
    "mysql": "SELECT GET_LOCK(concat('roost ', database()), 600)",
}
UNLOCK = {
    "postgresql": "SELECT pg_advisory_unlock(hashtext('roost'), hashtext(current_schema()))",
    "mysql": "SELECT RELEASE_LOCK(concat('roost ', database()))",
}
"""Locks that belong to a connection, whatever its transactions do. Taken twice they are given back twice."""


def version(connection: Connection) -> str | None:
    """The version a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def newest() -> str:
    """The version this code wants: the number that the name of the last step begins with."""
    return max(step.name.partition("_")[0] for step in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Nodes that prepare a database at once do it one after the other. Nothing may be open in a transaction.

    A file has one server anyway. Raises `TimeoutError` where another has not come to an end in ten minutes (MySQL).
    """
    kind = connection.dialect.name
    if kind not in LOCK:
        yield
        return
    if not connection.exec_driver_sql(LOCK[kind]).scalar():
        raise TimeoutError("another node has been preparing the database for ten minutes")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        if not connection.invalidated:
            connection.exec_driver_sql(UNLOCK[kind])
            connection.commit()


def migrate(connection: Connection) -> None:
    """Brings the database up to date; where a step fails, or the power does, it stays as it was before all of them.

    MySQL commits each statement that changes a table: there a failed step may be half done. Nodes that start at once
    wait for the first of them. Raises `OSError` for a database of a newer version.
    """
    with alone(connection):
        found = version(connection)
        connection.rollback()
        if found == newest():
            return
        if found is not None and found > newest():
            raise OSError(f"the database was made by a newer Roost (schema {found}, not {newest()}): start that one.")
        from roost.db.steps import take_steps  # noqa: PLC0415 - as the head of this file says

        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver is in autocommit mode: nobody else opens one
        if connection.dialect.name == "mysql":
            _compare_exactly(connection)
        try:
            take_steps(connection, MIGRATIONS)
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _compare_exactly(connection: Connection) -> None:
    """Tables made from now on tell ids apart by every character: case, accents, and spaces at the end."""
    collation = "utf8mb4_nopad_bin" if getattr(connection.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    if connection.exec_driver_sql("SELECT @@collation_database").scalar() != collation:
        connection.exec_driver_sql(f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {collation}")
