"""The outbox: pushes from the message's transaction to their recorded outcome.

A row is written with its message, given to the queue when it is due, and ended by the report of a worker
(`roost.push.recording`), or because its address is removed, or the message was stored before it was due.

**Several nodes** feed from one outbox. Who gives rows to its queue claims them first, in a transaction that passes over
those which another is just claiming. A claim is a lease: `taken_at` says when it began, `due_at` when it ends. A node
renews the claims of what is in its own process; one that is killed does not, and the others take over. A queue that
lasts has `LEASE` to bring a report; then it is asked whether it still has something, and if not, the row is given out
again. A task is done only while its row is claimed as the task says: what was given out twice is sent twice only where
a worker had begun.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, Update, bindparam, delete, func, or_, select, update

from roost.db.database import Database
from roost.db.schema import push_addresses, push_log, push_outbox
from roost.errors import Unavailable
from roost.push.contract import Postponed, Queue, Report, Retry, Task
from roost.push.recording import Recording
from roost.push.register import Register

logger = structlog.get_logger()

StoredByAny = Callable[[Connection, int, Sequence[int]], set[int]]
"""Those of the seqs of a user (uid) that one of the user's devices has stored."""

BATCH = 500
"""Pushes claimed at once."""
CLAIM = 15_000
"""Milliseconds that a claim lasts unless it is renewed, and others leave alone what a killed node had. A queue takes
things in less, and a node that stands still for longer has lost them."""
RENEW = 5.0
"""Seconds between two renewals."""
LEASE = 5 * 60_000
"""Milliseconds that a lasting queue has to bring a report: a worker needs seconds."""
QUEUE_BEHIND = 60_000
"""Milliseconds until that is asked again, where the queue still holds something: it may be in there."""
QUEUE_AWAY = 2_000
"""Milliseconds until a queue that took nothing is tried again."""
LOOK_AGAIN = 5.0
"""Seconds after which the outbox is looked at, though nothing called for it."""
LOOK_SOON = 0.05
"""Seconds until then at least: what is due may be locked by a node that is just claiming it."""
LOG_KEPT = 30 * 86_400_000
"""Milliseconds that attempts stay in `push_log`."""
HOUSEKEEPING = 60_000
"""Milliseconds between two looks at what can go from it."""
PRUNED = 1000
"""Lines that go at once: some milliseconds."""

_ROW = tuple(push_outbox.c[name] for name in Task.__struct_fields__ if name != "again")
_older = push_outbox.alias("older")
_BY_TIME = (
    select(*_ROW)
    .select_from(push_outbox.outerjoin(push_addresses, push_addresses.c.aid == push_outbox.c.aid))
    .where(
        or_(
            func.coalesce(push_addresses.c.platform, "") != "email",  # one mail at a time, which tells of all others
            ~select(_older.c.task_id)
            .where(_older.c.aid == push_outbox.c.aid, _older.c.task_id < push_outbox.c.task_id)
            .exists(),
        ),
    )
    .order_by(push_outbox.c.due_at)
)
_is_due = push_outbox.c.due_at <= bindparam("now")
_of_ids = push_outbox.c.task_id.in_(bindparam("ids", expanding=True))
DUE = _BY_TIME.where(_is_due).limit(bindparam("most"))
NEXT = _BY_TIME.with_only_columns(push_outbox.c.due_at).limit(1)
LOCKED = select(*_ROW).where(_of_ids, _is_due).order_by(push_outbox.c.task_id).with_for_update(skip_locked=True)
"""Those that are still due, and nobody else's until the transaction ends."""
CLAIMED = update(push_outbox).where(_of_ids).values(taken_at=bindparam("taken"), due_at=bindparam("due"))
LATER = update(push_outbox).where(_of_ids).values(due_at=bindparam("due"))
STORED = delete(push_outbox).where(_of_ids)
_as_claimed = push_outbox.c.taken_at == bindparam("taken")
PROLONGED = LATER.where(_as_claimed)
GIVEN_BACK = PROLONGED.values(taken_at=0)
LEFT_OVER = update(push_outbox).where(push_outbox.c.taken_at > 0).values(taken_at=0, due_at=bindparam("now"))
_oldest = select(push_log.c.push_id).order_by(push_log.c.push_id).limit(PRUNED).subquery()
PRUNE = delete(push_log).where(push_log.c.push_id.in_(select(_oldest)), push_log.c.push_time < bindparam("before"))


class _Due(NamedTuple):
    """Rows that were due a moment ago; the ids of those whose message was stored in time."""

    rows: Sequence[Any]
    stored: set[int]


class _Claim(NamedTuple):
    """What of it could be claimed, and whether anything could be done at all."""

    tasks: list[Task]
    any: bool


class Outbox:
    """Gives what is due to the queue, and records what became of it."""

    def __init__(
        self,
        database: Database,
        queue: Queue[Task],
        register: Register,
        stored: StoredByAny,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._queue = queue
        self._register = register
        self._stored = stored
        self._clock = clock
        self._kept_house = 0
        self._stuck = False
        self._called = asyncio.Event()
        self._record = Recording(clock)
        self.recorded: Callable[[Report], None] = lambda _: None
        """Called on the event loop for each report that is on disk."""

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._called.set()

    async def recover(self) -> None:
        """Gives out again what a former process had: only for who is alone with the database."""
        await self._database.write(lambda tx: tx.execute(LEFT_OVER, {"now": self._clock()}))

    async def backlog(self) -> int:
        """Pushes without an outcome."""
        count = select(func.count()).select_from(push_outbox)
        return await self._database.read(lambda connection: int(connection.execute(count).scalar_one()))

    async def feed(self) -> None:
        """Gives pushes to the queue as they become due, until cancelled."""
        while True:
            try:
                self._called.clear()
                more = await self._feed_once()
                self._goes_on()
                if not more and not await self._keep_house():
                    await self._rest()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._waits(error)
                await asyncio.sleep(QUEUE_AWAY / 1000)

    def _waits(self, error: Exception) -> None:
        """One line an outage of the queue or the database, however many attempts it outlasts."""
        if not self._stuck:
            trace = None if isinstance(error, Unavailable) else error
            logger.warning("pushes wait", reason=str(error) or repr(error), exc_info=trace)
        self._stuck = True

    def _goes_on(self) -> None:
        if self._stuck:
            logger.info("pushes go on")
        self._stuck = False

    async def _feed_once(self) -> bool:
        """Gives out what is due; whether there was anything to do."""
        most = min(BATCH, await self._queue.room())
        now = self._clock()
        due = await self._database.read(lambda connection: self._due(connection, now, most))
        if not due.rows:
            return False
        unheard_of = self._queue.lasting and any(row.taken_at for row in due.rows)
        behind = unheard_of and await self._queue.backlog() > 0
        claim = await self._database.write(lambda tx: self._claim(tx, due, now, behind=behind))
        if claim.tasks:
            try:
                await self._queue.put(claim.tasks)
            except Unavailable:
                await self._change(GIVEN_BACK, claim.tasks, now + QUEUE_AWAY)
                raise
            if self._queue.lasting:
                await self._change(PROLONGED, claim.tasks, now + LEASE)
        return claim.any

    def _due(self, connection: Connection, now: int, most: int) -> _Due:
        rows = connection.execute(DUE, {"now": now, "most": most}).all()
        seqs: defaultdict[int, list[int]] = defaultdict(list)
        for row in rows:
            if row.seq:
                seqs[row.uid].append(row.seq)
        stored = {uid: self._stored(connection, uid, of_user) for uid, of_user in seqs.items()}
        return _Due(rows, {row.task_id for row in rows if row.seq in stored.get(row.uid, ())})

    def _claim(self, tx: Connection, due: _Due, now: int, *, behind: bool) -> _Claim:
        """Claims what is due; `behind`: not what was claimed before, since the queue may still have that."""
        tasks: list[Task] = []
        stored: list[int] = []
        later: list[int] = []
        for row in tx.execute(LOCKED, {"ids": [row.task_id for row in due.rows], "now": now}):
            if row.task_id in due.stored:
                stored.append(row.task_id)
            elif row.taken_at and behind:
                later.append(row.task_id)
            else:
                tasks.append(Task(**row._asdict() | {"taken_at": now}))
        claimed = [task.task_id for task in tasks]
        for statement, ids, values in (
            (STORED, stored, {}),
            (LATER, later, {"due": now + QUEUE_BEHIND}),
            (CLAIMED, claimed, {"taken": now, "due": now + CLAIM}),
        ):
            if ids:
                tx.execute(statement, {"ids": ids, **values})
        return _Claim(tasks, bool(tasks or stored or later))

    async def _change(self, statement: Update, tasks: Sequence[Task], due: int) -> None:
        """Changes the rows of tasks, those left out that are no longer claimed as the task says."""
        claims: defaultdict[int, list[int]] = defaultdict(list)
        for task in tasks:
            claims[task.taken_at].append(task.task_id)

        def change(tx: Connection) -> None:
            for taken, ids in claims.items():
                tx.execute(statement, {"ids": ids, "taken": taken, "due": due})

        await self._database.write(change)

    async def keep(self) -> None:
        """Renews the claims of what the queue in this process holds, until cancelled."""
        while True:
            await asyncio.sleep(RENEW)
            if tasks := self._queue.held():
                try:
                    await self._change(PROLONGED, tasks, self._clock() + CLAIM)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    self._waits(error)

    async def give_back(self) -> None:
        """Lets others have what the queue in this process still holds; for who ends."""
        if tasks := self._queue.held():
            await self._change(GIVEN_BACK, tasks, self._clock())

    async def _keep_house(self) -> bool:
        """Drops a piece of what is old in the log; whether there may be more."""
        now = self._clock()
        if now - self._kept_house < HOUSEKEEPING:
            return False
        pruned: int = await self._database.write(lambda tx: tx.execute(PRUNE, {"before": now - LOG_KEPT}).rowcount)
        if pruned < PRUNED:
            self._kept_house = now
        return pruned == PRUNED

    async def _rest(self) -> None:
        """Until the next push is due, or somebody calls."""
        due = await self._database.read(lambda connection: connection.execute(NEXT).scalar())
        wait = LOOK_AGAIN if due is None else min(LOOK_AGAIN, max(LOOK_SOON, (due - self._clock()) / 1000))
        try:
            async with asyncio.timeout(wait):
                await self._called.wait()
        except TimeoutError:
            pass

    async def record(self, report: Report) -> None:
        """Writes down what became of a push. Reports that come at once are one transaction."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(result: Any) -> None:
            if not future.done():
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

        self._database.submit(self._record, report, done)
        if await future:
            self._register.forget(report.task.uid, report.task.aid)
        if isinstance(report.outcome, Retry | Postponed) or report.platform == "email":
            self.wake()  # to know when it is due, or the mailbox's next
        self.recorded(report)
