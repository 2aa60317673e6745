"""Access to the database: one writer with group commit, a few readers.

**Writing.** `write` and `submit` hand work to one thread. It takes everything that waits, runs it in one
transaction, commits once (one fsync) and only then reports each result, in commit order, on the event loop.
Under load batches grow by themselves; alone, a piece of work waits for nobody. Work handed in with the same
`run` function, one after the other, is run as one batch: that is how a thousand messages become a few
statements. A single change that fails takes only itself back (a savepoint); a batch that fails is taken back with
its transaction, and what else was in that is run again. What has been reported is on disk.

**Reading.** `read` runs in one of a few threads on a connection that cannot write.

**Threads and the GIL.** sqlite3 lets go of the GIL around every step of a statement, and getting it back while
the event loop is busy can take milliseconds. So statements on a hot path take their rows as one JSON parameter
and give their rows as one JSON value: one step, whatever the number of rows. A batch that is a single write is a
transaction by itself (`one_step`): no step for BEGIN and COMMIT.

**Other writers.** On a database server several nodes write at once. A transaction that was taken back for another's
sake (a deadlock) is run again, and so is one whose connection broke before the commit. Where it broke during the
commit nobody knows what became of it: that is `Unavailable`, and who sends again with the same id finds out. So work
may be run more than once, and must only touch its connection.
"""

from __future__ import annotations

import asyncio
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from roost.errors import RoostError, Unavailable

logger = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH = 1024
"""Pieces of work in one transaction: bounds how long the first of them waits for the last."""
MAX_WAITING = 20_000
"""Pieces of work waiting; beyond it new work is refused as `Unavailable` instead of filling the memory."""

RUNS = 10
"""How often a transaction is run that is taken back for the sake of others."""
STEP_BACK = 0.01
"""Seconds that it lets the others pass, at most, after the first time; twice as long after the second."""

IDLE_AFTER = 0.2
"""Seconds without work after which the writer keeps house."""


class Run(Protocol):
    """What is done with all that waits for it: one result (or exception) for each item, in order."""

    def __call__(self, connection: Connection, items: list[Any], /) -> list[Any]:
        """Runs in a transaction of the writer."""

    def one_step(self, items: list[Any], /) -> bool:
        """Whether these items are a single write statement, which needs no transaction around it."""


Done = Callable[[Any], None]


class Engine(Protocol):
    """A kind of database, as this module needs it; see `roost.db.sqlite`."""

    def writer(self) -> Connection:
        """The connection of the writer thread. Called once, in that thread."""

    def reader(self) -> Connection:
        """A connection that cannot write. Called once in each reader thread."""

    def begin(self, connection: Connection) -> None:
        """Opens a transaction that may write."""

    def commit(self, connection: Connection) -> None:
        """Makes it durable."""

    def rollback(self, connection: Connection) -> None:
        """Takes it back."""

    def begin_reading(self, connection: Connection) -> None:
        """Opens a transaction in which every statement sees the same state."""

    def idle(self, connection: Connection) -> None:
        """Called on the writer when nothing waits: the time for housekeeping such as a checkpoint."""

    def may_run_again(self, error: Exception) -> bool:
        """Whether the transaction was taken back for the sake of another: run again, it may well succeed."""

    def came_between(self, error: Exception) -> bool:
        """Whether another writer has meanwhile made what a change did not find, and so tried to make."""

    def lost(self, error: Exception) -> bool:
        """Whether the database could not be reached, or the connection broke."""

    def dispose(self) -> None:
        """Closes what is left open."""


class _Work(NamedTuple):
    run: Run
    item: Any
    done: Done


class CommitFigures(NamedTuple):
    """One commit, for the metrics: pieces of work, seconds."""

    size: int
    seconds: float


class Database:
    """The database of one node. Made on the event loop it reports to; `close` ends its threads."""

    def __init__(self, engine: Engine, *, prepare: Callable[[Connection], Any], readers: int = 2) -> None:
        """`prepare` runs first, on the writer's connection: the schema, and what must be there."""
        self._engine = engine
        self._prepare = prepare
        self._loop = asyncio.get_running_loop()
        self._prepared: asyncio.Future[None] = self._loop.create_future()
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(readers, "roost-reader")
        self._reader = threading.local()
        self._alone = _Alone(self, engine)
        self._closed = False
        self._figures = CommitFigures(0, 0.0)
        self.committed: Callable[[CommitFigures], None] = lambda _: None
        """Called on the event loop after each commit, before its results are told."""
        self.rolled_back: Callable[[], None] = lambda: None
        """Called in the writer's thread when a transaction, or a change in it, was taken back."""
        self._thread = threading.Thread(target=self._write_forever, name="roost-writer", daemon=True)
        self._thread.start()

    async def ready(self) -> None:
        """Waits until `prepare` is done. Raises what it raised."""
        try:
            await self._prepared
        except BaseException:
            self._thread.join()
            self._engine.dispose()
            raise

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for the writer."""
        return self._waiting.qsize()

    def submit(self, run: Run, item: Any, done: Done) -> None:
        """Has `run(connection, [item, ...])` done in the next transaction; `done(result or exception)` follows.

        `run` gets every waiting item of its own that stands together, and returns one result for each, in
        order; a result may be an exception. `done` is called on the event loop after the commit.
        """
        if self._closed or self._waiting.qsize() >= MAX_WAITING:
            raise Unavailable(retry_after=1)
        self._waiting.put(_Work(run, item, done))

    async def write(self, change: Callable[[Connection], T], committed: Callable[[T], None] | None = None) -> T:
        """Runs `change` in a transaction and returns its result once that is on disk.

        `committed(result)` is called first, in commit order with all other work: the place to tell readers.
        """
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: T | Exception) -> None:
            if isinstance(result, Exception):
                if not future.done():
                    future.set_exception(result)
                return
            if not future.done():
                future.set_result(result)  # who waits goes on after this callback, and so after `committed`
            if committed is not None:
                committed(result)

        self.submit(self._alone, change, done)
        return await future

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs `query` on a read-only connection in a reader thread; it sees everything reported so far."""
        if self._closed:
            raise Unavailable
        return await self._loop.run_in_executor(self._readers, self._run_reader, query)

    def _run_reader(self, query: Callable[[Connection], T]) -> T:
        try:
            return self._read(query)
        except Exception as error:
            if not self._engine.lost(error):
                raise
        try:  # the connection may have broken long ago
            return self._read(query)
        except Exception as error:  # noqa: BLE001 - told to the one who asked
            raise (_refusal(error) if self._engine.lost(error) else error) from None

    def _read(self, query: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._reader, "connection", None)
        if connection is None:
            connection = self._reader.connection = self._engine.reader()
        self._engine.begin_reading(connection)
        try:
            return query(connection)
        finally:
            self._engine.rollback(connection)

    def _write_forever(self) -> None:
        connection: Connection | None = None
        try:
            connection = self._engine.writer()
            self._prepare(connection)
            self._engine.rollback(connection)  # it commits what it changes; what it has read began a transaction
        except Exception as error:  # noqa: BLE001 - raised where ready() is awaited
            self._loop.call_soon_threadsafe(self._prepared.set_exception, error)
            if connection is not None:
                connection.close()
            return
        self._loop.call_soon_threadsafe(self._prepared.set_result, None)
        while True:
            try:
                first = self._waiting.get(timeout=IDLE_AFTER)
            except queue.Empty:
                self._keep_house(connection)
                first = self._waiting.get()
            batch, ended = self._take(first)
            if batch:
                self._report(batch, self._commit(connection, batch))
            if ended:
                self._keep_house(connection)
                connection.close()
                return

    def _keep_house(self, connection: Connection) -> None:
        try:
            self._engine.idle(connection)
        except Exception:
            logger.exception("housekeeping failed")
            self._engine.rollback(connection)

    def _take(self, first: _Work | None) -> tuple[list[_Work], bool]:
        batch: list[_Work] = []
        work = first
        while work is not None:
            batch.append(work)
            if len(batch) >= MAX_BATCH:
                return batch, False
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, connection: Connection, batch: list[_Work]) -> list[Any]:
        groups = [(run, [work.item for work in works]) for run, works in groupby(batch, attrgetter("run"))]
        try:
            return self._transact(connection, groups)
        except Exception as error:  # noqa: BLE001 - told to those who asked
            if len(groups) == 1 or isinstance(error, _Uncertain):
                return [_refusal(error)] * len(batch)
        # One of several failed, and took the others back with it: each has its own transaction now.
        return [result for run, items in groups for result in self._commit_alone(connection, run, items)]

    def _commit_alone(self, connection: Connection, run: Run, items: list[Any]) -> list[Any]:
        try:
            return self._transact(connection, [(run, items)])
        except Exception as error:  # noqa: BLE001 - told to those who asked
            return [_refusal(error)] * len(items)

    def _transact(self, connection: Connection, groups: list[tuple[Run, list[Any]]]) -> list[Any]:
        for run in range(1, RUNS):
            try:
                return self._run_once(connection, groups)
            except Exception as error:
                broken = self._engine.lost(error) and run == 1
                if not broken and not self._engine.may_run_again(error):
                    raise
                time.sleep(random.uniform(0, STEP_BACK * 2**run))  # noqa: S311 - out of step with the others
        return self._run_once(connection, groups)

    def _run_once(self, connection: Connection, groups: list[tuple[Run, list[Any]]]) -> list[Any]:
        started = time.perf_counter()
        results: list[Any] = []
        one_step = len(groups) == 1 and groups[0][0].one_step(groups[0][1])
        if not one_step:
            self._engine.begin(connection)
        try:
            for run, items in groups:
                results += run(connection, items)
            if not one_step:
                self._commit_once(connection)
        except BaseException:
            self._engine.rollback(connection)
            self.rolled_back()
            raise
        self._figures = CommitFigures(len(results), time.perf_counter() - started)
        return results

    def _commit_once(self, connection: Connection) -> None:
        try:
            self._engine.commit(connection)
        except Exception as error:
            if self._engine.lost(error):
                raise _Uncertain("The database was lost while it stored this; it may be there.") from error
            raise

    def _report(self, batch: list[_Work], results: list[Any]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._tell, [work.done for work in batch], results, self._figures)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            logger.warning("results without a reader", size=len(batch))

    def _tell(self, dones: list[Done], results: list[Any], figures: CommitFigures) -> None:
        self.committed(figures)
        for done, result in zip(dones, results, strict=True):
            try:
                done(result)
            except Exception:
                logger.exception("a committed result could not be told")

    async def close(self) -> None:
        """Commits what waits, then ends the threads."""
        self._closed = True
        self._waiting.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._readers.shutdown()
        self._engine.dispose()


class _Uncertain(Unavailable):
    """The connection broke during the commit: run again, what is done might be done twice."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=1)


class _Alone:
    """Runs single changes, each in a savepoint: one that fails takes only itself back."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    def __call__(self, connection: Connection, changes: list[Callable[[Connection], Any]]) -> list[Any]:
        return [self._attempt(connection, change) for change in changes]

    def one_step(self, _: list[Any]) -> bool:
        return False

    def _attempt(self, connection: Connection, change: Callable[[Connection], Any], *, again: bool = False) -> Any:
        savepoint = connection.begin_nested()
        try:
            result = change(connection)
        except Exception as error:
            if self._engine.lost(error) or self._engine.may_run_again(error):
                raise  # the whole transaction is gone
            savepoint.rollback()
            self._database.rolled_back()
            if not again and self._engine.came_between(error):
                return self._attempt(connection, change, again=True)
            return _refusal(error)
        savepoint.commit()
        return result


def _refusal(error: Exception) -> Exception:
    if isinstance(error, RoostError):
        return error
    logger.error("a write failed", exc_info=error)
    if isinstance(error, OperationalError | sqlite3.OperationalError):  # the disk is full, the database is away
        return Unavailable("The database can't store this now; nothing was changed.", retry_after=1)
    return error
