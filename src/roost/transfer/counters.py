"""The keys that a database gives by itself: it must never give one twice, of rows that have gone either."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select, text

from roost.db.schema import metadata

COUNTED: dict[Table, Column[Any]] = {
    table: table.autoincrement_column for table in metadata.sorted_tables if table.autoincrement_column is not None
}
"""The tables with such a key."""

_GIVEN = re.compile(r"AUTO_INCREMENT=(\d+)")
_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
_POSTGRESQL = text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, :key) AS regclass))")
_SET_POSTGRESQL = text("SELECT setval(CAST(pg_get_serial_sequence(:table, :key) AS regclass), :last)")


def last_given(connection: Connection) -> dict[Table, int]:
    """Per table the last key that was ever given; 0 for none."""
    return {
        table: max(_counter(connection, table, key), connection.execute(select(func.max(key))).scalar() or 0)
        for table, key in COUNTED.items()
    }


def _counter(connection: Connection, table: Table, key: Column[Any]) -> int:
    kind = connection.dialect.name
    if kind == "sqlite":
        return connection.execute(_SQLITE, {"table": table.name}).scalar() or 0
    if kind == "postgresql":
        return connection.execute(_POSTGRESQL, {"table": table.name, "key": key.name}).scalar() or 0
    # MySQL answers questions to information_schema from a cache, which may be a day old.
    made = str(connection.exec_driver_sql(f"SHOW CREATE TABLE {table.name}").one()[1])
    found = _GIVEN.search(made)
    return int(found[1]) - 1 if found else 0


def go_on_after(connection: Connection, last: dict[Table, int]) -> None:
    """The next key of each table comes after these."""
    kind = connection.dialect.name
    for table, number in last.items():
        if number == 0:
            continue
        if kind == "postgresql":
            key = {"table": table.name, "key": COUNTED[table].name}
            connection.execute(_SET_POSTGRESQL, key | {"last": number})
        elif kind == "mysql":
            connection.exec_driver_sql(f"ALTER TABLE {table.name} AUTO_INCREMENT = {number + 1}")
        elif table.dialect_options["sqlite"]["autoincrement"]:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
            counter = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
            connection.execute(counter, {"table": table.name, "last": number})
