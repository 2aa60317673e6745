"""Access to the database: one writer with group commit, a few readers.

**Writing.** `write` and `submit` hand work to one thread. It takes everything that waits, runs it in one
transaction, commits once (one fsync) and only then reports each result, in commit order, on the event loop.
Under load batches grow by themselves; alone, a piece of work waits for nobody. Work handed in with the same
`run` function, one after the other, is run as one batch: that is how a thousand messages become a few
statements. A single change that fails takes only itself back (a savepoint); a batch that fails is taken back with
its transaction, and what else was in that is run again. What has been reported is on disk.

**Reading.** `read` runs in one of a few threads on a connection that cannot write.

**Threads and the GIL.** sqlite3 lets go of the GIL around every step of a statement, and getting it back while
the event loop is busy can take milliseconds. So a statement on a hot path is one step, whatever the number of rows:
it gives them as one JSON value, and takes them as one or, where they are many, as the rows of one VALUES. A batch that
is a single write is a transaction by itself (`one_step`): no step for BEGIN and COMMIT.

**Other writers.** On a database server several nodes write at once. A transaction that was taken back for another's
sake (a deadlock) is run again, and so is one whose connection broke before the commit. Where it broke during the
commit nobody knows what became of it: that is `Unavailable`, and who sends again with the same id finds out. So work
may be run more than once, and must only touch its connection.

**A database that is away.** Whatever it is that hangs, who waits is told `Unavailable` within five seconds. A
transaction or reading on a server may take `Engine.limit`; `roost.db.watchdog` breaks its connection then. Who found
the database lost is refused together with all that waited meanwhile, and from then on everything is refused at once,
while the writer's thread tries again and again. When it gets an answer, all goes on; there is nothing to restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection

from roost.db.engine import Engine
from roost.db.readers import Readers
from roost.db.watchdog import Watchdog
from roost.db.work import CommitFigures, Done, Run, Work
from roost.db.writer import Writer
from roost.errors import Unavailable

__all__ = ["CommitFigures", "Database", "Done", "Engine", "Run"]

T = TypeVar("T")

MAX_WAITING = 20_000
"""Pieces of work waiting; beyond it new work is refused as `Unavailable` instead of filling the memory."""


class Database:
    """The database of one node. Made on the event loop it reports to; `close` ends its threads."""

    def __init__(
        self,
        engine: Engine,
        *,
        prepare: Callable[[Connection], Any],
        readers: int = 2,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """`prepare` runs first, on the writer's connection: the schema, and what must be there.

        `options`: execution options of that connection, for what changes are to find in their transaction.
        """
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self.committed: Callable[[CommitFigures], None] = lambda _: None
        """Called on the event loop after each commit, before its results are told."""
        self.rolled_back: Callable[[], None] = lambda: None
        """Called in the writer's thread when a transaction, or a change in it, was taken back."""
        self._watchdog = Watchdog(engine, self._stuck)
        self._writer = Writer(engine, prepare, self._watchdog, self, options or {})
        self._waiting = self._writer.waiting
        self._readers = Readers(engine, readers, self._watchdog, lambda: self._writer.away, self._writer.look)
        self._writer.thread.start()

    async def ready(self) -> None:
        """Waits until `prepare` is done. Raises what it raised."""
        try:
            await self._writer.prepared
        except BaseException:
            self._watchdog.close()
            self._writer.thread.join()
            self._engine.dispose()
            raise

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for the writer."""
        return self._waiting.qsize()

    def submit(self, run: Run, item: Any, done: Done) -> None:
        """Has `run(connection, [item, ...])` done in the next transaction; `done(result or exception)` follows.

        `run` gets every waiting item of its own that stands together, and returns one result for each, in
        order; a result may be an exception. `done` is called on the event loop after the commit. Raises
        `Unavailable` at once where too much waits, or the database is away.
        """
        if self._closed or self._writer.away or self._waiting.qsize() >= MAX_WAITING:
            raise Unavailable(retry_after=1)
        self._waiting.put(Work(run, item, done))

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

        self.submit(self._writer.alone, change, done)
        return await future

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs `query` on a read-only connection in a reader thread; it sees everything reported so far."""
        if self._closed or self._writer.away:
            raise Unavailable(retry_after=1)
        return await self._readers.read(query)

    def _stuck(self, thread: int) -> None:
        if thread == self._writer.thread.ident:  # who waits for a reader has a limit of his own
            self._writer.give_up()

    async def close(self) -> None:
        """Commits what waits, then ends the threads."""
        self._closed = True
        self._writer.close()
        await self._loop.run_in_executor(None, self._writer.thread.join)
        await self._loop.run_in_executor(None, self._readers.close)
        self._watchdog.close()
        self._engine.dispose()
