"""Where a message is, for each receiver and device: from what is stored.

Logged, and at which seq; stored by which device (its position is saved every `sync.save_interval` seconds, so what it
said last may not show yet); read; pushed, and if not, why. There is no index from a message to its places, because
every send would pay for it: the logs of the receivers are looked through, which takes a while where they are long.

A message to a large conversation is in the conversation's log first, and in that of a member when a device of the
member comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, select

from roost.config import Push
from roost.db.schema import (
    conversation_log,
    conversations,
    cursors,
    devices,
    log,
    logs,
    marks,
    members,
    messages,
    positions,
    push_log,
    push_outbox,
    users,
)
from roost.errors import UnknownMessage, UnknownReceiver
from roost.flow.push.explain import why_none
from roost.journal.reading import passed
from roost.model import ids
from roost.model.names import Wire

MOST = 200
"""Receivers that a trace has, the sender among them, unless it is of one."""


class Attempt(Wire, kw_only=True):
    """A push that was tried (`status` and `time` as in `push_log`), or that waits until `due`."""

    platform: str
    status: str
    time: int | None = None
    due: int | None = None
    attempt: int = 0
    error: str | None = None


class AtDevice(Wire, kw_only=True):
    """A message at a device of a receiver. `position` is the device's, saved at `saved`; `last_seen` 0 is never."""

    device_id: str
    sent_here: bool
    stored: bool
    position: int
    saved: int | None
    last_seen: int
    pushes: list[Attempt]


class AtReceiver(Wire, kw_only=True):
    """A message at a receiver. `seq` is its place in the log, `changed_seq` the newest one if it changed since.

    `not_logged` and `no_push` say why not. `online` None: nobody could be asked.
    """

    user_id: str
    seq: int | None
    logged: int | None
    changed_seq: int | None
    not_logged: str | None
    read: bool
    online: bool | None = None
    no_push: str | None
    devices: list[AtDevice]


class Trace(Wire, kw_only=True):
    """A message, and where it is. Times are in milliseconds; 0 is never. `more`: receivers that are not shown."""

    server_msg_id: str
    message_id: str
    conversation_id: str
    conversation_seq: int
    sender_id: str
    server_time: int
    version: int
    edit_time: int
    recall_time: int
    receivers: list[AtReceiver]
    more: int = 0


class _User(NamedTuple):
    uid: int
    user_id: str
    read_seq: int | None
    joined_at: int | None


_MESSAGE = (
    select(messages, conversations.c.conversation_id, users.c.user_id.label("sender_id"))
    .select_from(
        messages.join(conversations, conversations.c.cid == messages.c.cid).join(
            users, users.c.uid == messages.c.sender
        )
    )
    .order_by(messages.c.mid)
)
_USERS = select(users.c.uid, users.c.user_id, members.c.read_seq, members.c.joined_at)


def trace(
    connection: Connection, push: Push, name: str, time: Callable[[int | None], str], user: str | None = None
) -> Trace:
    """Where a message is; for `user` alone, if one is named, who may have left since.

    `name` is a serverMsgID, or SENDER/messageID; `time` writes milliseconds. Raises `UnknownMessage` and
    `UnknownReceiver`.
    """
    message = _find(connection, name)
    place = _place(connection, message)
    receivers = _receivers(connection, message, user)
    return Trace(
        server_msg_id=str(message.mid),
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        conversation_seq=message.conversation_seq,
        sender_id=message.sender_id,
        server_time=message.server_time,
        version=message.version,
        edit_time=message.edit_time,
        recall_time=message.recall_time,
        receivers=[_at(connection, push, message, one, place, time) for one in receivers[:MOST]],
        more=max(0, len(receivers) - MOST),
    )


def _find(connection: Connection, name: str) -> Row[Any]:
    sender, slash, own = name.partition("/")
    if slash:
        query = _MESSAGE.where(users.c.user_id == sender, messages.c.message_id == own)
    else:
        query = _MESSAGE.where(messages.c.mid == ids.server_id(name))
    found = connection.execute(query).first()
    if found is None:
        raise UnknownMessage(f"There is no message {name}: give its serverMsgID, or SENDER/messageID.")
    return found


def _place(connection: Connection, message: Row[Any]) -> int | None:
    """The message's place in the log of its conversation, if that is a large one."""
    places = select(func.min(conversation_log.c.place)).where(
        conversation_log.c.cid == message.cid, conversation_log.c.mid == message.mid
    )
    found: int | None = connection.execute(places).scalar()
    return found


def _receivers(connection: Connection, message: Row[Any], user: str | None) -> list[_User]:
    """The members of now, the sender first; or one user, member or not."""
    member = and_(members.c.uid == users.c.uid, members.c.cid == message.cid)
    if user is None:
        found = connection.execute(_USERS.select_from(users.join(members, member)).order_by(users.c.user_id))
        return sorted((_User(*row) for row in found), key=lambda one: one.uid != message.sender)
    row = connection.execute(
        _USERS.select_from(users.outerjoin(members, member)).where(users.c.user_id == user)
    ).first()
    if row is None:
        raise UnknownReceiver(f"There is no user {user}.")
    return [_User(*row)]


def _at(
    connection: Connection,
    push: Push,
    message: Row[Any],
    user: _User,
    place: int | None,
    time: Callable[[int | None], str],
) -> AtReceiver:
    query = select(log.c.seq, log.c.origin, log.c.logged_at).where(log.c.uid == user.uid, log.c.mid == message.mid)
    entries = connection.execute(query.order_by(log.c.seq)).all()
    first = entries[0] if entries and (place or entries[0].logged_at <= message.server_time) else None
    seq = first.seq if first else None
    pushes = _pushes(connection, message, user)
    return AtReceiver(
        user_id=user.user_id,
        seq=seq,
        logged=first.logged_at if first else None,
        changed_seq=entries[-1].seq if entries and entries[-1] is not first else None,
        not_logged=None if first else _why_not_logged(connection, message, user, place, changed=bool(entries)),
        read=user.uid == message.sender or (user.read_seq is not None and user.read_seq >= message.conversation_seq),
        no_push=_why_no_push(connection, push, message, user, time) if first and not pushes else None,
        devices=_devices(connection, user, seq, first.origin if first else 0, pushes),
    )


def _why_not_logged(connection: Connection, message: Row[Any], user: _User, place: int | None, *, changed: bool) -> str:
    if place is not None:
        cursor = select(cursors.c.place).where(cursors.c.cid == message.cid, cursors.c.uid == user.uid)
        passed_place = connection.execute(cursor).scalar()
        if passed_place is not None and passed_place < place:
            return "in the group's log, until a device comes"
    floor = connection.execute(select(logs.c.floor).where(logs.c.uid == user.uid)).scalar() or 0
    if user.joined_at is not None and user.joined_at > message.server_time:
        return "joined later"
    if changed or floor:
        return f"cleared since: the log begins after {floor}"
    return "was no member then"


def _why_no_push(
    connection: Connection, push: Push, message: Row[Any], user: _User, time: Callable[[int | None], str]
) -> str:
    if user.uid == message.sender:
        return "sent it"
    return why_none(connection, push, user.uid, user.user_id, message.server_time, time)


def _devices(
    connection: Connection, user: _User, seq: int | None, origin: int, pushes: dict[str, list[Attempt]]
) -> list[AtDevice]:
    query = (
        select(devices.c.did, devices.c.device_id, devices.c.last_seen, positions.c.mark, positions.c.synced_at)
        .select_from(
            devices.outerjoin(positions, and_(positions.c.uid == devices.c.uid, positions.c.did == devices.c.did))
        )
        .where(devices.c.uid == user.uid)
        .order_by(devices.c.did)
    )
    marked = select(marks.c.did).where(marks.c.uid == user.uid, marks.c.seq == seq)
    beyond = set(connection.execute(marked).scalars()) if seq is not None else set()
    found = []
    for row in connection.execute(query).all():
        position = passed(connection, user.uid, row.did, row.mark or 0)
        sent_here = row.did == origin
        found.append(
            AtDevice(
                device_id=row.device_id,
                sent_here=sent_here,
                stored=sent_here or row.did in beyond or (seq is not None and position >= seq),
                position=position,
                saved=row.synced_at,
                last_seen=row.last_seen,
                pushes=pushes.get(row.device_id, []),
            )
        )
    return found


def _pushes(connection: Connection, message: Row[Any], user: _User) -> dict[str, list[Attempt]]:
    """What was tried, and what waits, for each device."""
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    tried = select(push_log).where(push_log.c.message_id == message.mid, push_log.c.user_id == user.user_id)
    for row in connection.execute(tried.order_by(push_log.c.push_id)):
        found[row.device_id].append(
            Attempt(
                platform=row.push_type,
                status=row.push_status,
                time=row.push_time,
                attempt=row.attempt,
                error=row.error_msg,
            )
        )
    waiting = (
        select(push_outbox, devices.c.device_id)
        .select_from(push_outbox.join(devices, devices.c.did == push_outbox.c.did))
        .where(push_outbox.c.uid == user.uid, push_outbox.c.mid == message.mid)
        .order_by(push_outbox.c.task_id)
    )
    for row in connection.execute(waiting):
        status = "with a worker" if row.taken_at else "waits"
        found[row.device_id].append(Attempt(platform="", status=status, due=row.due_at, attempt=row.attempt))
    return found
