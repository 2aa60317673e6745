"""What a worker's report does to the outbox and its log.

A report may come twice, late, or from a time before a backup was restored. It changes a row only where that is of the
same message, and says when to try again only where the attempt is the row's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from roost.db.schema import push_addresses, push_log, push_outbox
from roost.push import plan
from roost.push.contract import Dead, Dropped, Failed, Postponed, Report, Retry, Task

UNTOLD = "its worker or the broker went away before it was told; it may have been sent"
"""What the log says of an attempt that ended so."""

AGAIN = (
    update(push_outbox)
    .where(push_outbox.c.task_id == bindparam("id"))
    .values(taken_at=0, due_at=bindparam("due"), attempt=bindparam("number"))
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
_ATTEMPT = ("message_id", "user_id", "device_id", "push_type", "push_status", "push_time", "attempt")
LOGGED = select(push_log.c.push_id).where(*(push_log.c[name] == bindparam(name) for name in _ATTEMPT))
NO_MORE = delete(push_addresses).where(push_addresses.c.aid == bindparam("aid_"))


class Recording:
    """Records reports in the writer's transaction, as `roost.db.database` runs it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._chance = random.Random()  # noqa: S311 - spreads retries

    def one_step(self, _: list[Report]) -> bool:
        """There is always more than one."""
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
