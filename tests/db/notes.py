"""A database of one table, and the work that the writer's tests give to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from roost.db.database import Database


def prepare(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS notes (text TEXT UNIQUE)")
    connection.commit()


def note(text: str) -> Callable[[Connection], str]:
    """A change that adds a note. Twice the same is an error of the database."""

    def add(tx: Connection) -> str:
        tx.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))
        return text

    return add


def notes(connection: Connection) -> list[str]:
    """All notes, in the order of their writing."""
    return list(connection.exec_driver_sql("SELECT text FROM notes ORDER BY rowid").scalars())


class Notes:
    """A `Run`: adds a batch of notes. `batches` has what it was called with."""

    def __init__(self, name: str = "", *, alone: bool = False) -> None:
        self._name = name
        self._alone = alone
        self.batches: list[list[str]] = []

    def one_step(self, items: list[str]) -> bool:
        return self._alone

    def __call__(self, connection: Connection, items: list[str]) -> list[Any]:
        self.batches.append(list(items))
        texts = [self._name + item for item in items]
        driver: Any = connection.connection.dbapi_connection
        driver.execute("INSERT INTO notes SELECT value FROM json_each(?)", (json.dumps(texts),))
        return texts


def submit(database: Database, run: Any, item: str) -> asyncio.Future[Any]:
    """The result of a piece of work, to come."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    database.submit(run, item, future.set_result)
    return future


async def write_now(database: Database, change: Callable[[Connection], Any], *more: Any) -> asyncio.Task[Any]:
    """A write that is handed in already."""
    task = asyncio.ensure_future(database.write(change, *more))
    await asyncio.sleep(0)
    return task
