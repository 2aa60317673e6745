"""Who sees what every transaction does: the audit log, and the webhooks. Put together for a server."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog

from roost import __version__, adapters, metrics
from roost.audit.act import OPERATOR, Act, record
from roost.audit.ledger import Ledger
from roost.audit.retention import keep
from roost.config import Config
from roost.db.database import CommitFigures, Database
from roost.hooks.events import Hooks
from roost.journal import reading
from roost.push.webhook_outbox import BACKLOG, KEPT, PRUNE

COUNT_EVERY = 5.0
"""Seconds between two counts of the events that wait, for the metrics."""
HOUSEKEEPING = 600.0
"""Seconds between two looks at what can go from the events that were given up."""

logger = structlog.get_logger()


class Witnesses:
    """The audit log and the webhooks of a server. `clock` gives milliseconds."""

    def __init__(self, config: Config, clock: Callable[[], int]) -> None:
        self.ledger = Ledger(config.audit, clock)
        self.hooks = Hooks(config.webhooks, clock)
        self._webhooks = config.webhooks
        self._clock = clock

    @property
    def options(self) -> dict[str, Any]:
        """The execution options of the writer's connection, by which changes find them."""
        return {**self.ledger.options, **self.hooks.options}

    @contextlib.asynccontextmanager
    async def at_work(self, database: Database) -> AsyncIterator[None]:
        """Sends events and keeps house until the block ends. The audit log says that the server was started."""
        started = Act("server.started", OPERATOR, details={"version": __version__})
        await database.write(lambda tx: record(tx, started))
        work = [asyncio.create_task(keep(database, self.ledger, self._clock))]
        if self._webhooks.endpoints:
            receivers = adapters.webhooks(self._webhooks, database, await database.read(reading.epoch), self._clock)
            measure = database.committed

            def committed(figures: CommitFigures) -> None:
                measure(figures)
                for receiver in receivers:
                    receiver.wake()

            database.committed = committed
            work += [asyncio.create_task(receiver.run()) for receiver in receivers]
            work += [asyncio.create_task(_count(database)), asyncio.create_task(_forget(database, self._clock))]
        try:
            yield
        finally:
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def _count(database: Database) -> None:
    """Keeps the gauge of the events that wait; no number where they can't be counted."""
    while True:
        try:
            rows = await database.read(lambda connection: connection.execute(BACKLOG).all())
            metrics.WEBHOOK_BACKLOG.set(sum(count for _, count in rows))
        except Exception:  # noqa: BLE001 - who sends meets the same, and says so
            metrics.WEBHOOK_BACKLOG.set(math.nan)
        await asyncio.sleep(COUNT_EVERY)


async def _forget(database: Database, clock: Callable[[], int]) -> None:
    """Removes events that were given up long ago."""
    while True:
        try:
            before = {"before": clock() - KEPT}
            while await database.write(lambda tx: tx.execute(PRUNE, before).rowcount):  # noqa: B023 - used at once
                pass
        except Exception as error:  # noqa: BLE001 - the next time
            logger.warning("events that were given up are not removed", reason=repr(error))
        await asyncio.sleep(HOUSEKEEPING)
