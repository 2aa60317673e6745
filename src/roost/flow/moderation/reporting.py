"""Reports: a user has operators look at a message (D7).

A report has a copy of the message as it was: what is edited or recalled afterwards is there to be looked at. Who may
read a message may report it, once, also who got it and was removed since, or whose group was dissolved: it stands in
the log. Asking again gives the first report. Nobody else in the conversation is told.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, bindparam, select

from roost.admit.admission import Admission
from roost.audit import Act, record
from roost.db.database import Database
from roost.db.rows import made_key
from roost.db.schema import log, reports
from roost.errors import InvalidInput, UnknownMessage
from roost.hooks.events import Moderation, emit
from roost.journal import rewriting
from roost.journal.contract import Author
from roost.model.message import Message
from roost.protocol.answers import REASONS, ReportTaken
from roost.protocol.codec import encode_json
from roost.roster import conversations as roster

MAX_COMMENT = 1000
"""Characters of what is said about a message."""

FIRST = select(reports.c.report_id, reports.c.created_at).where(
    reports.c.mid == bindparam("mid"), reports.c.uid == bindparam("uid")
)

IN_LOG = select(log.c.seq).where(log.c.uid == bindparam("uid"), log.c.mid == bindparam("mid")).limit(1)
"""Looks through the whole log of a user, so it is asked only of who is no member any more."""


class Reporting:
    """The road of reports. `clock` gives milliseconds."""

    def __init__(self, database: Database, admission: Admission, clock: Callable[[], int]) -> None:
        self._database = database
        self._admission = admission
        self._clock = clock

    async def report(
        self, author: Author, message_id: str | int, reason: str, comment: str = "", *, address: str
    ) -> ReportTaken:
        """Reports a message; the first report of it by this user is the one that counts.

        Raises `UnknownMessage` (also for what the user may not read), `InvalidInput` (one's own message, an unknown
        reason, a comment that is too long) and `RateLimited`.
        """
        if reason not in REASONS:
            raise InvalidInput(f"reason must be one of {', '.join(REASONS)}.")
        if len(comment) > MAX_COMMENT or "\0" in comment:
            raise InvalidInput(f"comment must be at most {MAX_COMMENT} characters, without NUL.")
        self._admission.admit_change((author.user_id, author.did, address))

        mid = await self._database.read(lambda connection: _readable(connection, author, message_id))

        def change(tx: Connection) -> ReportTaken:
            first = tx.execute(FIRST, {"mid": mid, "uid": author.uid}).first()
            if first is not None:
                return _taken(first.report_id, first.created_at, duplicate=True)
            now = self._clock()
            message = rewriting.read(tx, mid)
            row = reports.insert().values(
                mid=mid,
                uid=author.uid,
                reason=reason,
                comment=comment,
                copy=encode_json(message).decode(),
                created_at=now,
                closed=False,
            )
            report_id = made_key(tx, row)
            taken = _taken(report_id, now)
            _tell(tx, author, message, taken.report_id, reason, comment)
            return taken

        return await self._database.write(change)


def _readable(connection: Connection, author: Author, message_id: str | int) -> int:
    """The server id of a message that the author can read, and did not write. Raises what speaks against it."""
    found = rewriting.find(connection, author.uid, message_id)
    if found.sender == author.uid:
        raise InvalidInput("One's own message can't be reported; it can be recalled.")
    if roster.role_of(connection, found.cid, author.uid) is None:
        entry = connection.execute(IN_LOG, {"uid": author.uid, "mid": found.mid}).first()
        if entry is None:
            raise UnknownMessage
    return found.mid


def _tell(tx: Connection, author: Author, message: Message, report_id: str, reason: str, comment: str) -> None:
    conversation, sender, mid = message.conversation_id, message.sender_id, message.server_msg_id
    record(tx, Act("message.reported", author, conversation, sender, mid, {"reason": reason}))
    what = Moderation(
        what="report",
        user_id=sender,
        conversation_id=conversation,
        server_msg_id=mid,
        content=message.content,
        report_id=report_id,
        reporter=author.user_id,
        reason=reason,
        comment=comment or None,
    )
    emit(tx, "moderation", conversation, what)


def _taken(report_id: int, time: int, *, duplicate: bool = False) -> ReportTaken:
    return ReportTaken(report_id=str(report_id), create_time=time, duplicate=duplicate)
