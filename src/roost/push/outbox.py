"""The outbox: pushes from the message's transaction to their recorded outcome.

A row is written with its message, given to the queue when it is due, and ended by the report of a worker, or because
its address is removed, or the message was stored before it was due. A row that was given out and not heard of for
`LEASE` is given out again. What is done twice by that is not sent twice as a rule, because a worker looks first
whether the row still waits for this attempt.

A report may come twice, late, or from a time before a backup was restored. It changes a row only where that is of the
same message, and says when to try again only where the attempt is the row's own.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from roost.db.database import Database
from roost.db.schema import push_addresses, push_log, push_outbox
from roost.errors import Unavailable
from roost.push import plan
from roost.push.contract import Dead, Dropped, Failed, Postponed, Queue, Report, Retry, Task
from roost.push.register import Register

logger = structlog.get_logger()

StoredByAny = Callable[[Connection, int, Sequence[int]], set[int]]
"""Those of the seqs of a user (uid) that one of the user's devices has stored."""

BATCH = 500
"""Pushes given to the queue at once."""
LEASE = 5 * 60_000
"""Milliseconds until a push that no worker reported on is given out again: a worker needs seconds."""
QUEUE_BEHIND = 60_000
"""Milliseconds until that is asked again, where the queue still holds something: it may be in there."""
IN_HAND = 15_000
"""Milliseconds after a start until that is given out again of which a server before may have died: in the worst case a
worker has it in hand, and needs seconds."""
QUEUE_AWAY = 2_000
"""Milliseconds until a queue that took nothing is tried again."""
LOOK_AGAIN = 5.0
"""Seconds after which the outbox is looked at, though nothing called for it."""
LOG_KEPT = 30 * 86_400_000
"""Milliseconds that attempts stay in `push_log`."""
HOUSEKEEPING = 60_000
"""Milliseconds between two looks at what can go from it."""
PRUNED = 1000
"""Lines that go at once: some milliseconds."""

UNTOLD = "its worker or the broker went away before it was told; it may have been sent"
"""What the log says of an attempt that ended so."""

_TASK = ("task_id", "aid", "uid", "did", "mid", "seq", "attempt", "created_at")
_older = push_outbox.alias("older")
_BY_TIME = (
    select(*(push_outbox.c[name] for name in _TASK), push_outbox.c.taken_at)
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
DUE = _BY_TIME.where(push_outbox.c.due_at <= bindparam("now")).limit(BATCH)
NEXT = _BY_TIME.with_only_columns(push_outbox.c.due_at).limit(1)
TAKEN = (
    update(push_outbox)
    .where(push_outbox.c.task_id == bindparam("id"))
    .values(taken_at=bindparam("taken"), due_at=bindparam("due"))
)
LATER = update(push_outbox).where(push_outbox.c.task_id == bindparam("id")).values(due_at=bindparam("due"))
AGAIN = (
    update(push_outbox)
    .where(push_outbox.c.task_id == bindparam("id"))
    .values(taken_at=0, due_at=bindparam("due"), attempt=bindparam("number"))
)
LEFT_OVER = update(push_outbox).where(push_outbox.c.taken_at > 0).values(taken_at=0, due_at=bindparam("now"))
IN_DOUBT = (
    update(push_outbox)
    .where(push_outbox.c.taken_at > 0, push_outbox.c.due_at > bindparam("soon"))
    .values(due_at=bindparam("soon"))
)
ENDED = delete(push_outbox).where(push_outbox.c.task_id == bindparam("id"))
WAITING = select(push_outbox.c.task_id, push_outbox.c.mid, push_outbox.c.attempt).where(
    push_outbox.c.task_id.in_(bindparam("ids", expanding=True))
)
MERGED = select(push_outbox.c.task_id, push_outbox.c.mid, push_outbox.c.created_at).where(
    push_outbox.c.aid == bindparam("aid_"), push_outbox.c.seq.in_(bindparam("seqs", expanding=True))
)
TOLD = (
    update(push_addresses)
    .where(and_(push_addresses.c.aid == bindparam("aid_"), push_addresses.c.told < bindparam("through")))
    .values(told=bindparam("through"))
)
_oldest = select(push_log.c.push_id).order_by(push_log.c.push_id).limit(PRUNED).subquery()
PRUNE = delete(push_log).where(push_log.c.push_id.in_(select(_oldest)), push_log.c.push_time < bindparam("before"))
_ATTEMPT = ("message_id", "user_id", "device_id", "push_type", "push_status", "push_time", "attempt")
LOGGED = select(push_log.c.push_id).where(*(push_log.c[name] == bindparam(name) for name in _ATTEMPT))
NO_MORE = delete(push_addresses).where(push_addresses.c.aid == bindparam("aid_"))


class _Due(NamedTuple):
    """What is due; of the rest, what a queue got and no worker reported on, and what was stored in time."""

    new: list[Task]
    unheard_of: list[Task]
    stored: list[Task]


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
        self._record = _Record(clock)
        self.recorded: Callable[[Report], None] = lambda _: None
        """Called on the event loop for each report that is on disk."""

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._called.set()

    async def recover(self) -> None:
        """Gives out again what a queue had that did not outlive its process."""
        await self._database.write(lambda tx: tx.execute(LEFT_OVER, {"now": self._clock()}))

    async def doubt(self) -> None:
        """Has that soon looked after which a durable queue may have, or not: the server was killed about then."""
        await self._database.write(lambda tx: tx.execute(IN_DOUBT, {"soon": self._clock() + IN_HAND}))

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
        now = self._clock()
        due = await self._database.read(lambda connection: self._due(connection, now))
        if due.stored:
            ended = [{"id": task.task_id} for task in due.stored]
            await self._database.write(lambda tx: tx.execute(ENDED, ended))
        tasks = due.new
        if due.unheard_of:
            if await self._queue.backlog():
                later = [{"id": task.task_id, "due": now + QUEUE_BEHIND} for task in due.unheard_of]
                await self._database.write(lambda tx: tx.execute(LATER, later))
            else:
                tasks = tasks + due.unheard_of
        if not tasks:
            return bool(due.stored or due.unheard_of)
        await self._give_out(tasks, now, now + LEASE)
        try:
            await self._queue.put(tasks)
        except Unavailable:
            await self._give_out(tasks, 0, now + QUEUE_AWAY)
            raise
        return True

    def _due(self, connection: Connection, now: int) -> _Due:
        rows = connection.execute(DUE, {"now": now}).all()
        seqs: defaultdict[int, list[int]] = defaultdict(list)
        for row in rows:
            seqs[row.uid].append(row.seq)
        stored = {uid: self._stored(connection, uid, of_user) for uid, of_user in seqs.items()}
        due = _Due([], [], [])
        for *fields, taken_at in rows:
            task = Task(*fields)
            if task.seq in stored[task.uid]:
                due.stored.append(task)
            else:
                (due.unheard_of if taken_at else due.new).append(task)
        return due

    async def _keep_house(self) -> bool:
        """Drops a piece of what is old in the log; whether there may be more."""
        now = self._clock()
        if now - self._kept_house < HOUSEKEEPING:
            return False
        pruned: int = await self._database.write(lambda tx: tx.execute(PRUNE, {"before": now - LOG_KEPT}).rowcount)
        if pruned < PRUNED:
            self._kept_house = now
        return pruned == PRUNED

    async def _give_out(self, tasks: list[Task], taken: int, due: int) -> None:
        rows = [{"id": task.task_id, "taken": taken, "due": due} for task in tasks]
        await self._database.write(lambda tx: tx.execute(TAKEN, rows))

    async def _rest(self) -> None:
        """Until the next push is due, or somebody calls."""
        due = await self._database.read(lambda connection: connection.execute(NEXT).scalar())
        wait = LOOK_AGAIN if due is None else min(LOOK_AGAIN, max(0.01, (due - self._clock()) / 1000))
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


class _Record:
    """Records reports in the writer's transaction, as `roost.db.database` runs it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._chance = random.Random()  # noqa: S311 - spreads retries

    def one_step(self, _: list[Report]) -> bool:
        return False

    def __call__(self, connection: Connection, reports: list[Report]) -> list[bool]:
        """For each report whether it has removed its address."""
        rows = connection.execute(WAITING, {"ids": [report.task.task_id for report in reports]})
        waiting = {row.task_id: row for row in rows}
        logged: list[dict[str, Any]] = []
        ended: list[dict[str, Any]] = []
        again: list[dict[str, Any]] = []
        removed: list[bool] = []
        for report in reports:
            task, outcome = report.task, report.outcome
            row = waiting.get(task.task_id)
            known = row is not None and row.mid == task.mid
            current = known and row is not None and row.attempt == task.attempt
            if not isinstance(outcome, Postponed) and (current or not _is_logged(connection, report)):
                logged += [_doubt(report)] * task.again
                logged.append(_line(report))
            if isinstance(outcome, Retry | Postponed):
                if current:
                    again.append(self._again(task, outcome))
            elif known:
                ended.append({"id": task.task_id})
                del waiting[task.task_id]
            if known and report.told:
                merged = self._merge(connection, report)
                logged += [line for line, _ in merged]
                ended += [{"id": task_id} for _, task_id in merged]
            removed.append(known and isinstance(outcome, Dead))
            if removed[-1]:
                connection.execute(NO_MORE, {"aid_": task.aid})
        for statement, parameters in ((insert(push_log), logged), (AGAIN, again), (ENDED, ended)):
            if parameters:
                connection.execute(statement, parameters)
        return removed

    def _again(self, task: Task, outcome: Retry | Postponed) -> dict[str, Any]:
        if isinstance(outcome, Postponed):
            return {"id": task.task_id, "due": outcome.until, "number": task.attempt}
        pause = plan.pause(task.attempt, outcome.after, self._chance.random())
        return {"id": task.task_id, "due": self._clock() + int(pause * 1000), "number": task.attempt + 1}

    def _merge(self, connection: Connection, report: Report) -> list[tuple[dict[str, Any], int]]:
        """What else a mail has told of is done as well; what it left out is looked at by itself."""
        connection.execute(TOLD, {"aid_": report.task.aid, "through": max(report.told)})
        line = _line(report)
        return [
            ({**line, "message_id": row.mid, "created_at": row.created_at}, row.task_id)
            for row in connection.execute(MERGED, {"aid_": report.task.aid, "seqs": report.told})
            if row.task_id != report.task.task_id
        ]


def _is_logged(connection: Connection, report: Report) -> bool:
    """Whether the very same report was recorded before: a queue may bring it twice."""
    line = _line(report)
    return connection.execute(LOGGED, {name: line[name] for name in _ATTEMPT}).first() is not None


def _line(report: Report) -> dict[str, Any]:
    outcome = report.outcome
    return {
        "user_id": report.user_id,
        "message_id": report.task.mid,
        "push_type": report.platform,
        "push_status": status(report),
        "push_time": report.at,
        "error_msg": outcome.reason if isinstance(outcome, Retry | Dead | Failed | Dropped) else None,
        "created_at": report.task.created_at,
        "device_id": report.device_id,
        "attempt": report.task.attempt,
    }


def _doubt(report: Report) -> dict[str, Any]:
    """The attempt before this one, of which nobody can tell any more."""
    return {**_line(report), "push_status": "retry", "error_msg": UNTOLD}


def status(report: Report) -> str:
    """`sent`, `retry`, `dead`, `failed`, `dropped` or `postponed`."""
    return str(type(report.outcome).__struct_config__.tag)
