"""Storing a batch in SQLite: all its rows in one statement, as a rule (see `roost.db.database`).

A statement is one step, in which the GIL is free, and a transaction by itself. So rows of several tables are given to
one view, whose triggers put each where its first value says, and a message's first two log entries are in its own row.
The other entries, which a group's messages have by the thousand, are the rows of a second statement.

Values are bound, each by itself: SQLite takes twice as long for rows that it has to find in a JSON text. None is bound
as 0 and stored as NULL: for each None CPython's sqlite3 looks for an adapter, which takes longer than to bind a row.
A statement comes in few lengths, so that all of them stay prepared; rows of zeros, which are passed over, fill it up.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import chain
from typing import Any

from roost.journal.statements import AlreadySent, Besides, EntryRow, MessageRow

MOST = 1024
"""Rows of a statement. They have 18 values, and SQLite takes 32,766."""
LENGTHS = sorted({1 << power for power in range(11)} | {3 << power for power in range(9)})

MESSAGE, PAGE, PUSH, EVENT = 1, 2, 3, 4
"""What a row of `appending` is; 0 is nothing."""
WIDTH = 18
"""Values of such a row: its kind and the columns c1 ... c17."""
NOWHERE: EntryRow = (0, 0, 0, 0, 0, None)


def _columns(first: int, last: int) -> str:
    return ", ".join(f"NEW.c{number}" for number in range(first, last + 1))


def _trigger(kind: int, *inserts: str) -> str:
    body = " ".join(f"{insert};" for insert in inserts)
    when = f"INSTEAD OF INSERT ON appending WHEN NEW.kind = {kind}"
    return f"CREATE TEMP TRIGGER IF NOT EXISTS appending_{kind} {when} BEGIN {body} END"


_LOG = "INSERT INTO log (uid, seq, mid, origin, logged_at, change)"
PREPARE = (
    f"CREATE TEMP VIEW IF NOT EXISTS appending AS SELECT 0 AS kind, {', '.join(f'0 AS c{n}' for n in range(1, WIDTH))}",
    _trigger(
        MESSAGE,
        f"""INSERT INTO messages (mid, sender, sender_seq, message_id, cid, conversation_seq, message_type, content,
        create_time, server_time, extra, version, edit_time, recall_time)
        VALUES ({_columns(1, 10)}, nullif(NEW.c11, 0), 1, 0, 0)""",
        f"{_LOG} SELECT NEW.c12, NEW.c13, NEW.c1, NEW.c14, NEW.c10, NULL WHERE NEW.c12 <> 0",
        f"{_LOG} SELECT NEW.c15, NEW.c16, NEW.c1, NEW.c17, NEW.c10, NULL WHERE NEW.c15 <> 0",
    ),
    _trigger(PAGE, f"INSERT INTO audit (chain, position, kind, written_at, body, digest) VALUES ({_columns(1, 6)})"),
    _trigger(
        PUSH,
        f"""INSERT INTO push_outbox (aid, uid, did, mid, seq, due_at, created_at, attempt, taken_at)
        VALUES ({_columns(1, 7)}, 0, 0)""",
    ),
    _trigger(
        EVENT,
        f"""INSERT INTO webhook_outbox (hook, topic, event, body, created_at, due_at, attempt)
        VALUES ({_columns(1, 6)}, 0)""",
    ),
)
"""What the writer's connection needs."""


@cache
def _append(rows: int) -> str:
    return f"INSERT INTO appending VALUES {_marks(rows, WIDTH)}"


@cache
def _enter(rows: int) -> str:
    columns = "column1, column2, nullif(column3, 0), column4, column5, nullif(column6, 0)"
    return f"{_LOG} SELECT {columns} FROM (VALUES {_marks(rows, len(NOWHERE))}) WHERE column1 <> 0"


def _marks(rows: int, width: int) -> str:
    row = f"({', '.join('?' * width)})"
    return ", ".join([row] * rows)


def store(
    driver: sqlite3.Connection, messages: Sequence[MessageRow], entries: Sequence[EntryRow], besides: Besides
) -> None:
    """Stores all or nothing, in `driver`'s transaction or, if there is none, in one of its own.

    Raises `AlreadySent`.
    """
    values, others = _with_entries(messages, entries)
    for kind, rows in ((PUSH, besides.pushes), (PAGE, besides.pages), (EVENT, besides.events)):
        for row in rows:
            values += (kind, *row, *(0,) * (WIDTH - 1 - len(row)))
    steps = [*_steps(_append, values, WIDTH), *_steps(_enter, _of_nulls(others), len(NOWHERE))]
    try:
        with _together(driver) if len(steps) > 1 else nullcontext():
            for sql, of_rows in steps:
                driver.execute(sql, of_rows)
    except sqlite3.IntegrityError as error:
        if "messages.sender, messages.message_id" in str(error):
            raise AlreadySent from None
        raise


@contextmanager
def _together(driver: sqlite3.Connection) -> Iterator[None]:
    """What is done here is done as a whole, inside a transaction and without one."""
    driver.execute("SAVEPOINT storing")
    try:
        yield
    except BaseException:
        if driver.in_transaction:  # a full disk ends it
            driver.execute("ROLLBACK TO storing")
            driver.execute("RELEASE storing")
        raise
    driver.execute("RELEASE storing")


def _with_entries(messages: Sequence[MessageRow], entries: Sequence[EntryRow]) -> tuple[list[Any], list[EntryRow]]:
    """The rows of the messages, value after value, and the entries that are not in them."""
    entries_of: defaultdict[int | None, list[EntryRow]] = defaultdict(list)
    for entry in entries:
        entries_of[entry[2]].append(entry)
    values: list[Any] = []
    others: list[EntryRow] = []
    for message in messages:
        own = entries_of.pop(message.mid, [])
        own += [NOWHERE] * (2 - len(own))
        values += (MESSAGE, *message[:-1], message.extra or 0, *_place(own[0]), *_place(own[1]))
        others += own[2:]
    return values, [*others, *chain.from_iterable(entries_of.values())]


def _place(entry: EntryRow) -> tuple[int, int, int]:
    return entry[0], entry[1], entry[3]


def _of_nulls(entries: Sequence[EntryRow]) -> list[Any]:
    """Entries, value after value, without None."""
    values: list[Any] = list(chain.from_iterable(entries))
    for column in (2, 5):
        values[column :: len(NOWHERE)] = [value or 0 for value in values[column :: len(NOWHERE)]]
    return values


def _steps(sql: Callable[[int], str], values: list[Any], width: int) -> Iterator[tuple[str, list[Any]]]:
    """The statements for so many rows, filled up."""
    for first in range(0, len(values), MOST * width):
        piece = values[first : first + MOST * width]
        rows = len(piece) // width
        length = LENGTHS[bisect_left(LENGTHS, rows)]
        yield sql(length), piece + [0] * ((length - rows) * width)
