"""Adapters, opened by what the settings name. Each is imported when it is opened, and nowhere else.

A node that keeps its data in a file and pushes to nobody loads no driver of a database server, no client of a broker,
and no HTTP/2: its start takes a fifth less.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from roost.config import Config, Files, Push
from roost.config.webhooks import Webhooks
from roost.db.database import Database
from roost.db.server import DatabaseServer
from roost.deliver.bus import Alone, Bus
from roost.deliver.hub import Hub
from roost.files.contract import Store
from roost.files.local import LocalStore
from roost.files.threads import Threads
from roost.journal import reading
from roost.journal.recent import Recent, SyncStates
from roost.journal.sqlite import SQLiteStatements
from roost.journal.statements import Statements
from roost.presence.contract import Presence
from roost.presence.memory import MemoryPresence
from roost.push.contract import Channel, Report, Task
from roost.push.settings import broker_address
from roost.search.contract import Index
from roost.search.sqlite import SQLiteIndex

if TYPE_CHECKING:
    from roost.push.rabbitmq import RabbitQueue
    from roost.push.webhook import Receiver

TASKS, REPORTS = "roost.push", "roost.push.reports"
"""The names of the queues in RabbitMQ."""

_POSTGRESQL = "postgresql:"

Clock = Callable[[], int]
"""Gives milliseconds."""


# --- the database: `url` is `server.database`, empty for a file -----------------------------------


def database_server(url: str) -> DatabaseServer:
    """The database at `url`, on a server."""
    if url.startswith(_POSTGRESQL):
        from roost.db.postgresql import open_postgresql

        return open_postgresql(url)
    from roost.db.mysql import open_mysql

    return open_mysql(url)


def statements(url: str) -> Statements:
    """What the journal needs of this kind of database."""
    if not url:
        return SQLiteStatements()
    if url.startswith(_POSTGRESQL):
        from roost.journal.postgresql import PostgreSQLStatements

        return PostgreSQLStatements()
    from roost.journal.mysql import MySQLStatements

    return MySQLStatements()


def search_index(url: str) -> Index:
    """The full-text index of this kind of database."""
    if not url:
        return SQLiteIndex()
    if url.startswith(_POSTGRESQL):
        from roost.search.postgresql import PostgreSQLIndex

        return PostgreSQLIndex()
    from roost.search.mysql import MySQLIndex

    return MySQLIndex()


# --- files ----------------------------------------------------------------------------------------


def file_store(settings: Files, local: Path, threads: Threads) -> Store:
    """Where whole files are kept: the directory `local`, or a bucket."""
    if settings.store == "local":
        return LocalStore(local, threads)
    from roost.files.s3 import S3Store

    return S3Store(settings.s3, threads)


# --- what nodes share: Redis ----------------------------------------------------------------------


class Shared(NamedTuple):
    """What this node shares with others, and `hub`, what it tells its own users by."""

    hub: Hub
    bus: Bus
    presence: Presence
    recent: Recent | None = None
    states: SyncStates | None = None


async def share(config: Config, database: Database, clock: Clock, stack: contextlib.AsyncExitStack) -> Shared:
    """The node's place among others, if it may have any: until `stack` is left."""
    hub, ttl = Hub(), config.presence.ttl
    if not config.redis.url:
        return Shared(hub, Alone(), MemoryPresence(ttl, clock))
    from roost.db.redis import RedisServer
    from roost.deliver.redis import RedisBus
    from roost.journal.redis import RedisRecent, RedisSyncStates
    from roost.presence.redis import RedisPresence

    redis, node = RedisServer(config.redis.url), secrets.token_hex(8)
    presence = RedisPresence(redis, node, ttl, clock)
    epoch = await database.read(reading.epoch)
    states = RedisSyncStates(redis, epoch, config.sync.state_ttl)
    recent = RedisRecent(redis, epoch, config.redis, alone=not config.server.database)
    await stack.enter_async_context(redis.running())
    stack.push_async_callback(presence.close)
    await stack.enter_async_context(recent.running())
    if not config.server.database:  # a file has one server
        return Shared(hub, Alone(), presence, recent, states)
    bus = RedisBus(redis, hub, node, epoch)
    await stack.enter_async_context(bus.running())
    return Shared(hub, bus, presence, recent, states)


@contextlib.asynccontextmanager
async def presence_elsewhere(config: Config, clock: Clock) -> AsyncIterator[Presence]:
    """Who is connected to the nodes, for a process that has no users; without Redis it knows of nobody."""
    if not config.redis.url:
        yield MemoryPresence(config.presence.ttl, clock)
        return
    from roost.db.redis import RedisServer
    from roost.presence.redis import RedisPresence

    redis = RedisServer(config.redis.url)
    presence = RedisPresence(redis, "", config.presence.ttl, clock)
    async with redis.running():
        yield presence


# --- push, and webhooks ---------------------------------------------------------------------------


def channels(settings: Push, data: Path, clock: Clock) -> dict[str, Channel]:
    """The channels that are switched on, by platform. Raises `ConfigError` for settings that can't work."""
    found: dict[str, Channel] = {}
    if settings.apns.enabled:
        from roost.push.apns import ApnsChannel

        found["apns"] = ApnsChannel(settings.apns, clock)
    if settings.fcm.enabled:
        from roost.push.fcm import FcmChannel

        found["fcm"] = FcmChannel(settings.fcm, clock)
    if settings.webpush.enabled:
        from roost.push.webpush import WebPushChannel

        found["webpush"] = WebPushChannel(settings.webpush, data, clock)
    if settings.email.enabled:
        from roost.push.email import EmailChannel

        found["email"] = EmailChannel(settings.email, clock)
    return found


def vapid_key(channels: Mapping[str, Channel]) -> str | None:
    """What browsers subscribe with; None where Web Push is off."""
    if "webpush" not in channels:
        return None
    from roost.push.webpush import WebPushChannel

    channel = channels["webpush"]
    assert isinstance(channel, WebPushChannel)
    return channel.vapid.public_key


def queues(settings: Push) -> tuple[RabbitQueue[Task], RabbitQueue[Report]]:
    """The queues in RabbitMQ: of what is to be pushed, and of what came of it."""
    from roost.push.rabbitmq import RabbitQueue

    url = broker_address("push.rabbitmq", settings.rabbitmq)
    tasks = RabbitQueue(url, TASKS, Task, again=lambda task: msgspec.structs.replace(task, again=True))
    return tasks, RabbitQueue(url, REPORTS, Report)


def webhooks(settings: Webhooks, database: Database, epoch: str, clock: Clock) -> list[Receiver]:
    """A receiver for each webhook of the settings."""
    from roost.push.webhook import receivers_of

    return receivers_of(settings, database, epoch, clock)
