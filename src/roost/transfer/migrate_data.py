"""The copy of a deployment, from one end to the other; see the package for what it holds to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from roost.config import ConfigError
from roost.db.copying import mark, unmark
from roost.db.database import Engine
from roost.db.migrate import alone, migrate
from roost.db.schema import deployment, metadata
from roost.transfer.address import Address
from roost.transfer.counters import go_on_after, last_given
from roost.transfer.ends import check_empty, check_source, check_unused
from roost.transfer.heads import Heads, heads
from roost.transfer.rows import Fit, Seen, batches, by_key, write

TABLES = [table for table in metadata.sorted_tables if table is not deployment]
"""What is copied row by row. The facts of `deployment`, the epoch among them, come last and at once."""

Tell = Callable[[str, int, int], None]
"""Told how far it is: what is being done, how many rows of it are, of how many."""


class Moved(NamedTuple):
    """What was copied. `rows` by table; `facts` are those of `deployment`."""

    rows: dict[str, int]
    heads: Heads
    facts: dict[str, str]
    seconds: float


def migrate_data(source: Address, target: Address, tell: Tell) -> Moved:
    """Copies everything from one database into another. Raises `OSError` or `ConfigError` with what a person can mend.

    Where it ends early, the target stays marked as half copied.
    """
    if source == target:
        raise ConfigError("--from and --to name the same database.")
    if source.file is not None and not source.file.exists():
        raise FileNotFoundError(f"there is no database at {source.file}.")
    begun = time.monotonic()
    with ExitStack() as stack:
        with _plainly(source.name):
            there = source.open()
            stack.callback(there.dispose)
            look = stack.enter_context(_closing(there.reader()))
            check_unused(look, source.name)
            there.begin_reading(look)
            check_source(look, source.name)
            before = heads(look, source.name)
        with _plainly(target.name):
            if target.file is not None:
                target.file.parent.mkdir(parents=True, exist_ok=True)
            here = target.open()
            stack.callback(here.dispose)
            writer = stack.enter_context(_closing(here.writer()))
            _claim(writer, target.name, source.name)
        with _half_copied(target.name):
            seen, facts = _copy(look, here, writer, tell)
            _verify(here, target.name, seen, before, tell)
            there.rollback(look)
            there.begin_reading(look)
            if heads(look, source.name) != before:
                raise OSError(f"{source.name} was written to meanwhile; stop all nodes.")
            here.begin(writer)
            for name, value in facts.items():
                writer.execute(insert(deployment).values(name=name, value=value))
            unmark(writer)
            here.commit(writer)
    rows = {table.name: one.rows for table, one in seen.items()}
    return Moved(rows, before, facts, time.monotonic() - begun)


def _claim(writer: Connection, name: str, source: str) -> None:
    """Makes the tables, and marks the database as half copied. No node gets between: it waits for its turn."""
    with alone(writer):
        migrate(writer)
        check_empty(writer, name)
        mark(writer, f"from {source}, begun {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        writer.commit()


def _copy(look: Connection, here: Engine, writer: Connection, tell: Tell) -> tuple[dict[Table, Seen], dict[str, str]]:
    """Copies all tables but `deployment`. Returns what went by of each, and the facts of `deployment`."""
    total = sum(look.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES)
    done, all_seen = 0, {}
    for table in TABLES:
        fit, seen = Fit(writer.dialect, table), Seen()
        with batches(look, by_key(table)) as found:
            for rows in found:
                fit.check(rows)
                here.begin(writer)
                write(writer, table, rows)
                here.commit(writer)
                seen = seen.with_(rows)
                tell(f"copying {table.name}", done + seen.rows, total)
        all_seen[table] = seen
        done += seen.rows
    here.begin(writer)
    go_on_after(writer, last_given(look))
    if writer.dialect.name == "postgresql":  # or its first plans would be for tables that are empty
        writer.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in TABLES)}")
    here.commit(writer)
    return all_seen, {row.name: row.value for row in look.execute(select(deployment))}


def _verify(here: Engine, name: str, seen: dict[Table, Seen], before: Heads, tell: Tell) -> None:
    """Reads all back. Raises `OSError` unless every row is what it was, and every log and conversation whole."""
    done, total = 0, sum(one.rows for one in seen.values())
    with _closing(here.reader()) as reader:
        here.begin_reading(reader)
        for table, expected in seen.items():
            found = Seen()
            with batches(reader, by_key(table)) as stored:
                for rows in stored:
                    found = found.with_(rows)
                    tell(f"verifying {table.name}", done + found.rows, total)
            done += found.rows
            if found != expected:
                raise OSError(
                    f"{name} has {found.rows:,} of {expected.rows:,} rows of {table.name}, or not with the same values."
                )
        if heads(reader, name) != before:
            raise OSError(f"{name} has logs or conversations that end elsewhere.")
        here.rollback(reader)


@contextmanager
def _closing(connection: Connection) -> Iterator[Connection]:
    """Closes it in the end; after a failure, which may have cut it anywhere, without a word to the other side."""
    try:
        yield connection
    except BaseException:
        connection.invalidate()
        raise
    connection.close()


@contextmanager
def _plainly(name: str) -> Iterator[None]:
    """What the driver says is one line for a person."""
    try:
        yield
    except DBAPIError as error:
        raise OSError(f"{name} can't be used: {_line(error.orig)}") from error


@contextmanager
def _half_copied(name: str) -> Iterator[None]:
    """Whatever ends the copy early: a person is told what to do."""
    try:
        yield
    except (DBAPIError, OSError, KeyboardInterrupt) as error:
        reason = _line(error.orig if isinstance(error, DBAPIError) else error) or "It was stopped."
        raise OSError(
            f"{reason} So {name} holds a part only, which no node starts on: empty it (remove the file, or drop the "
            "database and make it again) and begin anew. Nothing was changed in the source."
        ) from error


def _line(reason: object) -> str:
    return " ".join(str(reason).split())
