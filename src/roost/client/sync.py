"""Pulling the log by pages over HTTP: `start_sync`, `stop_sync`, `reset_sync` (document C).

    idle --start--> syncing --done--> completed --start--> syncing
                     |   ^
                  error  +--retry / start-- failed          stop: from anywhere back to idle

Pages are asked for after the last seq that is stored or queued, so a sync that was cut goes on where it was. While a
page is being stored the next one is on its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgspec

from roost.client.errors import (
    NetworkError,
    SyncStopped,
    is_of_authentication,
    is_of_network,
    is_of_server,
)
from roost.client.events import Event, SyncEnded, SyncProgress, SyncState
from roost.client.http import Http
from roost.client.intake import Intake
from roost.client.store.store import Store
from roost.errors import RoostError, SeqAhead, Unavailable
from roost.protocol.answers import Snapshot
from roost.protocol.frames import Page, SyncRequest

logger = logging.getLogger("roost.client.sync")


class Step(Enum):
    """What moves the state."""

    START = "start"
    DONE = "done"
    ERROR = "error"
    RETRY = "retry"
    STOP = "stop"


STATES: dict[tuple[SyncState, Step], SyncState] = {
    (SyncState.IDLE, Step.START): SyncState.SYNCING,
    (SyncState.SYNCING, Step.DONE): SyncState.COMPLETED,
    (SyncState.SYNCING, Step.ERROR): SyncState.FAILED,
    (SyncState.SYNCING, Step.STOP): SyncState.IDLE,
    (SyncState.COMPLETED, Step.START): SyncState.SYNCING,
    (SyncState.COMPLETED, Step.STOP): SyncState.IDLE,
    (SyncState.FAILED, Step.RETRY): SyncState.SYNCING,
    (SyncState.FAILED, Step.START): SyncState.SYNCING,
    (SyncState.FAILED, Step.STOP): SyncState.IDLE,
}
"""The state machine (C5). A step that is not here changes nothing: a start while syncing joins the running sync."""


class Patience(NamedTuple):
    """What is done about a kind of error: seconds to wait, tries in a row at most (None: no end)."""

    wait: float
    tries: int | None


class Rule(NamedTuple):
    """A kind of error, and the patience with it."""

    kind: str
    applies: Callable[[BaseException], bool]
    patience: Patience | None


RULES = (
    Rule("authentication", is_of_authentication, None),
    Rule("network", is_of_network, Patience(3.0, 3)),
    Rule("server", is_of_server, Patience(10.0, None)),
    Rule("other", lambda _: True, None),
)
"""C9, in the order of looking: authentication stops and tells, network waits 3 s and tries 3 times, server waits 10 s,
others are logged and stop."""


class Network(Enum):
    """The kind of network the device has, as the application knows it (C10)."""

    WIFI = "wifi"
    CELLULAR = "cellular"
    UNKNOWN = "unknown"
    DISCONNECTED = "disconnected"


BATCH = {Network.WIFI: 500, Network.CELLULAR: 200, Network.UNKNOWN: 100, Network.DISCONNECTED: 0}
"""Entries a page (C10); 0 means: don't."""
SMALLEST, LARGEST = 100, 1000
"""Bounds of the size that adapts itself."""
GOOD_BATCH = 0.5
"""Seconds that a page should take when its size adapts itself: progress is seen, and little is lost by a cut."""


class SyncMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync did (C13). Times in seconds, throughput in messages a second."""

    duration: float
    messages: int
    batches: int
    mean_batch_time: float
    throughput: float


class FollowedLog(Protocol):
    """The log that is pulled, as its follower knows it."""

    @property
    def epoch(self) -> str | None:
        """The log's epoch; None before the first page."""

    async def seen_epoch(self, epoch: str) -> None:
        """A page tells the epoch."""

    async def must_reset(self) -> None:
        """The log does not reach back so far: start from a snapshot."""

    async def tell_position(self) -> None:
        """All is stored: the server may know."""


class SyncManager:
    """One sync at a time, on demand. `tell` gets `SyncProgress` and `SyncEnded`."""

    def __init__(
        self,
        http: Http,
        store: Store,
        intake: Intake,
        log: FollowedLog,
        *,
        tell: Callable[[Event], None],
        patience: float = 1.0,
    ) -> None:
        """`patience` scales the waits, for tests."""
        self._http = http
        self._store = store
        self._intake = intake
        self._log = log
        self._tell = tell
        self._scale = patience
        self._task: asyncio.Task[SyncMetrics] | None = None
        self._stopping = False
        self._adapted = SMALLEST
        self.state = SyncState.IDLE
        self.network: Network | None = None
        """None adapts the batch size to the measured throughput."""
        self.batch_size: int | None = None
        """A fixed number of entries a page, 1-1000; None leaves it to the network."""
        self.metrics: SyncMetrics | None = None
        """What the last completed sync did."""
        self.runs = 0
        """How many syncs were really begun (C7)."""

    # --- for the application ---

    def start_sync(self) -> asyncio.Future[SyncMetrics]:
        """Begins a sync, or joins the one that runs (C7). Never waits (C12); await what it returns for the metrics.

        That raises what ended the sync. Nobody has to await it, and who gives up waiting ends nothing.
        """
        if self._task is None or self._task.done():
            self._stopping = False
            self.runs += 1
            self._move(Step.START)
            self._task = asyncio.get_running_loop().create_task(self._run(), name="roost-sync")
        end = asyncio.shield(self._task)
        end.add_done_callback(_retrieve)
        return end

    async def stop_sync(self) -> None:
        """Ends the sync that runs. What was pulled is kept."""
        task = self._task
        if task is not None and not task.done():
            self._stopping = True
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._move(Step.STOP)

    async def reset_sync(self) -> asyncio.Future[SyncMetrics]:
        """Removes what the log brought, and begins a sync of everything (C5).

        What is unsent stays, and the application is not told a second time of what it was told.
        """
        await self.stop_sync()
        await self._intake.clear()
        return self.start_sync()

    @property
    def running(self) -> bool:
        """Whether a sync runs."""
        return self._task is not None and not self._task.done()

    # --- the sync ---

    async def _run(self) -> SyncMetrics:
        began = time.monotonic()
        count = Count()
        error: RoostError | None = None
        logger.info("sync started after seq %d", self._intake.reach)
        await self._store.set_syncing(syncing=True)
        try:
            await self._pull_with_patience(count)
            if count.entries:
                await self._log.tell_position()
        except asyncio.CancelledError:
            self._move(Step.STOP)
            if not self._stopping:
                raise
            raise SyncStopped from None
        except Exception as failure:
            error = failure if isinstance(failure, RoostError) else RoostError(str(failure))
            logger.error("sync failed after %d messages: %s", count.messages, failure)  # noqa: TRY400 - raised as well
            self._move(Step.ERROR)
            raise
        else:
            self._move(Step.DONE)
            self.metrics = count.metrics(time.monotonic() - began)
            logger.info("sync completed: %s", self.metrics)
            return self.metrics
        finally:
            await asyncio.shield(self._store.set_syncing(syncing=False))
            self._tell(SyncEnded(state=self.state, error=error))

    async def _pull_with_patience(self, count: Count) -> None:
        tries, batches = 0, -1
        while True:
            try:
                await self._pull(count)
            except Exception as error:
                tries = tries + 1 if count.batches == batches else 1
                batches = count.batches
                wait = self._wait(error, tries)
                if wait is None:
                    raise
                logger.warning("sync interrupted, again in %.1f s: %s", wait, error)
                self._move(Step.ERROR)
                await asyncio.sleep(wait)
                self._move(Step.RETRY)
            else:
                return

    def _wait(self, error: Exception, tries: int) -> float | None:
        """Seconds until the next try, None where there is none."""
        rule = next(rule for rule in RULES if rule.applies(error))
        patience = rule.patience
        if patience is None or (patience.tries is not None and tries > patience.tries):
            return None
        hint = error.retry_after if isinstance(error, RoostError) else None
        return max(patience.wait * self._scale, hint or 0.0)

    async def _pull(self, count: Count) -> None:
        """Pages until there are no more; the next is asked for while one is stored."""
        if self._size() == 0:
            raise NetworkError("There is no network, as the application says.")
        page, seconds = await self._first_page()
        while True:
            if page.reset_required:
                page, seconds = await self._first_page()
            await self._log.seen_epoch(page.epoch)
            following = asyncio.create_task(self._page(page.max_seq)) if page.has_more else None
            try:
                stored = time.monotonic()
                await self._intake.take_page(page)
                count.add(page, seconds + time.monotonic() - stored)
                self._adapt(page, seconds)
                self._tell(SyncProgress(done=count.entries, total=count.total, batch=count.batches))
                logger.debug("batch %d: %d entries, %d of %d", count.batches, count.last, count.entries, count.total)
                if following is None:
                    return
                page, seconds = await following
            finally:
                if following is not None:
                    following.cancel()
                    following.add_done_callback(_retrieve)

    async def _first_page(self) -> tuple[Page, float]:
        """The page after what is stored or queued; from a snapshot on, where the log does not reach back so far."""
        for _ in range(2):
            with contextlib.suppress(SeqAhead):
                page, seconds = await self._page(self._intake.reach)
                if not page.reset_required:
                    return page, seconds
            await self._log.must_reset()
        raise Unavailable("The log can't be read even from its own snapshot.")

    async def _page(self, last_seq: int) -> tuple[Page, float]:
        began = time.monotonic()
        asked = SyncRequest(
            last_seq=last_seq, count=self._size(), timestamp=time.time_ns() // 1_000_000, epoch=self._log.epoch
        )
        return await self._http.call("POST", "/messages/sync", Page, body=asked), time.monotonic() - began

    # --- the batch size ---

    def _size(self) -> int:
        if self.batch_size is not None:
            return self.batch_size
        return self._adapted if self.network is None else BATCH[self.network]

    def _adapt(self, page: Page, seconds: float) -> None:
        """The size that would have taken `GOOD_BATCH`, at most doubled or halved."""
        entries = page.max_seq - page.from_seq + 1
        if entries < self._adapted:  # a last page tells nothing
            return
        ideal = int(entries * GOOD_BATCH / max(seconds, 0.001))
        self._adapted = max(SMALLEST, min(LARGEST, ideal, entries * 2), min(entries // 2, LARGEST))

    def _move(self, step: Step) -> None:
        state = STATES.get((self.state, step))
        if state is not None:
            self.state = state


class Count:
    """What a sync has done so far."""

    def __init__(self) -> None:
        self.messages = self.entries = self.batches = self.total = self.last = 0
        self._seconds = 0.0

    def add(self, page: Page, seconds: float) -> None:
        """A page is stored."""
        self.last = page.max_seq - page.from_seq + 1
        self.total = max(self.total, self.entries + page.total_count)
        self.messages += len(page.messages)
        self.entries += self.last
        self.batches += 1
        self._seconds += seconds

    def metrics(self, duration: float) -> SyncMetrics:
        """What it comes to."""
        return SyncMetrics(
            duration=duration,
            messages=self.messages,
            batches=self.batches,
            mean_batch_time=self._seconds / self.batches if self.batches else 0.0,
            throughput=self.messages / duration if duration else 0.0,
        )


async def load_snapshot(http: Http) -> Snapshot:
    """Everything as it is now."""
    return await http.call("GET", "/snapshot", Snapshot)


def _retrieve(end: asyncio.Future[Any]) -> None:
    """Whoever cares has awaited it."""
    if not end.cancelled():
        end.exception()
