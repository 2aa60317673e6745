"""Reading: a log by range, a conversation by number, what a device has not stored yet.

Every query here is a range of a primary key or unique index: its cost is what it returns (B5), whatever lies
before or behind. The functions take the connection of one reading transaction, so that a page and the state of
the log belong together. What a writer asks as well (`log_state`, `passed`) is one statement: where several nodes write
(READ COMMITTED), each statement sees another moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Connection, Select, and_, bindparam, func, select

from roost.db.rows import fetch
from roost.db.schema import conversations, deployment, log, logs, marks, messages, users
from roost.errors import UnknownConversation
from roost.journal import extra
from roost.journal.contract import LogPage, LogState
from roost.model.message import Change, Entry, Message

NO_LIMIT = 2**62
"""A seq or conversationSeq above any."""

_decode_change = msgspec.json.Decoder(Change).decode

_MESSAGE = (
    messages.c.mid,
    messages.c.message_id,
    conversations.c.conversation_id,
    messages.c.conversation_seq,
    users.c.user_id,
    messages.c.message_type,
    messages.c.content,
    messages.c.create_time,
    messages.c.server_time,
    messages.c.version,
    messages.c.edit_time,
    messages.c.recall_time,
    messages.c.extra,
)
_WHOLE_MESSAGE = messages.join(conversations, conversations.c.cid == messages.c.cid).join(
    users, users.c.uid == messages.c.sender
)

_uid: BindParameter[int] = bindparam("uid")
_did: BindParameter[int] = bindparam("did")
_after: BindParameter[int] = bindparam("after")
_before: BindParameter[int] = bindparam("before")
_limit: BindParameter[int] = bindparam("count")

EPOCH = select(deployment.c.value).where(deployment.c.name == "epoch")
_HEAD = select(func.max(log.c.seq)).where(log.c.uid == _uid).scalar_subquery()
_FLOOR = select(logs.c.floor).where(logs.c.uid == _uid).scalar_subquery()
STATE = select(_HEAD.label("last"), _FLOOR.label("floor"))

HEADS = select(
    users.c.uid,
    select(log.c.seq)
    .where(log.c.uid == users.c.uid)
    .order_by(log.c.uid.desc(), log.c.seq.desc())
    .limit(1)
    .correlate(users)
    .scalar_subquery(),
).where(users.c.uid.in_(bindparam("uids", expanding=True)))
"""One step down the index for each."""

PAGE = (
    select(log.c.seq, log.c.origin, log.c.change, *_MESSAGE)
    .select_from(
        log.outerjoin(messages, messages.c.mid == log.c.mid)
        .outerjoin(conversations, conversations.c.cid == messages.c.cid)
        .outerjoin(users, users.c.uid == messages.c.sender)
    )
    .where(log.c.uid == _uid, log.c.seq > _after)
    .order_by(log.c.seq)
    .limit(_limit)
)

HISTORY = (
    select(*_MESSAGE)
    .select_from(_WHOLE_MESSAGE)
    .where(messages.c.cid == bindparam("cid"), messages.c.conversation_seq < _before)
    .order_by(messages.c.conversation_seq.desc())
    .limit(_limit)
)


def unsynced(uid: Any, did: Any, after: Any) -> ColumnElement[bool]:
    """Whether an entry of `log` is one that `GET /messages/offline` shows to the device `did` that stands at `after`.

    Those are others' messages and one's own of other devices, as far as they are not marked. The arguments are
    parameters or columns.
    """
    marked = select(marks.c.seq).where(marks.c.uid == uid, marks.c.did == did, marks.c.seq == log.c.seq)
    return and_(log.c.uid == uid, log.c.seq > after, log.c.mid.is_not(None), log.c.origin != did, ~marked.exists())


_UNSYNCED = unsynced(_uid, _did, _after)

FIRST_UNSYNCED = select(log.c.seq).where(_UNSYNCED).order_by(log.c.seq).limit(1)
PASSED = STATE.add_columns(FIRST_UNSYNCED.scalar_subquery().label("first_unsynced"))


def _offline(*, conversation: bool) -> tuple[Select[Any], Select[Any]]:
    source = log.join(messages, messages.c.mid == log.c.mid)
    chosen = and_(_UNSYNCED, log.c.seq <= bindparam("upto", NO_LIMIT))
    if conversation:
        chosen = and_(chosen, messages.c.cid == bindparam("cid"))
    count = select(func.count()).select_from(source if conversation else log).where(chosen)
    rows = (
        select(log.c.seq, *_MESSAGE)
        .select_from(
            source.join(conversations, conversations.c.cid == messages.c.cid).join(
                users, users.c.uid == messages.c.sender
            )
        )
        .where(chosen)
        .order_by(log.c.seq)
        .limit(_limit)
        .offset(bindparam("offset"))
    )
    return count, rows


OFFLINE, OFFLINE_OF_CONVERSATION = _offline(conversation=False), _offline(conversation=True)


def _message(row: list[Any], seq: int = 0) -> Message:
    message = Message(
        message_id=row[1],
        server_msg_id=str(row[0]),
        seq=seq,
        conversation_id=row[2],
        conversation_seq=row[3],
        sender_id=row[4],
        message_type=row[5],
        content=row[6],
        create_time=row[7],
        server_time=row[8],
        version=row[9],
        edit_time=row[10],
        recall_time=row[11],
    )
    if row[12] is not None:
        extra.unpack(row[12], message)
    return message


def _entry(row: list[Any]) -> Entry:
    seq, origin, change, *message = row
    if change is None:
        return Entry(seq, origin, _message(message, seq))
    what = _decode_change(change)
    what.seq = seq
    return Entry(seq, origin, what)


def epoch(connection: Connection) -> str:
    """The life of this deployment's logs."""
    return str(connection.execute(EPOCH).scalar_one())


def heads(connection: Connection, uids: Sequence[int]) -> dict[int, int]:
    """The last seq of each of these logs; nothing for one without entries."""
    return {row[0]: row[1] for row in connection.execute(HEADS, {"uids": list(uids)}) if row[1] is not None}


def log_state(connection: Connection, uid: int) -> LogState:
    """The state of a log; `(0, 0)` where nothing was ever entered."""
    return _state(connection.execute(STATE, {"uid": uid}).one())


def _state(row: Any) -> LogState:
    floor = row.floor or 0
    return LogState(row.last or floor, floor)


def log_page(connection: Connection, uid: int, after: int, count: int) -> LogPage:
    """At most `count` entries after seq `after` (which must not be below the floor), and the log's state."""
    rows = fetch(connection, PAGE, uid=uid, after=after, count=count)
    return LogPage([_entry(row) for row in rows], log_state(connection, uid))


def history(connection: Connection, cid: int, before: int, count: int) -> list[Message]:
    """The newest `count` messages of a conversation with a number below `before`, oldest first."""
    rows = fetch(connection, HISTORY, cid=cid, before=before, count=count)
    return [_message(row) for row in reversed(rows)]


def messages_by_mid(connection: Connection, mids: list[int]) -> dict[int, Message]:
    """These messages, by server id."""
    query = select(*_MESSAGE).select_from(_WHOLE_MESSAGE).where(messages.c.mid.in_(mids))
    return {row[0]: _message(list(row)) for row in connection.execute(query)}


def offline(
    connection: Connection,
    uid: int,
    did: int,
    mark: int,
    *,
    conversation: str | None,
    offset: int,
    count: int,
    upto: int = NO_LIMIT,
) -> tuple[list[Message], int]:
    """What the device has not stored from its mark to seq `upto`: a page of messages, oldest first; how many there are.

    Counting costs O(what is waiting). Raises `UnknownConversation`.
    """
    parameters = {"uid": uid, "did": did, "after": mark, "upto": upto}
    total, rows = OFFLINE
    if conversation is not None:
        total, rows = OFFLINE_OF_CONVERSATION
        parameters["cid"] = cid_of(connection, conversation)
    number = connection.execute(total, parameters).scalar_one()
    page = fetch(connection, rows, **parameters, count=count, offset=offset)
    return [_message(row[1:], row[0]) for row in page], number


def passed(connection: Connection, uid: int, did: int, mark: int) -> int:
    """The mark moved over what the device need not store: its own sends, changes, and marked entries (C2, A3)."""
    row = connection.execute(PASSED, {"uid": uid, "did": did, "after": mark}).one()
    return max(mark, _state(row).head if row.first_unsynced is None else row.first_unsynced - 1)


def cid_of(connection: Connection, conversation: str) -> int:
    """The integer of a conversation id. Raises `UnknownConversation`."""
    query = select(conversations.c.cid).where(conversations.c.conversation_id == conversation)
    cid = connection.execute(query).scalar()
    if cid is None:
        raise UnknownConversation(f"There is no conversation {conversation}.")
    return int(cid)
