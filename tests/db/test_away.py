"""A database server that is away: who waits is told so whatever hangs, and all goes on when it is back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scripts.servers.process import ServerProcess
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from roost.db import watchdog
from roost.db.database import Database
from roost.db.mysql import open_mysql
from roost.db.postgresql import open_postgresql
from roost.db.server import DatabaseServer
from roost.db.sqlite import SQLiteFile
from roost.errors import Unavailable
from tests.chaos.proxy import Proxy, Way
from tests.db import notes as file
from tests.rooms import held
from tests.servers import mariadb, postgresql

LONG = 30
"""Seconds for what takes five."""


class Server(NamedTuple):
    """A server of one's own: what is done to it is done to nobody else."""

    process: ServerProcess
    open: Callable[[str], DatabaseServer]
    url: str

    def at(self, proxy: Proxy) -> str:
        return self.url.replace(f":{self.process.port}/", f":{proxy.url.rpartition(':')[2]}/")


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "postgresql":
        for one in postgresql.started():
            yield Server(one, open_postgresql, one.url())
    else:
        for other in mariadb.started():
            yield Server(other, open_mysql, other.url())


def prepare(connection: Connection) -> None:
    for statement in (
        "DROP TABLE IF EXISTS notes",
        "CREATE TABLE notes (text VARCHAR(50))",
        "INSERT INTO notes VALUES ('first')",
    ):
        connection.exec_driver_sql(statement)
    connection.commit()


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    async with Proxy(server.process.port) as proxy:
        yield proxy


@pytest.fixture
async def database(server: Server, proxy: Proxy) -> AsyncIterator[Database]:
    """Reached through the proxy."""
    opened = Database(server.open(server.at(proxy)), prepare=prepare)
    await opened.ready()
    yield opened
    proxy.heal()
    await opened.close()


def note(text: str) -> Callable[[Connection], Any]:
    return lambda tx: tx.exec_driver_sql("INSERT INTO notes VALUES (%s)", (text,)) and None


def notes(connection: Connection) -> list[str]:
    return sorted(connection.exec_driver_sql("SELECT text FROM notes").scalars())


async def outcome(work: Any) -> Any:
    """What comes of it; an error as a value."""
    async with asyncio.timeout(LONG):
        return (await asyncio.gather(work, return_exceptions=True))[0]


async def eventually(work: Callable[[], Any]) -> Any:
    """The result of what is tried until it is taken."""
    async with asyncio.timeout(LONG):
        while isinstance(found := await outcome(work()), Unavailable):  # noqa: ASYNC110 - nothing tells that it is back
            await asyncio.sleep(0.05)
    if isinstance(found, Exception):
        raise found
    return found


async def all_are_refused(database: Database) -> None:
    """Ten at once, and ten more later: writing and reading. Of what hung, nobody knows what became (`Uncertain`)."""
    for _ in range(2):
        found = await asyncio.gather(
            *(outcome(database.write(note("no"))) for _ in range(5)), *(outcome(database.read(notes)) for _ in range(5))
        )
        assert [one for one in found if not isinstance(one, Unavailable)] == []


async def test_nobody_waits_for_a_server_that_is_frozen(server: Server, database: Database) -> None:
    assert await database.read(notes) == ["first"]
    with server.process.frozen():
        await all_are_refused(database)
    await eventually(lambda: database.write(note("after")))
    assert await eventually(lambda: database.read(notes)) == ["after", "first"]


async def test_nobody_waits_for_a_network_that_swallows_everything(database: Database, proxy: Proxy) -> None:
    assert await database.read(notes) == ["first"]
    proxy.stall(*Way)
    proxy.delay(LONG)
    await all_are_refused(database)
    proxy.heal()
    await eventually(lambda: database.write(note("after")))
    assert await eventually(lambda: database.read(notes)) == ["after", "first"]


async def test_connections_on_which_nothing_comes_any_more_are_replaced(database: Database, proxy: Proxy) -> None:
    assert await database.read(notes) == ["first"]
    proxy.stall(*Way)  # and new ones work
    assert isinstance(await outcome(database.write(note("no"))), Unavailable)
    await eventually(lambda: database.write(note("after")))
    for _ in range(5):
        assert await eventually(lambda: database.read(notes)) == ["after", "first"]


async def test_nobody_waits_for_a_server_that_was_killed(server: Server, database: Database) -> None:
    assert await database.read(notes) == ["first"]
    server.process.kill()
    await all_are_refused(database)
    await asyncio.to_thread(server.process.start)
    await eventually(lambda: database.write(note("after")))
    assert await eventually(lambda: database.read(notes)) == ["after", "first"]


async def test_a_server_that_was_restarted_while_nothing_was_asked_is_not_noticed(
    server: Server, database: Database
) -> None:
    assert await database.read(notes) == ["first"]
    server.process.kill()
    await asyncio.to_thread(server.process.start)
    await database.write(note("after"))
    assert await database.read(notes) == ["after", "first"]


async def test_what_waits_is_refused_with_what_found_the_server_away(database: Database, proxy: Proxy) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        assert gate.wait(LONG)

    waiting = [asyncio.ensure_future(outcome(database.write(hold)))]
    await asyncio.to_thread(begun.wait, LONG)
    waiting += [asyncio.ensure_future(outcome(database.write(note(str(number))))) for number in range(5)]
    await asyncio.sleep(0)
    proxy.refuse()
    proxy.cut()
    gate.set()
    assert [type(one) for one in await asyncio.gather(*waiting)] == [Unavailable] * 6


async def test_a_commit_of_which_the_answer_is_lost_has_no_receipt_and_is_done_once(
    database: Database, proxy: Proxy
) -> None:
    loop = asyncio.get_running_loop()
    told: list[Any] = []

    def change(tx: Connection) -> None:
        @event.listens_for(tx, "commit", once=True)
        def cut_the_answer(_: Connection) -> None:
            ready = threading.Event()
            loop.call_soon_threadsafe(lambda: (proxy.cut_after(Way.DOWN, 1), ready.set()))
            assert ready.wait(LONG)

        note("perhaps")(tx)

    assert isinstance(await outcome(database.write(change, told.append)), Unavailable)
    assert told == []
    await eventually(lambda: database.write(note("after")))
    assert await eventually(lambda: database.read(notes)) == ["after", "first", "perhaps"]


async def test_a_node_that_froze_with_rows_locked_is_not_waited_for(server: Server, database: Database) -> None:
    locks = "SELECT text FROM notes WHERE text = 'first' FOR UPDATE"
    engine = server.open(server.url)
    frozen = engine.prepared(engine.writer())
    engine.begin(frozen)
    frozen.exec_driver_sql(locks)

    def change(tx: Connection) -> None:
        tx.exec_driver_sql(locks)
        note("after")(tx)

    await eventually(lambda: database.write(change))
    with pytest.raises(DBAPIError) as broken:
        frozen.exec_driver_sql("SELECT 1")
    assert engine.lost(broken.value)
    engine.renew(frozen)
    engine.dispose()


class Hanging(SQLiteFile):
    """An engine of which a thread does not come back though its connection was broken: a name server holds it."""

    limit = 0.1

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.was_idle = threading.Event()

    def idle(self, connection: Connection) -> None:
        super().idle(connection)
        self.was_idle.set()

    def begin(self, connection: Connection) -> None:
        assert self.goes_on.wait(LONG)
        super().begin(connection)

    begin_reading = begin


async def test_nobody_waits_for_a_thread_that_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "STUCK_AFTER", 0.1)
    engine = Hanging(tmp_path / "notes.db")
    database = Database(engine, prepare=file.prepare)
    await database.ready()
    engine.goes_on.clear()
    told: list[str] = []
    hangs = asyncio.ensure_future(outcome(database.write(file.note("perhaps"), told.append)))
    await asyncio.sleep(0.05)
    assert isinstance(await outcome(database.write(file.note("no"))), Unavailable)
    assert isinstance(await hangs, Unavailable)
    assert isinstance(await outcome(database.read(file.notes)), Unavailable)
    engine.goes_on.set()
    await eventually(lambda: database.write(file.note("after")))
    assert await eventually(lambda: database.read(file.notes)) == ["perhaps", "after"]
    assert told == []
    await database.close()


async def test_a_thread_that_comes_back_as_it_is_given_up_goes_on(tmp_path: Path) -> None:
    engine = Hanging(tmp_path / "notes.db")
    database = Database(engine, prepare=file.prepare)
    await database.ready()
    await asyncio.to_thread(engine.was_idle.wait, LONG)
    database._stuck(database._writer.thread.ident or 0)
    await eventually(lambda: database.write(file.note("after")))
    await database.close()


class Slow(file.Notes):
    """Work of which much at once takes too long."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def __call__(self, connection: Connection, items: list[str]) -> list[Any]:
        self.begun.set()
        if len(items) > 10:
            time.sleep(1.1)
        return super().__call__(connection, items)


async def test_after_a_batch_that_nearly_took_too_long_there_are_smaller_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Hanging(tmp_path / "notes.db")
    monkeypatch.setattr(engine, "limit", 2)
    database = Database(engine, prepare=file.prepare)
    await database.ready()
    slow = Slow()
    async with held(database):
        waiting = [file.submit(database, slow, str(number)) for number in range(40)]
    await asyncio.to_thread(slow.begun.wait, LONG)
    waiting += [file.submit(database, slow, str(number)) for number in range(40, 80)]
    assert await asyncio.gather(*waiting) == [str(number) for number in range(80)]
    assert [len(batch) for batch in slow.batches][:2] == [40, 10]
    await database.close()
