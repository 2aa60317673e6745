"""Reading beside the writer: one state, and no way to change it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, create_engine, insert, select
from sqlalchemy.exc import OperationalError

from roost.db.database import Database
from roost.db.rows import fetch
from roost.db.sqlite import SQLiteFile, open_read_only
from tests.db.notes import note, notes, prepare
from tests.rooms import Rooms, held


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(SQLiteFile(tmp_path / "notes.db"), prepare=prepare)
    await opened.ready()
    yield opened
    await opened.close()


async def test_a_reading_cannot_write(database: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await database.read(note("no"))


async def test_a_reading_sees_one_state_however_long_it_takes(database: Database) -> None:
    await database.write(note("1"))
    looked, written = threading.Event(), threading.Event()

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        first = notes(connection)
        looked.set()
        assert written.wait(10)
        return first, notes(connection)

    reading = asyncio.ensure_future(database.read(look_twice))
    await asyncio.to_thread(looked.wait, 10)
    await database.write(note("2"))
    written.set()
    assert await reading == (["1"], ["1"])
    assert await database.read(notes) == ["1", "2"]


async def test_readings_do_not_wait_for_the_writer(database: Database) -> None:
    async with held(database):
        assert await asyncio.wait_for(database.read(notes), 5) == []


async def test_a_reading_that_fails_is_told_and_the_next_one_works(database: Database) -> None:
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT * FROM nothing")

    for _ in range(5):
        with pytest.raises(OperationalError):
            await database.read(fail)
    await database.write(note("1"))
    assert await database.read(notes) == ["1"]


async def test_one_may_look_beside_a_running_server(database: Database, tmp_path: Path) -> None:
    await database.write(note("1"))
    connection = open_read_only(tmp_path / "notes.db")
    assert notes(connection) == ["1"]
    connection.close()


TABLE = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("t", Text),
    Column("n", Integer),
)
ROWS = select(TABLE.c.t, TABLE.c.n).order_by(TABLE.c.id.desc())
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(
    rows=st.lists(
        st.tuples(
            st.none() | TEXTS,
            st.none() | st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
    )
)
def test_rows_fetched_as_one_value_are_the_rows_in_their_order(
    rows: list[tuple[str | None, int | None]],
) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        TABLE.metadata.create_all(connection)
        connection.execute(insert(TABLE), [{"t": t, "n": n} for t, n in rows])
        assert [tuple(row) for row in fetch(connection, ROWS)] == rows[::-1]
    engine.dispose()


async def test_who_no_longer_waits_is_not_held_by_an_answer_that_comes_in_that_moment(rooms: Rooms) -> None:
    answer = threading.Event()
    reading = asyncio.create_task(rooms.database.read(lambda _: answer.wait(3)))
    await asyncio.sleep(0.1)
    answer.set()
    time.sleep(0.3)  # noqa: ASYNC251 - the answer is there, and the loop has not seen it
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
