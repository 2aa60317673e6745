"""One writer with group commit: order, what a failure takes with it, bounds, the end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from roost.db import database as database_module
from roost.db import writer as module
from roost.db.database import CommitFigures, Database
from roost.db.sqlite import SQLiteFile
from roost.errors import Conflict, Unavailable
from tests.db.notes import Notes, note, notes, prepare, submit, write_now
from tests.rooms import held


class Failing(SQLiteFile):
    """An engine that can fail where a real one would for want of room on the disk."""

    good_commits: int | None = None
    """Commits that work before one does not."""
    fail_idle = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.was_idle = threading.Event()

    def commit(self, connection: Connection) -> None:
        if self.good_commits == 0:
            self.good_commits = None
            raise sqlite3.OperationalError("database or disk is full")
        if self.good_commits is not None:
            self.good_commits -= 1
        super().commit(connection)

    def idle(self, connection: Connection) -> None:
        self.was_idle.set()
        if self.fail_idle:
            self.fail_idle = False
            raise sqlite3.OperationalError("disk I/O error")
        super().idle(connection)


@pytest.fixture
def engine(tmp_path: Path) -> Failing:
    return Failing(tmp_path / "notes.db")


@pytest.fixture
async def database(engine: Failing) -> AsyncIterator[Database]:
    opened = Database(engine, prepare=prepare)
    await opened.ready()
    yield opened
    if not opened._closed:
        await opened.close()


class TestOrder:
    async def test_results_come_in_the_order_in_which_work_was_handed_in(self, database: Database) -> None:
        one, other, told = Notes("a"), Notes("b"), []
        async with held(database):
            for number in range(6):
                database.submit(other if number % 3 else one, str(number), told.append)
        await database.write(lambda _: None)
        assert told == ["a0", "b1", "b2", "a3", "b4", "b5"]
        assert await database.read(notes) == told

    async def test_readers_are_told_in_commit_order_and_before_the_result(self, database: Database) -> None:
        told: list[str] = []
        async with held(database):
            first = await write_now(database, note("1"), lambda result: told.append(f"committed {result}"))
            submitted = submit(database, Notes(), "2")
            submitted.add_done_callback(lambda future: told.append(f"result {future.result()}"))
            second = await write_now(database, note("3"), lambda result: told.append(f"committed {result}"))
        first.add_done_callback(lambda task: told.append(f"result {task.result()}"))
        await asyncio.gather(first, submitted, second)
        assert told[0] == "committed 1"
        assert told.index("committed 1") < told.index("committed 3")
        assert told.index("committed 1") < told.index("result 1")

    async def test_what_was_reported_can_be_read(self, database: Database) -> None:
        for number in range(20):
            await database.write(note(str(number)))
            assert str(number) in await database.read(notes)

    async def test_what_is_not_committed_cannot_be_read(self, database: Database) -> None:
        wrote, looked = threading.Event(), threading.Event()

        def change(tx: Connection) -> None:
            note("half")(tx)
            wrote.set()
            assert looked.wait(10)

        writing = await write_now(database, change)
        await asyncio.to_thread(wrote.wait, 10)
        assert await database.read(notes) == []
        looked.set()
        await writing
        assert await database.read(notes) == ["half"]


class TestBatches:
    async def test_work_that_waits_together_is_one_transaction(self, database: Database) -> None:
        commits: list[CommitFigures] = []
        database.committed = commits.append
        async with held(database):
            waiting = [await write_now(database, note(str(number))) for number in range(5)]
            waiting += [submit(database, Notes(), "x")]
        await asyncio.gather(*waiting)
        assert [commit.size for commit in commits] == [1, 6]

    async def test_work_of_one_kind_that_stands_together_is_one_batch(self, database: Database) -> None:
        one, other = Notes("a"), Notes("b")
        async with held(database):
            waiting = [submit(database, run, str(number)) for number, run in enumerate([one, one, other, one])]
        await asyncio.gather(*waiting)
        assert one.batches == [["0", "1"], ["3"]]
        assert other.batches == [["2"]]

    async def test_a_batch_is_bounded(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_BATCH", 4)
        run = Notes()
        async with held(database):
            waiting = [submit(database, run, str(number)) for number in range(10)]
        await asyncio.gather(*waiting)
        assert [len(batch) for batch in run.batches] == [4, 4, 2]

    async def test_work_alone_waits_for_nobody(self, database: Database) -> None:
        run = Notes()
        await submit(database, run, "1")
        await submit(database, run, "2")
        assert run.batches == [["1"], ["2"]]

    async def test_a_single_statement_needs_no_transaction_and_is_committed(self, database: Database) -> None:
        run = Notes(alone=True)
        async with held(database):
            waiting = [submit(database, run, "1"), submit(database, run, "2")]
        assert await asyncio.gather(*waiting) == ["1", "2"]
        assert await database.read(notes) == ["1", "2"]


class TestFailures:
    async def test_a_change_that_fails_takes_only_itself_back(self, database: Database) -> None:
        def fail(tx: Connection) -> None:
            note("half")(tx)
            raise Conflict("no")

        async with held(database):
            before, failing = await write_now(database, note("before")), await write_now(database, fail)
            after = await write_now(database, note("after"))
        with pytest.raises(Conflict):
            await failing
        await asyncio.gather(before, after)
        assert await database.read(notes) == ["before", "after"]

    async def test_a_batch_that_fails_takes_no_other_with_it(self, database: Database) -> None:
        failing, other = Notes(), Notes("other ")
        await database.write(note("taken"))
        async with held(database):
            waiting = [
                submit(database, other, "1"),
                submit(database, failing, "new"),
                submit(database, failing, "taken"),
                await write_now(database, note("2")),
                submit(database, other, "3"),
            ]
        results = await asyncio.gather(*waiting)
        assert [isinstance(result, Exception) for result in results] == [False, True, True, False, False]
        assert await database.read(notes) == ["taken", "other 1", "2", "other 3"]

    async def test_what_is_run_again_is_told_once(self, database: Database) -> None:
        told: list[Any] = []
        await database.write(note("taken"))
        async with held(database):
            for run, item in ((Notes("a"), "1"), (Notes(), "taken"), (Notes("b"), "2")):
                database.submit(run, item, told.append)
        await database.write(lambda _: None)
        assert [told[0], type(told[1]), told[2]] == ["a1", sqlite3.IntegrityError, "b2"]
        assert len(told) == 3

    async def test_a_single_statement_that_fails_leaves_nothing(self, database: Database) -> None:
        run = Notes(alone=True)
        await database.write(note("taken"))
        async with held(database):
            waiting = [submit(database, run, "new"), submit(database, run, "taken")]
        assert all(isinstance(result, Exception) for result in await asyncio.gather(*waiting))
        assert await database.read(notes) == ["taken"]

    async def test_a_result_may_be_an_error_of_one_alone(self, database: Database) -> None:
        class Choosy(Notes):
            def __call__(self, connection: Connection, items: list[str]) -> list[Any]:
                return [Conflict() if item == "bad" else item for item in items]

        run = Choosy()
        async with held(database):
            waiting = [submit(database, run, item) for item in ("good", "bad", "fine")]
        results = await asyncio.gather(*waiting)
        assert [type(result) for result in results] == [str, Conflict, str]

    async def test_a_commit_that_fails_is_told_to_everyone_and_leaves_nothing(
        self, database: Database, engine: Failing
    ) -> None:
        run = Notes()
        async with held(database):
            waiting = [submit(database, run, "1"), submit(database, run, "2")]
            engine.good_commits = 1  # that of `held`
        assert [type(result) for result in await asyncio.gather(*waiting)] == [Unavailable] * 2
        await database.write(note("after"))
        assert await database.read(notes) == ["after"]

    async def test_it_is_known_when_something_was_taken_back(self, database: Database) -> None:
        taken_back: list[str] = []
        database.rolled_back = lambda: taken_back.append(threading.current_thread().name)
        await database.write(note("taken"))
        assert taken_back == []
        with pytest.raises(Exception, match="UNIQUE"):
            await database.write(note("taken"))
        assert taken_back == ["roost-writer"]
        await submit(database, Notes(), "taken")
        assert len(taken_back) == 2

    async def test_one_who_stopped_waiting_disturbs_nobody(self, database: Database) -> None:
        told: list[str] = []
        async with held(database):
            gone = await write_now(database, note("gone"), told.append)
            stays = await write_now(database, note("stays"))
            gone.cancel()
        assert await stays == "stays"
        assert told == ["gone"]
        assert await database.read(notes) == ["gone", "stays"]

    async def test_a_listener_that_fails_disturbs_neither_the_result_nor_the_others(self, database: Database) -> None:
        def fail(_: str) -> None:
            raise RuntimeError("a listener's fault")

        async with held(database):
            first = await write_now(database, note("1"), fail)
            second = await write_now(database, note("2"))
        assert await asyncio.wait_for(asyncio.gather(first, second), 5) == ["1", "2"]

    async def test_housekeeping_that_fails_ends_nothing(
        self, database: Database, engine: Failing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "IDLE_AFTER", 0.001)
        engine.fail_idle = True
        await database.write(note("1"))
        await asyncio.to_thread(engine.was_idle.wait, 10)
        assert await asyncio.wait_for(database.write(note("2")), 5) == "2"


class TestBounds:
    async def test_a_writer_with_too_much_waiting_refuses_and_takes_again(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database_module, "MAX_WAITING", 3)
        run = Notes()
        async with held(database):
            waiting = [submit(database, run, str(number)) for number in range(3)]
            assert database.waiting == 3
            with pytest.raises(Unavailable):
                submit(database, run, "one too many")
            with pytest.raises(Unavailable):
                await database.write(note("one too many"))
        await asyncio.gather(*waiting)
        assert await submit(database, run, "4") == "4"


class TestTheEnd:
    async def test_closing_commits_what_waits(self, database: Database, tmp_path: Path) -> None:
        async with held(database):
            waiting = [submit(database, Notes(), str(number)) for number in range(3)]
            closing = asyncio.ensure_future(database.close())
            await asyncio.sleep(0)
        await closing
        assert await asyncio.gather(*waiting) == ["0", "1", "2"]
        with sqlite3.connect(tmp_path / "notes.db") as connection:
            assert connection.execute("SELECT count(*) FROM notes").fetchone() == (3,)
        connection.close()

    async def test_a_closed_database_takes_nothing_more(self, database: Database) -> None:
        await database.close()
        with pytest.raises(Unavailable):
            await database.write(note("late"))
        with pytest.raises(Unavailable):
            await database.read(notes)

    async def test_closing_ends_the_threads(self, database: Database) -> None:
        await database.read(notes)
        await database.close()
        assert not [
            thread for thread in [database._writer.thread, *database._readers.threads._threads] if thread.is_alive()
        ]
