"""Messages that are sent later (D9).

What is scheduled is a row until it is sent. It then goes the way of every message, and whatever speaks against it by
then is told to its author by the log. It is sent **once**: whoever sends it claims the row first, for a while, and
sends it under the id that it got when it was scheduled. A node that is killed on the way leaves the row; who takes it
up again sends the same id, which stores nothing a second time. A claimed row can be neither changed nor cancelled.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BindParameter, Connection, Executable, bindparam, delete, func, insert, select, update

from roost.admit.admission import Admission
from roost.db.database import Database
from roost.db.rows import made_key
from roost.db.schema import messages, scheduled, users
from roost.errors import Conflict, Forbidden, InvalidInput, LimitReached, RoostError, UnknownMessage
from roost.flow.fanout import Fanout
from roost.flow.submit import Submit
from roost.journal import attachments, rewriting, stickers
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.model import ids
from roost.model.message import Change
from roost.protocol.answers import Scheduled
from roost.protocol.codec import encode_json
from roost.protocol.frames import Group, Private

AT_ONCE = 100
"""Messages claimed at once."""
CLAIM = 15_000
"""Milliseconds for which a claim keeps other nodes away; sending takes some of them."""
TRY_AGAIN = 2_000
"""Milliseconds after which it is tried again where the server could not take it."""
MOST = 100
"""Messages that one user has scheduled at a time."""
LONGEST_WAIT = 366 * 86_400_000
"""Milliseconds for which a message may wait."""

_decode = msgspec.json.Decoder(Private | Group).decode

_sid: BindParameter[int] = bindparam("id")
_uid: BindParameter[int] = bindparam("of")
_ROW = (scheduled.c.sid, scheduled.c.message_id, scheduled.c.conversation_id, scheduled.c.send, scheduled.c.send_time)
LISTED = select(*_ROW).where(scheduled.c.uid == _uid).order_by(scheduled.c.send_time, scheduled.c.sid)
COUNT = select(func.count()).select_from(scheduled).where(scheduled.c.uid == _uid)
SAME = select(*_ROW).where(scheduled.c.uid == _uid, scheduled.c.message_id == bindparam("name"))
MINE = select(*_ROW, scheduled.c.taken_at).where(scheduled.c.sid == _sid, scheduled.c.uid == _uid).with_for_update()
CHANGED = (
    update(scheduled)
    .where(scheduled.c.sid == _sid)
    .values(send=bindparam("what"), send_time=bindparam("at"), due_at=bindparam("at"))
)
DONE = delete(scheduled).where(scheduled.c.sid == _sid)
SENT = select(messages.c.mid).where(messages.c.sender == _uid, messages.c.message_id == bindparam("name"))
DUE = select(scheduled.c.sid).where(scheduled.c.due_at <= bindparam("now")).order_by(scheduled.c.due_at).limit(AT_ONCE)
NEXT = select(scheduled.c.due_at).order_by(scheduled.c.due_at).limit(1)
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
LOCKED = (
    select(scheduled.c.sid)
    .where(scheduled.c.sid.in_(_ids), scheduled.c.due_at <= bindparam("now"))
    .order_by(scheduled.c.sid)
    .with_for_update(skip_locked=True)
)
CLAIMED = update(scheduled).where(scheduled.c.sid.in_(_ids)).values(taken_at=bindparam("now"), due_at=bindparam("due"))
WHOSE = (
    select(*_ROW, users.c.uid, users.c.user_id, users.c.bot, users.c.deactivated_at)
    .select_from(scheduled.join(users, users.c.uid == scheduled.c.uid))
    .where(scheduled.c.sid.in_(_ids))
    .order_by(scheduled.c.send_time, scheduled.c.sid)
)
GIVEN_BACK = (
    update(scheduled)
    .where(scheduled.c.sid == _sid, scheduled.c.taken_at == bindparam("taken"))
    .values(taken_at=0, due_at=bindparam("due"))
)


class Wish(NamedTuple):
    """What somebody wants to be sent, and when (ms)."""

    conversation_id: str
    send: Private | Group
    send_time: int


class Scheduling:
    """The road of what is sent later: `work` sends what is due."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        fanout: Fanout,
        submit: Submit,
        admission: Admission,
        clock: Callable[[], int],
    ) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._submit = submit
        self._admission = admission
        self._clock = clock
        self.changed: Callable[[], None] = lambda: None
        """Called when something else may be the next that is due."""

    async def schedule(self, author: Author, wish: Wish, *, address: str) -> Scheduled:
        """Keeps a message to be sent. Asking again with the same `message_id` gives the first one.

        Raises `InvalidInput` kinds, `LimitReached`, `RateLimited`, or `Conflict` where the id is that of a message.
        """
        self._submit.check(author, wish.send)
        self._check_time(wish.send_time)
        self._admission.admit_change((author.user_id, author.did, address), bot=author.bot)
        given = wish.send.message_id
        name = secrets.token_hex(16) if given is None else ids.message_id(given)
        send = msgspec.structs.replace(wish.send, message_id=name, create_time=None)

        def change(tx: Connection) -> Scheduled:
            found = tx.execute(SAME, {"of": author.uid, "name": name}).first()
            if found is not None:
                return _shown(found)
            if tx.execute(SENT, {"of": author.uid, "name": name}).first() is not None:
                raise Conflict("A message with this messageID was sent already.")
            if tx.execute(COUNT, {"of": author.uid}).scalar_one() >= MOST:
                raise LimitReached(f"At most {MOST} messages wait to be sent.", limit=MOST)
            _name_reply(tx, author, send)
            row = insert(scheduled).values(
                uid=author.uid,
                message_id=name,
                conversation_id=wish.conversation_id,
                send=encode_json(send).decode(),
                send_time=wish.send_time,
                due_at=wish.send_time,
                taken_at=0,
            )
            key = made_key(tx, row)
            _hold_files(tx, author, send, wish.send_time)
            return _as_shown(key, name, wish.conversation_id, send, wish.send_time)

        return await self._database.write(change, self._tell_time)

    async def listed(self, author: Author) -> list[Scheduled]:
        """What the author has scheduled, the next first."""
        return await self._database.read(
            lambda connection: [_shown(row) for row in connection.execute(LISTED, {"of": author.uid})]
        )

    async def change(
        self, author: Author, scheduled_id: str, content: str | None, send_time: int | None, *, address: str
    ) -> Scheduled:
        """Gives it another content or time. Raises as `schedule`, `UnknownMessage`, or `Conflict` once it is sent."""
        self._admission.admit_change((author.user_id, author.did, address), bot=author.bot)
        if send_time is not None:
            self._check_time(send_time)

        def change(tx: Connection) -> Scheduled:
            row = _mine(tx, author, scheduled_id)
            send = _decode(row.send)
            if content is not None:
                send.content = content
                self._submit.check(author, send)
            at = row.send_time if send_time is None else send_time
            _hold_files(tx, author, send, at)
            tx.execute(CHANGED, {"id": row.sid, "what": encode_json(send).decode(), "at": at})
            return _as_shown(row.sid, row.message_id, row.conversation_id, send, at)

        return await self._database.write(change, self._tell_time)

    async def cancel(self, author: Author, scheduled_id: str) -> None:
        """It will not be sent. Raises `UnknownMessage`, or `Conflict` once it is sent."""
        await self._database.write(lambda tx: _execute(tx, DONE, {"id": _mine(tx, author, scheduled_id).sid}))

    def _check_time(self, send_time: int) -> None:
        now = self._clock()
        if not now < send_time <= now + LONGEST_WAIT:
            raise InvalidInput("sendTime must be milliseconds since 1970-01-01 UTC, later than now, within 366 days.")

    def _tell_time(self, _: Scheduled) -> None:
        self.changed()

    # --- sending ---

    async def work(self) -> int | None:
        """Sends what is due; returns when the next is (ms), None where nothing is known to be."""
        while True:
            now = self._clock()
            due = await self._database.read(lambda connection: list(connection.execute(DUE, {"now": now}).scalars()))  # noqa: B023
            if due:
                for row in await self._database.write(lambda tx: _claim(tx, due, now)):  # noqa: B023
                    await self._send(row, now)
            if len(due) < AT_ONCE:
                return await self._database.read(lambda connection: connection.execute(NEXT).scalar())

    async def _send(self, row: Any, taken: int) -> None:
        author = Author(row.uid, 0, row.user_id, "", bot=row.bot)
        try:
            if row.deactivated_at is not None:
                raise Forbidden("The author was deactivated.")
            sent = await self._submit.send(author, _decode(row.send), address="", trusted=True)
            if sent.duplicate and (sent.conversation_id != row.conversation_id or sent.server_time < row.send_time):
                raise Conflict("Another message was sent with this messageID.")
        except RoostError as error:
            if error.retryable:
                later = {"id": row.sid, "taken": taken, "due": self._clock() + TRY_AGAIN}
                await self._database.write(lambda tx: _execute(tx, GIVEN_BACK, later))
                return
            await self._fail(row, error.slug)
            return
        await self._database.write(lambda tx: _execute(tx, DONE, {"id": row.sid}))

    async def _fail(self, row: Any, error: str) -> None:
        """The author is told, once, whichever node it was."""

        def change(tx: Connection) -> Recorded | None:
            if not tx.execute(DONE, {"id": row.sid}).rowcount:
                return None
            failed = Change(
                kind="scheduled",
                conversation_id=row.conversation_id,
                action="failed",
                message_id=row.message_id,
                error=error,
                time=self._clock(),
            )
            return self._journal.record(tx, failed, [row.uid], None)

        def tell(recorded: Recorded | None) -> None:
            if recorded is not None:
                self._fanout.change(recorded)

        await self._database.write(change, tell)


def _name_reply(tx: Connection, author: Author, send: Private | Group) -> None:
    """What it replies to has the server's id, where it was sent already."""
    if send.reply_to is not None:
        with contextlib.suppress(UnknownMessage):
            send.reply_to = str(rewriting.find(tx, author.uid, send.reply_to).mid)


def _hold_files(tx: Connection, author: Author, send: Private | Group, at: int) -> None:
    """The files that it will carry are not removed before. Raises `UnknownAttachment` or `UnknownSticker`."""
    if send.attachments:
        attachments.hold(tx, author.uid, send.attachments, at)
    if send.sticker is not None:
        stickers.find(tx, send.sticker)


def _execute(tx: Connection, statement: Executable, values: dict[str, Any]) -> None:
    tx.execute(statement, values)


def _claim(tx: Connection, due: list[int], now: int) -> list[Any]:
    """Those of the rows that are still due and nobody else's, claimed."""
    taken = list(tx.execute(LOCKED, {"ids": due, "now": now}).scalars())
    if not taken:
        return []
    tx.execute(CLAIMED, {"ids": taken, "now": now, "due": now + CLAIM})
    return list(tx.execute(WHOSE, {"ids": taken}))


def _mine(tx: Connection, author: Author, scheduled_id: str) -> Any:
    """A row of the author's that nobody is sending. Raises `UnknownMessage` or `Conflict`."""
    number = ids.server_id(scheduled_id)
    row = None if number is None else tx.execute(MINE, {"id": number, "of": author.uid}).first()
    if row is None:
        raise UnknownMessage("There is no such scheduled message; it may have been sent.")
    if row.taken_at or tx.execute(SENT, {"of": author.uid, "name": row.message_id}).first() is not None:
        raise Conflict("This message is being sent.")
    return row


def _shown(row: Any) -> Scheduled:
    return _as_shown(row.sid, row.message_id, row.conversation_id, _decode(row.send), row.send_time)


def _as_shown(sid: int, name: str, conversation_id: str, send: Private | Group, send_time: int) -> Scheduled:
    return Scheduled(
        scheduled_id=str(sid),
        conversation_id=conversation_id,
        message_id=name,
        message_type=send.message_type,
        content=send.content,
        send_time=send_time,
        reply_to=None if send.reply_to is None else str(send.reply_to),
        mentions=None if send.mentions is None else [str(user_id) for user_id in send.mentions],
        attachments=send.attachments,
        ttl=send.ttl,
        sticker=send.sticker,
    )
