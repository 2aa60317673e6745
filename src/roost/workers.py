"""Push put together: the channels that are switched on, the queue, and workers, here or in processes of theirs.

With `push.queue: local` the server does its own pushes. With RabbitMQ it gives tasks to a queue; `roost push-worker`
processes do them, which read the database and report through a second queue: a SQLite file has one process that writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from roost import adapters, metrics
from roost.config import Config, ConfigError, Push
from roost.db.database import Database
from roost.errors import Unavailable
from roost.flow.push import notify
from roost.journal.append import Pushes, PushTo, Where
from roost.journal.contract import Place
from roost.journal.positions import stored_by_any
from roost.presence.contract import Presence
from roost.push.contract import Channel, Queue, Report, Sent, Task
from roost.push.local import LocalQueue
from roost.push.outbox import Outbox, StoredByAny
from roost.push.plan import Facts, in_grace
from roost.push.recording import status
from roost.push.register import Register, Registered
from roost.push.worker import TELLING, Look, Worker, patiently
from roost.storage import Reading

REPORTS_AT_ONCE = 500
"""Reports that are recorded in one transaction, at most."""
FINISH = 5.0
"""Seconds that pushes under way have to end when their process is stopped; what is cut off is sent again."""
BEGIN_AGAIN = 5.0
"""Seconds after which a part that has failed begins again."""
PRESENCE = 3.0
"""Seconds that presence has to say who is connected."""
COUNT_EVERY = 5.0
"""Seconds between two counts of the outbox, for the metrics."""

Clock = Callable[[], int]
Read = Callable[[Callable[[Connection], Facts]], Awaitable[Facts]]
"""Runs a query in a transaction that sees one moment."""

logger = structlog.get_logger()


@contextlib.asynccontextmanager
async def open_channels(config: Config, clock: Clock) -> AsyncIterator[dict[str, Channel]]:
    """The channels that are switched on, by platform. Raises `ConfigError` for settings that can't work."""
    push = config.push
    if push.enabled and push.email.enabled and push.email.wait >= push.ttl:
        raise ConfigError("push.email.wait must be below push.ttl: a message is no news by then, and no mail is sent.")
    channels = adapters.channels(push, config.data, clock) if push.enabled else {}
    try:
        yield channels
    finally:
        for channel in channels.values():
            await channel.close()


def pushes(config: Config, register: Register, connected: Callable[[int], bool]) -> Pushes:
    """Where a message is pushed: to the addresses of everyone but its author.

    A user (uid) with a device that is connected has some time to store it there first: then no phone rings.
    """
    grace, mail = int(config.push.grace * 1000), int(config.push.email.wait * 1000)

    def wait(uid: int, to: Registered) -> int:
        if to.platform == "email":
            return mail
        return grace if connected(uid) else 0

    def of_batch(connection: Connection, receivers: Collection[int]) -> Where | None:
        reached = register.reached(connection, receivers)

        def where(places: list[Place], author: int) -> list[PushTo]:
            return [
                (to.aid, uid, to.did, seq, wait(uid, to))
                for uid, seq in places
                if uid != author
                for to in reached.get(uid, ())
            ]

        return where if reached else None

    return of_batch


@contextlib.asynccontextmanager
async def pushing(
    config: Config,
    database: Database,
    register: Register,
    channels: Mapping[str, Channel],
    stored: StoredByAny,
    clock: Clock,
    *,
    presence: Presence,
) -> AsyncIterator[Outbox]:
    """Runs the outbox of a server, and its workers or what workers elsewhere report, until the block ends."""
    push = config.push
    tasks: Queue[Task]
    if channels and push.queue == "rabbitmq":
        tasks, reports = adapters.queues(push)
    else:
        tasks, reports = LocalQueue[Task](), None
    outbox = Outbox(database, tasks, register, stored, clock)
    outbox.recorded = _measure
    record = patiently(outbox.record, TELLING)
    work: list[Callable[[], Awaitable[None]]] = [outbox.feed, lambda: _count(outbox)]
    worker: Worker | None = None
    if reports is not None:
        work.append(lambda: reports.work(record, at_once=REPORTS_AT_ONCE))
    else:
        if not config.server.database:  # else what other nodes have is not ours; claims end by themselves
            await outbox.recover()
        look = _looking(database.read, stored, presence, push, clock)
        worker = Worker(channels, look, outbox.record, clock, **_times(push))
        handle = worker.handle
        work += [lambda: tasks.work(handle, at_once=push.at_once), outbox.keep]
    running = [asyncio.ensure_future(_kept_up(one)) for one in work]
    try:
        yield outbox
    finally:
        if worker is not None:
            await worker.finish(FINISH)
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        with contextlib.suppress(Unavailable):  # then the claims end by themselves
            await outbox.give_back()
        for queue in (tasks, reports):
            if queue is not None:
                await queue.close()


async def push_worker(config: Config, clock: Clock, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Does the pushes that servers have put into RabbitMQ, until `stop`; calls `ready` before the first.

    A broker that is not there is waited for. Raises `ConfigError` for settings with which no push would ever be sent,
    and `FileNotFoundError` where no server has made the database yet.
    """
    push = config.push
    tasks, reports = adapters.queues(push)
    with _reading(config) as read:
        async with open_channels(config, clock) as channels, adapters.presence_elsewhere(config, clock) as presence:
            if not channels:
                raise ConfigError("no channel of push is switched on: give the worker the settings of the server.")

            async def tell(report: Report) -> None:
                await reports.put([report])

            look = _looking(read, stored_by_any, presence, push, clock)
            worker = Worker(channels, look, tell, clock, **_times(push))
            ready()
            working = asyncio.ensure_future(tasks.work(worker.handle, at_once=push.at_once))
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    await working  # which never ends by itself: raises why it did
                await tasks.rest()
                await worker.finish(FINISH)
            finally:
                for one in (working, stopping):
                    one.cancel()
                await asyncio.gather(working, stopping, return_exceptions=True)
                await tasks.close()
                await reports.close()


def _times(push: Push) -> dict[str, int]:
    """What a worker goes by, in ms."""
    return {"ttl": int(push.ttl * 1000), "grace": int(push.grace * 1000)}


def _looking(read: Read, stored: StoredByAny, presence: Presence, push: Push, clock: Clock) -> Look:
    """How a worker learns how things are: from the database, and from presence where it matters who is connected."""
    grace, connected = int(push.grace * 1000), _connected(presence)

    async def look(task: Task) -> Facts:
        facts = await read(lambda connection: notify.look(connection, task, stored, preview=push.preview))
        if facts.open and in_grace(facts, clock(), grace):
            facts = msgspec.structs.replace(facts, connected=await connected(facts.user_id))
        return facts

    return look


def _connected(presence: Presence) -> Callable[[str], Awaitable[bool]]:
    """Whether a user is connected to any node. Where presence fails nobody is: a push too many, and none too late.

    Two lines in the log, however often it fails.
    """
    mute = False

    async def connected(user_id: str) -> bool:
        nonlocal mute
        try:
            async with asyncio.timeout(PRESENCE):
                here = (await presence.query([user_id]))[user_id].online
        except Exception as error:  # noqa: BLE001 - whatever it is, pushes go on
            if not mute:
                logger.warning("presence is away: who is connected is pushed to at once", reason=repr(error))
            mute = True
            return False
        if mute:
            logger.info("presence is back")
        mute = False
        return here

    return connected


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Begins again what has ended: none of it ends but by a fault, and messages go on without it."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("a part of push has failed, and begins again")
        await asyncio.sleep(BEGIN_AGAIN)


@contextlib.contextmanager
def _reading(config: Config) -> Iterator[Read]:
    """Reads the database beside the server, in threads. Raises `Unavailable` where it is away."""
    here = threading.local()

    def read(query: Callable[[Connection], Facts]) -> Facts:
        try:
            connection: Connection | None = getattr(here, "connection", None)
            if connection is None:
                connection = here.connection = reading.connect()
            try:
                reading.begin(connection)
                return query(connection)
            finally:
                connection.rollback()
        except (OperationalError, InterfaceError) as error:
            raise Unavailable(f"The database can't be read: {error.orig}") from None

    with (
        contextlib.closing(Reading(config)) as reading,
        ThreadPoolExecutor(config.server.readers, "roost-reader") as threads,
    ):
        yield lambda query: asyncio.get_running_loop().run_in_executor(threads, read, query)


def _measure(report: Report) -> None:
    metrics.PUSHES.labels(report.platform or "none", status(report)).inc()
    if isinstance(report.outcome, Sent):
        metrics.PUSH_SECONDS.labels(report.platform).observe((report.at - report.task.created_at) / 1000)


async def _count(outbox: Outbox) -> None:
    """Keeps the gauge of the backlog; no number where it can't be counted."""
    while True:
        try:
            metrics.PUSH_BACKLOG.set(await outbox.backlog())
        except Exception:  # noqa: BLE001 - who feeds from the outbox meets the same, and says so
            metrics.PUSH_BACKLOG.set(math.nan)
        await asyncio.sleep(COUNT_EVERY)
