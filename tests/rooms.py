"""The rooms below the edge, opened on a backend, and the few sentences that tests say with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection

from roost.audit.ledger import Ledger
from roost.config import Audit
from roost.config.webhooks import Webhooks
from roost.db.database import Database, Engine
from roost.db.migrate import migrate
from roost.hooks.events import Hooks
from roost.journal import reading
from roost.journal.contract import Author, Committed, Draft, LogState, Recorded
from roost.journal.journal import Journal
from roost.journal.positions import Positions
from roost.journal.pulling import Pulled
from roost.model import ids
from roost.model.message import Change, Entry
from roost.roster import conversations as roster
from roost.roster import large
from roost.roster.users import Users
from tests.backends import Backend

T = TypeVar("T")

BEGINNING = 1_700_000_000_000
"""The time at which tests start, in milliseconds."""
WHOLE_LOG = 10_000
"""More entries than any test has."""


class Clock:
    """Time that stands still until it is told to go on. Called, it gives milliseconds."""

    def __init__(self, now: int = BEGINNING) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def pass_(self, *, days: float = 0, seconds: float = 0) -> None:
        self.now += round(days * 86_400_000 + seconds * 1000)


def private(author: Author, to: str, content: str = "hi", message_id: str | None = None) -> Draft:
    """A message from one user to another."""
    return Draft(author, ids.private_conversation(author.user_id, to), to, message_id, 1, content, BEGINNING)


def to_group(author: Author, group: str, content: str = "hi", message_id: str | None = None) -> Draft:
    """A message to a group."""
    return Draft(author, ids.group_conversation(group), None, message_id, 1, content, BEGINNING)


@asynccontextmanager
async def held(database: Database) -> AsyncIterator[None]:
    """The writer is busy inside the block: what is handed in meanwhile is its next batch, in one transaction."""
    begun, gate = threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    waiting = asyncio.ensure_future(database.write(wait))
    await asyncio.sleep(0)
    assert begun.wait(10)
    try:
        yield
    finally:
        gate.set()
        await waiting


class Rooms:
    """Journal, positions and roster on one database."""

    def __init__(self, backend: Backend, clock: Callable[[], int], engine: Engine | None = None) -> None:
        self.backend = backend
        self.clock = clock
        self.prepare: Callable[[Connection], Any] = migrate
        self.audited = Audit(content=True)
        self.webhooks = Webhooks()
        self._open(engine or backend.engine())

    def _open(self, engine: Engine) -> None:
        self.statements = self.backend.statements()
        self.ledger = Ledger(self.audited, self.clock)
        hooks = Hooks(self.webhooks, self.clock)
        self.database = Database(engine, prepare=self.prepare, options={**self.ledger.options, **hooks.options})
        self.database.rolled_back = self._rolled_back
        self.journal = Journal(self.database, self.statements, self.clock, ledger=self.ledger, hooks=hooks)
        self.positions = Positions(self.database, self.statements, self.clock)
        self.users = Users(self.database, self.clock)

    def _rolled_back(self) -> None:
        self.statements.rolled_back()
        self.ledger.rolled_back()

    @classmethod
    async def open(cls, backend: Backend, clock: Callable[[], int], engine: Engine | None = None) -> Rooms:
        rooms = cls(backend, clock, engine)
        await rooms.database.ready()
        return rooms

    async def close(self) -> None:
        await self.database.close()

    async def restart(self, backend: Backend | None = None, engine: Engine | None = None) -> None:
        """Closes, and opens again: the same database, or what a killed server left in `backend`."""
        await self.close()
        self.backend = backend or self.backend
        self._open(engine or self.backend.engine())
        await self.database.ready()

    async def die(self) -> None:
        """The server is killed now, and started again."""
        await self.restart(self.backend.killed())

    async def author(self, user: str, device: str = "phone") -> Author:
        """A user on a device, made if not known."""
        identity = await self.users.identify(user, device)
        return Author(identity.uid, identity.did, user, device)

    async def authors(self, *users: str) -> list[Author]:
        return [await self.author(user) for user in users]

    def append(self, draft: Draft) -> asyncio.Future[Any]:
        """The outcome of a draft, to come."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.journal.append(draft, future.set_result)
        return future

    async def batch(self, *drafts: Draft) -> list[Any]:
        """The outcomes of drafts that are settled in one transaction, as one batch."""
        async with held(self.database):
            futures = [self.append(draft) for draft in drafts]
        return list(await asyncio.gather(*futures))

    async def send(self, draft: Draft) -> Committed:
        """Appends one message. Raises what it is refused for."""
        outcome = await self.append(draft)
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, Committed)
        return outcome

    async def read(self, query: Callable[..., T], *arguments: Any) -> T:
        return await self.database.read(lambda connection: query(connection, *arguments))

    async def write(self, change: Callable[..., T], *arguments: Any) -> T:
        return await self.database.write(lambda connection: change(connection, *arguments))

    async def log(self, author: Author) -> list[Entry]:
        """Everything retained in the author's log."""
        state = await self.journal.state(author.uid)
        page = await self.journal.page(author.uid, state.floor, WHOLE_LOG)
        return page.entries

    @asynccontextmanager
    async def failing(self, table: str) -> AsyncIterator[None]:
        """Inside the block every insert into the table fails, after it was done."""
        begin, end = self.backend.failing(table)
        await self.write(lambda tx: tx.exec_driver_sql(begin) and None)
        try:
            yield
        finally:
            await self.write(lambda tx: tx.exec_driver_sql(end) and None)

    async def state(self, author: Author) -> LogState:
        return await self.journal.state(author.uid)

    async def mark(self, author: Author) -> int:
        return await self.read(self.positions.mark, author)

    async def offline(
        self, author: Author, conversation: str | None = None, offset: int = 0, count: int = WHOLE_LOG
    ) -> tuple[list[int], int]:
        """The seqs of a page of what the device has not stored, and how many there are."""
        mark = await self.mark(author)
        page, total = await self.database.read(
            lambda tx: reading.offline(
                tx, author.uid, author.did, mark, conversation=conversation, offset=offset, count=count
            )
        )
        return [message.seq for message in page], total

    async def group(self, name: str, *members: Author) -> None:
        """Makes a group of these."""

        def make(tx: Connection) -> None:
            group = roster.create_group(tx, ids.group_conversation(name), None, self.clock())
            for member in members:
                roster.add_member(tx, group, member.uid, roster.MEMBER, self.clock())

        await self.database.write(make)

    async def grow(self, name: str) -> int:
        """Makes a group a large one; returns its number."""

        def change(tx: Connection) -> int:
            group = roster.find_locked(tx, ids.group_conversation(name))
            large.grow(tx, group.cid, self.clock())
            return group.cid

        return await self.database.write(change)

    async def pull(self, *members: Author, cid: int | None = None) -> Pulled:
        """Enters what the logs of these lack; what was told of it."""
        return await self.database.write(lambda tx: self.journal.pull(tx, [member.uid for member in members], cid))

    async def join(self, name: str, member: Author) -> bool:
        def add(tx: Connection) -> bool:
            group = roster.find_locked(tx, ids.group_conversation(name))
            return roster.add_member(tx, group, member.uid, roster.MEMBER, self.clock())

        return await self.database.write(add)

    async def leave(self, name: str, member: Author) -> bool:
        def remove(tx: Connection) -> bool:
            group = roster.find_locked(tx, ids.group_conversation(name))
            if group.large:
                self.journal.pull_all(tx, [member.uid], group.cid)
            return roster.remove_member(tx, group.cid, member.uid)

        return await self.database.write(remove)

    async def record(self, change: Change, receivers: list[Author], author: Author | None = None) -> Recorded:
        """Enters a change in the logs of these."""
        uids = [receiver.uid for receiver in receivers]
        return await self.database.write(lambda tx: self.journal.record(tx, change, uids, author))
