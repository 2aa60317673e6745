"""Rows out of one database and into another, some thousands at a time, in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Row, Select, String, Table, Text, select
from sqlalchemy.dialects import mysql

BATCH = 4000
"""Rows in one transaction, and in memory."""
STATEMENT = 1 << 18
"""Characters of a statement to MySQL, and one row; it takes 16 MiB or more."""
NUL = "\0"

Rows = Sequence[Row[Any]]


class Seen(NamedTuple):
    """What went by: how many rows, and the sum of their hashes, which holds in this process only."""

    rows: int = 0
    hashes: int = 0

    def with_(self, rows: Rows) -> Seen:
        """And these."""
        return Seen(self.rows + len(rows), self.hashes + sum(map(hash, rows)))


@contextmanager
def batches(connection: Connection, query: Select[Any]) -> Iterator[Iterator[Rows]]:
    """What a query finds, a batch at a time. Nothing else may be asked on the connection meanwhile (MySQL)."""
    with connection.execute(query.execution_options(yield_per=BATCH)) as result:
        yield result.partitions()


def by_key(table: Table) -> Select[Any]:
    """A table's rows."""
    return select(table).order_by(*table.primary_key)


def write(connection: Connection, table: Table, rows: Rows) -> None:
    """Inserts rows, in the transaction that is open. Raises `OSError` where the database does not take them."""
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    driver: Any = connection.connection.dbapi_connection  # each has a way that is many times as fast as SQLAlchemy's
    try:
        with closing(driver.cursor()) as cursor:
            _WRITE[connection.dialect.name](cursor, f"{quote(table.name)} ({columns})", rows)
    except driver.Error as error:
        raise OSError(f"{table.name} can't be written: {error}") from error


def _write_sqlite(cursor: Any, columns: str, rows: Rows) -> None:
    marks = ", ".join("?" for _ in rows[0])
    cursor.executemany(f"INSERT INTO {columns} VALUES ({marks})", rows)


def _write_postgresql(cursor: Any, columns: str, rows: Rows) -> None:
    with cursor.copy(f"COPY {columns} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _write_mysql(cursor: Any, columns: str, rows: Rows) -> None:
    """Most values are integers. PyMySQL looks at each: it would take longer to put them together than the server."""
    escape = cursor.connection.escape
    as_texts = [
        [str(value) if type(value) is int else escape(value) for value in column] for column in zip(*rows, strict=True)
    ]
    values: list[str] = []
    size = 0
    for row in zip(*as_texts, strict=True):
        values.append(f"({','.join(row)})")
        size += len(values[-1])
        if size > STATEMENT:
            cursor.execute(f"INSERT INTO {columns} VALUES {','.join(values)}")
            values, size = [], 0
    if values:
        cursor.execute(f"INSERT INTO {columns} VALUES {','.join(values)}")


_WRITE = {"sqlite": _write_sqlite, "postgresql": _write_postgresql, "mysql": _write_mysql}


class _Column(NamedTuple):
    """A text column: where it stands in a row, and the most that the target takes in it."""

    place: int
    name: str
    characters: int | None
    octets: int | None


class Fit:
    """Looks whether a table's rows fit into the target: SQLite takes texts that servers refuse."""

    def __init__(self, dialect: Dialect, table: Table) -> None:
        """`dialect`: the target's."""
        kind = dialect.name
        self._table = table
        self._no_nul = kind == "postgresql"
        self._texts = [
            _Column(
                place,
                column.name,
                column.type.length,
                _octets(column.type.dialect_impl(dialect)) if kind == "mysql" else None,
            )
            for place, column in enumerate(table.columns)
            if isinstance(column.type, String) and kind != "sqlite"
        ]

    def check(self, rows: Rows) -> None:
        """Raises `OSError` that names the row which does not fit, and why."""
        for text in self._texts:
            for row in rows:
                reason = self._misfit(text, row[text.place])
                if reason:
                    raise OSError(
                        f"the database can't take {self._table.name}.{text.name} of the row {self._key(row)}: {reason}."
                    )

    def _misfit(self, text: _Column, value: str | None) -> str:
        if value is None:
            return ""
        if self._no_nul and NUL in value:
            return "PostgreSQL stores no character U+0000; remove it in the source"
        if text.characters is not None and len(value) > text.characters:
            return f"it has {len(value):,} characters, and the column takes {text.characters:,}"
        if text.octets is not None and len(value) * 4 > text.octets and len(value.encode()) > text.octets:
            return f"it has {len(value.encode()):,} bytes in UTF-8, and the column takes {text.octets:,}"
        return ""

    def _key(self, row: Row[Any]) -> str:
        return ", ".join(f"{column.name} {row._mapping[column]}" for column in self._table.primary_key)  # noqa: SLF001


def _octets(kind: Any) -> int | None:
    """The most bytes of what is MySQL's TEXT or MEDIUMTEXT; None for what has no such bound."""
    if isinstance(kind, mysql.MEDIUMTEXT):
        return (1 << 24) - 1
    return (1 << 16) - 1 if isinstance(kind, Text) else None
