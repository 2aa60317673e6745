"""The one thread that writes: batches, transactions, what fails with whom, and a database that is away.

See `roost.db.database` for what it promises.
"""

from __future__ import annotations

import asyncio
import math
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy import Connection

from roost.db.engine import Engine
from roost.db.watchdog import Watchdog
from roost.db.work import Alone, Batch, CommitFigures, Groups, Listener, Run, Uncertain, Work, refusal, unreached

logger = structlog.get_logger()

MAX_BATCH = 1024
"""Pieces of work in one transaction: bounds how long the first of them waits for the last."""
RUNS = 10
"""How often a transaction is run that is taken back for the sake of others."""
STEP_BACK = 0.01
"""Seconds that it lets the others pass, at most, after the first time; twice as long after the second."""

IDLE_AFTER = 0.2
"""Seconds without work after which the writer keeps house."""

PATIENCE = 4.5
"""Seconds until one who waits is refused, counted from when the batch before was begun: less than five."""
TRY_AGAIN = 0.25
"""Seconds until a database that is away is tried again."""


class Writer:
    """The thread. Made on the event loop it reports to; `close` ends it."""

    def __init__(
        self,
        engine: Engine,
        prepare: Callable[[Connection], Any],
        watchdog: Watchdog,
        listener: Listener,
        options: Mapping[str, Any],
    ) -> None:
        self._engine = engine
        self._prepare = prepare
        self._watchdog = watchdog
        self._listener = listener
        self._options = options
        self._limit, self._patience = (math.inf, math.inf) if engine.limit is None else (engine.limit, PATIENCE)
        self._loop = asyncio.get_running_loop()
        self.prepared: asyncio.Future[None] = self._loop.create_future()
        self.waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.alone = Alone(engine, listener)
        self.away = False
        """Whether the database is known to be away: nobody has to wait to be told so."""
        self._batch = Batch([])
        self._most = MAX_BATCH
        """Pieces of work that the next batch may have: fewer after one that nearly took too long."""
        self._since = self._until = math.inf
        """What waits came after the first; what is done has to be done by the second (time.monotonic)."""
        self.thread = threading.Thread(target=self._write_forever, name="roost-writer", daemon=True)

    def look(self) -> None:
        """Has the writer find out whether the database is away: a reader has not found it."""
        self.waiting.put(Work(self.alone, _look, lambda _: None))

    def give_up(self) -> None:
        """What is being done hangs: everyone who waits is told so. Called on the event loop."""
        if not self.away:
            self._lose(TimeoutError("its thread does not come back"))
        if not self._batch.told:
            self._batch.refuse(Uncertain())
        self._refuse_waiting()
        self.look()  # by now the thread may have come back, and wait for work

    def close(self) -> None:
        """What waits is the last that is done."""
        self.waiting.put(None)

    # --- the thread ---

    def _write_forever(self) -> None:
        connection: Connection | None = None
        try:
            connection = self._engine.writer()
            self._prepare(connection)
            connection = self._engine.prepared(connection).execution_options(**self._options)
        except Exception as error:  # noqa: BLE001 - raised where ready() is awaited
            self._loop.call_soon_threadsafe(self.prepared.set_exception, error)
            if connection is not None:
                connection.close()
            return
        self._loop.call_soon_threadsafe(self.prepared.set_result, None)
        self._since = time.monotonic()
        ended = False
        while not ended:
            works, ended = self._take(self._next(connection))
            if works:
                self._do(connection, works)
            if self.away:
                ended = self._come_back(connection) or ended
        self._keep_house(connection)
        connection.close()

    def _next(self, connection: Connection) -> Work | None:
        """The next piece of work; None if there is to be no more."""
        waited = self.waiting.empty()
        try:
            first = self.waiting.get(timeout=IDLE_AFTER)
        except queue.Empty:
            self._keep_house(connection)
            first, waited = self.waiting.get(), True
        if waited:
            self._since = time.monotonic()
        return first

    def _take(self, first: Work | None) -> tuple[list[Work], bool]:
        works: list[Work] = []
        work, most = first, min(self._most, MAX_BATCH)
        while work is not None:
            works.append(work)
            if len(works) >= most:
                return works, False
            try:
                work = self.waiting.get_nowait()
            except queue.Empty:
                return works, False
        return works, True

    def _do(self, connection: Connection, works: list[Work]) -> None:
        now = time.monotonic()
        self._until = min(now + self._limit, self._since + self._patience)
        self._since = now
        batch = self._batch = Batch(works)
        self._watchdog.watch(self._until)
        results = self._commit(connection, batch)
        self._watchdog.ended()
        took = time.monotonic() - now
        if took > self._limit / 2:
            self._most = max(1, len(works) // 4)
        elif took < self._limit / 8:
            self._most = min(self._most * 2, MAX_BATCH)
        self._call(self._tell, batch, results)

    def _tell(self, batch: Batch, results: list[Any]) -> None:
        if batch.figures is not None:
            self._listener.committed(batch.figures)
        batch.tell(results)

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            logger.warning("results without a reader")

    def _commit(self, connection: Connection, batch: Batch) -> list[Any]:
        groups = [(run, [work.item for work in works]) for run, works in groupby(batch.works, attrgetter("run"))]
        try:
            return self._transact(connection, batch, groups)
        except Exception as error:  # noqa: BLE001 - told to those who asked
            if len(groups) == 1 or self.away or isinstance(error, Uncertain):
                return [refusal(error)] * len(batch.works)
        # One of several failed, and took the others back with it: each has its own transaction now.
        return [result for group in groups for result in self._commit_alone(connection, batch, group)]

    def _commit_alone(self, connection: Connection, batch: Batch, group: tuple[Run, list[Any]]) -> list[Any]:
        try:
            return self._transact(connection, batch, [group])
        except Exception as error:  # noqa: BLE001 - told to those who asked
            return [refusal(error)] * len(group[1])

    def _transact(self, connection: Connection, batch: Batch, groups: Groups) -> list[Any]:
        """Commits, run again as often as that may help. Sets `away` where it was the database that failed."""
        for run in range(1, RUNS + 1):
            if self.away or time.monotonic() > self._until:
                break
            try:
                return self._run_once(connection, batch, groups)
            except Exception as error:
                if isinstance(error, Uncertain):
                    self._lose(error)
                    raise
                if self._engine.lost(error):
                    if run > 1 or time.monotonic() > self._until - self._limit / 2:
                        self._lose(error)
                        raise unreached() from error
                    self._engine.renew(connection)  # it may have broken long ago
                elif run == RUNS or not self._engine.may_run_again(error):
                    raise
            time.sleep(random.uniform(0, STEP_BACK * 2**run))  # noqa: S311 - out of step with the others
        raise unreached()

    def _run_once(self, connection: Connection, batch: Batch, groups: Groups) -> list[Any]:
        started = time.perf_counter()
        results: list[Any] = []
        one_step = len(groups) == 1 and groups[0][0].one_step(groups[0][1])
        try:
            if not one_step:
                self._engine.begin(connection)
            for run, items in groups:
                results += run(connection, items)
            if not one_step:
                self._commit_once(connection)
        except BaseException:
            self._listener.rolled_back()
            self._engine.rollback(connection)  # may fail, too
            raise
        batch.figures = CommitFigures(len(results), time.perf_counter() - started)
        return results

    def _commit_once(self, connection: Connection) -> None:
        try:
            self._engine.commit(connection)
        except Exception as error:
            if self._engine.lost(error):
                raise Uncertain from error
            raise

    def _keep_house(self, connection: Connection) -> None:
        try:
            self._engine.idle(connection)
        except Exception:
            logger.exception("housekeeping failed")
            self._engine.rollback(connection)

    # --- a database that is away ---

    def _lose(self, error: Exception) -> None:
        self.away = True
        cause = error.__cause__ or error
        logger.warning("the database is away", error=str(getattr(cause, "orig", cause)))  # without what was stored

    def _come_back(self, connection: Connection) -> bool:
        """Tries until the database answers, and refuses what waits. Returns whether no more is to be done."""
        while not self._answers(connection):
            if self._refuse_waiting():
                return True
            self._since = time.monotonic()
            time.sleep(TRY_AGAIN)
            self._until = time.monotonic() + self._limit
        self.away = False
        logger.info("the database is back")
        return False

    def _answers(self, connection: Connection) -> bool:
        if time.monotonic() > self._until:
            return False
        self._watchdog.watch(self._until)
        try:
            self._engine.renew(connection)
            self._engine.begin(connection)
            _look(connection)
            self._engine.rollback(connection)
        except Exception:  # noqa: BLE001 - what is wrong was told when it was lost
            return False
        finally:
            self._watchdog.ended()
        return True

    def _refuse_waiting(self) -> bool:
        """Returns whether no more is to be done after what was refused."""
        works: list[Work] = []
        try:
            while (work := self.waiting.get_nowait()) is not None:
                works.append(work)
        except queue.Empty:
            ended = False
        else:
            ended = True
            self.waiting.put(None)
        if works:
            self._call(Batch(works).refuse, unreached())
        return ended


def _look(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")
