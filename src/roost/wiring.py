"""Rooms and roads put together: from settings to everything but the network."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import DBAPIError

from roost import adapters, metrics, storage, timed, workers
from roost.config import Config
from roost.db.database import CommitFigures, Database
from roost.db.schema import deployment
from roost.edge.auth.accounts import Accounts
from roost.edge.auth.credentials import Credentials
from roost.edge.auth.keys import Keys
from roost.edge.auth.tokens import Tokens, load_or_make_secret
from roost.edge.roads import Roads
from roost.flow.catchup import Catchup
from roost.flow.fanout import Fanout
from roost.flow.groups.groups import Groups
from roost.flow.groups.invitations import Invitations
from roost.flow.groups.membership import Membership
from roost.flow.messages.changing import Changing
from roost.flow.messages.drafts import Drafts
from roost.flow.messages.forwarding import Forwarding
from roost.flow.messages.scheduled import Scheduling
from roost.flow.messages.stickers import Stickers
from roost.flow.moderation.moderators import Moderators, Order, admission_of
from roost.flow.moderation.reporting import Reporting
from roost.flow.moderation.reports import Reports
from roost.flow.moderation.wordlists import watched
from roost.flow.operating.erasing import Erasing
from roost.flow.operating.overview import Overview
from roost.flow.people.blocks import Blocks
from roost.flow.people.conversations import Conversations
from roost.flow.people.hints import Hints
from roost.flow.people.marks import Marks
from roost.flow.people.profiles import Profiles
from roost.flow.push.push import Push
from roost.flow.submit import Submit
from roost.journal import reading
from roost.journal.journal import Journal
from roost.journal.positions import Positions
from roost.push.register import Register
from roost.roster.users import Users
from roost.witnesses import Witnesses


def now_ms() -> int:
    """The time, in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


@contextlib.asynccontextmanager
async def open_roads(config: Config) -> AsyncIterator[tuple[Roads, Database]]:
    """Everything but the network: rooms and roads on the database and the data directory of `config`.

    Raises `BlockingIOError` where another server has the database's file, `OSError` where its server can't be reached,
    `ConfigError` where this node is not one of the others there.
    """
    config.data.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        prepare = partial(storage.prepare_shared, config.data) if config.server.database else storage.prepare
        witnesses = Witnesses(config, now_ms)
        database = Database(
            storage.open_engine(config), prepare=prepare, readers=config.server.readers, options=witnesses.options
        )
        try:
            await database.ready()
        except DBAPIError as error:
            raise OSError(f"{storage.name(config)} can't be used: {error.orig}") from None
        try:
            shared = await adapters.share(config, database, now_ms, stack)
        finally:
            stack.push_async_callback(database.close)  # before the bus leaves: it tells what is committed last
        roads = await _wire(config, database, shared, witnesses, stack)
        await stack.enter_async_context(witnesses.at_work(database))
        yield roads, database


async def _wire(
    config: Config, database: Database, shared: adapters.Shared, witnesses: Witnesses, stack: contextlib.AsyncExitStack
) -> Roads:
    """Puts rooms and roads together; what must be ended is ended with `stack`."""
    database.committed = _measure
    metrics.WRITER_WAITING.set_function(lambda: database.waiting)
    statements = adapters.statements(config.server.database)
    database.rolled_back = _each(statements.rolled_back, witnesses.ledger.rolled_back)
    hub, several = shared.hub, bool(config.server.database)
    channels = await stack.enter_async_context(workers.open_channels(config, now_ms))
    register = Register(database, now_ms, channels, shared=several)
    await register.load()
    pushes = workers.pushes(config, register, hub.has)
    journal = Journal(database, statements, now_ms, pushes, witnesses.ledger, witnesses.hooks)
    epoch, recent = await database.read(reading.epoch), shared.recent
    positions = Positions(database, statements, now_ms, shared.states, epoch)
    outbox = await stack.enter_async_context(
        workers.pushing(config, database, register, channels, positions.stored_by_any, now_ms, presence=shared.presence)
    )
    users = Users(database, now_ms)
    fanout, hints = Fanout(hub, shared.bus, recent), Hints(database)
    positions.stored = hints.stored
    pulling = await timed.pull(database, journal, fanout, hub, shared.bus, pushed=outbox.wake, stack=stack)
    limits, max_members = config.limits, config.fanout.max_members
    small = config.messages.read_receipts_members
    words = await stack.enter_async_context(watched(config.moderation))
    order = Order(admission_of(config), words, Moderators(database, now_ms))
    secret = load_or_make_secret(config.data)
    tokens = Tokens(secret, config.auth, database, now_ms)
    uploads, attachments = await stack.enter_async_context(storage.open_files(config, database, now_ms))
    submit = Submit(
        journal,
        fanout,
        order,
        now_ms,
        max_content=limits.max_content,
        pushed=outbox.wake,
        bring=pulling.bring,
    )
    await timed.expire(database, journal, fanout, now_ms, stack)
    profiles = Profiles(database, order.admission, now_ms, small=small)
    membership = Membership(database, journal, fanout, now_ms, pulling, max_members=max_members, small=small)
    erasing = Erasing(database, journal, fanout, membership, register, now_ms, positions=positions, shared=several)
    await timed.erase(erasing, stack)
    return Roads(
        submit=submit,
        fanout=fanout,
        changing=Changing(
            database,
            journal,
            fanout,
            now_ms,
            order=order,
            settings=config.messages,
            max_content=limits.max_content,
        ),
        uploads=uploads,
        attachments=attachments,
        forwarding=Forwarding(database, submit, now_ms),
        searching=await timed.search(config, database, fanout, stack),
        catchup=Catchup(
            database, positions, epoch, now_ms, batch=config.sync.batch, recent=recent, bring=pulling.bring
        ),
        conversations=Conversations(
            database, journal, fanout, positions, now_ms, pulling, state_ttl=config.sync.state_ttl
        ),
        groups=Groups(database, journal, fanout, now_ms, pulling, max_members=max_members, small=small),
        drafts=await timed.keep_drafts(
            Drafts(database, journal, fanout, now_ms, max_content=limits.max_content), fanout, now_ms, stack
        ),
        scheduling=await timed.schedule(
            Scheduling(database, journal, fanout, submit, order.admission, now_ms), now_ms, stack
        ),
        membership=membership,
        invitations=Invitations(database, journal, fanout, now_ms, pulling, max_members=max_members, small=small),
        marks=Marks(
            database,
            journal,
            positions,
            fanout,
            hints,
            now_ms,
            small=small,
        ),
        hints=hints,
        profiles=profiles,
        blocks=Blocks(database, journal, fanout, now_ms),
        reporting=Reporting(database, order.admission, now_ms),
        reports=Reports(database, now_ms),
        stickers=Stickers(database, now_ms),
        pulling=pulling,
        push=Push(register, channels, now_ms, time.monotonic, adapters.vapid_key(channels)),
        positions=positions,
        users=users,
        presence=shared.presence,
        hub=hub,
        bus=shared.bus,
        tokens=tokens,
        accounts=Accounts(database, users, tokens, config, now_ms),
        keys=Keys(secret, database, now_ms),
        credentials=Credentials(database, users, tokens, profiles, config.admin, now_ms),
        erasing=erasing,
        overview=Overview(database, now_ms),
        database=database,
        clock=now_ms,
        check=lambda: _check(database),
    )


def _each(*calls: Callable[[], None]) -> Callable[[], None]:
    """All of them, one after the other."""

    def run() -> None:
        for call in calls:
            call()

    return run


async def _check(database: Database) -> None:
    """Raises unless the database reads, and has room for a commit, now."""
    now = str(now_ms())
    written = update(deployment).where(deployment.c.name == "checked").values(value=now)

    def touch(tx: Connection) -> None:
        if not tx.execute(written).rowcount:
            tx.execute(insert(deployment).values(name="checked", value=now))

    await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
    await database.write(touch)


def _measure(commit: CommitFigures) -> None:
    metrics.COMMIT_SECONDS.observe(commit.seconds)
    metrics.COMMIT_SIZE.observe(commit.size)
