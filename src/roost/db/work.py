"""Work for the writer: what is done together, and what those are told who wait for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from roost.db.engine import Engine
from roost.errors import RoostError, Unavailable

logger = structlog.get_logger()


class Run(Protocol):
    """What is done with all that waits for it: one result (or exception) for each item, in order."""

    def __call__(self, connection: Connection, items: list[Any], /) -> list[Any]:
        """Runs in a transaction of the writer."""

    def one_step(self, items: list[Any], /) -> bool:
        """Whether these items are a single write statement, which needs no transaction around it."""


Done = Callable[[Any], None]
Groups = Sequence[tuple[Run, list[Any]]]


class Work(NamedTuple):
    """A piece of work: `run` is given `item`, and what comes of it to `done`."""

    run: Run
    item: Any
    done: Done


class CommitFigures(NamedTuple):
    """One commit, for the metrics: pieces of work, seconds."""

    size: int
    seconds: float


class Batch:
    """Work that is done together. Whoever waits for it is told once: what came of it, or that it hangs."""

    def __init__(self, works: list[Work]) -> None:
        self.works = works
        self.figures: CommitFigures | None = None
        """Of the last commit of it."""
        self.told = False

    def tell(self, results: Sequence[Any]) -> None:
        """Tells everyone, on the event loop."""
        if self.told:
            logger.warning("a batch ended after it was given up", size=len(self.works))
            return
        self.told = True
        for work, result in zip(self.works, results, strict=True):
            try:
                work.done(result)
            except Exception:
                logger.exception("a committed result could not be told")

    def refuse(self, error: Exception) -> None:
        """Tells everyone that it was not done, or that nobody knows."""
        self.tell([error] * len(self.works))


class Listener(Protocol):
    """Who wants to know what becomes of transactions; see `roost.db.database.Database`."""

    committed: Callable[[CommitFigures], None]
    rolled_back: Callable[[], None]


class Alone:
    """Runs single changes, each in a savepoint: one that fails takes only itself back."""

    def __init__(self, engine: Engine, listener: Listener) -> None:
        self._engine = engine
        self._listener = listener

    def __call__(self, connection: Connection, changes: list[Callable[[Connection], Any]]) -> list[Any]:
        """What each of the changes returned, or why it was refused."""
        return [self._attempt(connection, change) for change in changes]

    def one_step(self, _: list[Any]) -> bool:
        """A savepoint needs a transaction around it."""
        return False

    def _attempt(self, connection: Connection, change: Callable[[Connection], Any], *, again: bool = False) -> Any:
        savepoint = connection.begin_nested()
        try:
            result = change(connection)
        except Exception as error:
            if self._engine.lost(error) or self._engine.may_run_again(error):
                raise  # the whole transaction is gone
            savepoint.rollback()
            self._listener.rolled_back()
            if not again and self._engine.came_between(error):
                return self._attempt(connection, change, again=True)
            return refusal(error)
        savepoint.commit()
        return result


class Uncertain(Unavailable):
    """The connection broke during the commit, or hangs: run again, what is done might be done twice."""

    def __init__(self) -> None:
        super().__init__("The database was lost while it stored this; it may be there.", retry_after=1)


def unreached() -> Unavailable:
    """The database did not answer, before the commit."""
    return Unavailable("The database does not answer; nothing was changed.", retry_after=1)


def refusal(error: Exception) -> Exception:
    """What those are told whose work ended in `error`."""
    if isinstance(error, RoostError):
        return error
    logger.error("a write failed", exc_info=error)
    if isinstance(error, OperationalError | sqlite3.OperationalError):  # the disk is full, a lock is held
        return Unavailable("The database can't store this now; nothing was changed.", retry_after=1)
    return error
