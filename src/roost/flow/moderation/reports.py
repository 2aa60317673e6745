"""Reports as operators see them (D7): what is open, what was found, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select, update

from roost.audit import Act, record
from roost.audit.act import Actor
from roost.db.database import Database
from roost.db.schema import reports, users
from roost.errors import Conflict, InvalidInput, NotFound
from roost.hooks.events import Moderation, emit
from roost.model import ids
from roost.model.message import Message
from roost.protocol.admin import RESOLUTIONS, ReportRecord

MAX_NOTE = 1000
"""Characters of what is noted of a report."""
ALL = "all"
STATES: dict[str, bool | None] = {"open": False, "closed": True, ALL: None}
"""What may be asked for, and whether reports are closed then."""

_FOUND = select(reports, users.c.user_id).select_from(reports.outerjoin(users, users.c.uid == reports.c.uid))
_OF_STATE = reports.c.closed == bindparam("closed")
_BEFORE = reports.c.report_id < bindparam("before")
_AFTER = reports.c.report_id > bindparam("after")
ONE = _FOUND.where(reports.c.report_id == bindparam("report_id"))
OLDEST = _FOUND.where(_AFTER).order_by(reports.c.report_id).limit(bindparam("count"))
OLDEST_OF_STATE = _FOUND.where(_OF_STATE, _AFTER).order_by(reports.c.report_id).limit(bindparam("count"))
NEWEST = _FOUND.where(_BEFORE).order_by(reports.c.report_id.desc()).limit(bindparam("count"))
NEWEST_OF_STATE = _FOUND.where(_OF_STATE, _BEFORE).order_by(reports.c.report_id.desc()).limit(bindparam("count"))


class Reports:
    """The road of operators to reports. `clock` gives milliseconds."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def page(self, state: str, after: int, count: int) -> list[ReportRecord]:
        """Reports in a state whose ids are above `after`, the oldest first."""
        return await self._database.read(lambda connection: oldest(connection, state, after, count))

    async def close(self, by: Actor, report_id: str | int, resolution: str, note: str = "") -> ReportRecord:
        """Closes a report; raises as `close` does."""
        now = self._clock()
        return await self._database.write(lambda tx: close(tx, by, report_id, resolution, note, now))


def oldest(connection: Connection, state: str, after: int, count: int) -> list[ReportRecord]:
    """Reports in one of `STATES` whose ids are above `after`, the oldest first."""
    closed = STATES[state]
    query = OLDEST if closed is None else OLDEST_OF_STATE
    asked = {"after": after, "count": count} | ({} if closed is None else {"closed": closed})
    return [_report(row) for row in connection.execute(query, asked)]


def newest(connection: Connection, count: int, state: str = ALL) -> list[ReportRecord]:
    """The newest reports in one of `STATES`, the newest first."""
    closed = STATES[state]
    query = NEWEST if closed is None else NEWEST_OF_STATE
    asked = {"before": 1 << 62, "count": count} | ({} if closed is None else {"closed": closed})
    return [_report(row) for row in connection.execute(query, asked)]


def close(tx: Connection, by: Actor | str, report_id: str | int, resolution: str, note: str, now: int) -> ReportRecord:
    """Notes what was found of a report; the same resolution again changes nothing.

    Raises `InvalidInput`, `NotFound`, and `Conflict` where it was closed with another resolution.
    """
    if resolution not in RESOLUTIONS:
        raise InvalidInput(f"resolution must be one of {', '.join(RESOLUTIONS)}.")
    if len(note) > MAX_NOTE or "\0" in note:
        raise InvalidInput(f"note must be at most {MAX_NOTE} characters, without NUL.")
    number = ids.server_id(report_id)
    name = by if isinstance(by, str) else by.user_id
    closing = update(reports).where(reports.c.report_id == number, reports.c.closed == bindparam("before"))
    values = {"closed": True, "resolution": resolution, "note": note, "closed_by": name, "closed_at": now}
    changed = number is not None and tx.execute(closing.values(values), {"before": False}).rowcount
    row = None if number is None else tx.execute(ONE, {"report_id": number}).first()
    if row is None:
        raise NotFound(f"There is no report {report_id}.")
    found = _report(row)
    if changed:
        _tell_closed(tx, by, found)
    elif found.resolution != resolution:
        raise Conflict(f"Report {report_id} was {found.resolution} by {found.closed_by}.")
    return found


def _tell_closed(tx: Connection, by: Actor | str, report: ReportRecord) -> None:
    message, note = report.message, report.note
    conversation, sender, mid = message.conversation_id, message.sender_id, message.server_msg_id
    details = {"report": report.report_id, "resolution": report.resolution, "note": note}
    record(tx, Act("report.closed", by, conversation, sender, mid, details=details))
    what = Moderation(
        what="report_closed",
        user_id=sender,
        conversation_id=conversation,
        server_msg_id=mid,
        content=message.content,
        report_id=report.report_id,
        reporter=report.reporter_id,
        reason=report.reason,
        comment=report.comment or None,
        resolution=report.resolution,
        note=note or None,
        closed_by=report.closed_by,
    )
    emit(tx, "moderation", conversation, what)


def _report(row: Row[Any]) -> ReportRecord:
    return ReportRecord(
        report_id=str(row.report_id),
        reporter_id=row.user_id,
        reason=row.reason,
        comment=row.comment,
        message=msgspec.json.decode(row.copy, type=Message),
        create_time=row.created_at,
        resolution=row.resolution,
        note=row.note or "",
        closed_by=row.closed_by,
        close_time=row.closed_at or 0,
    )
