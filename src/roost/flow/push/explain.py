"""Why a user was told of a message by push, or was not: in plain words, from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from roost.config import Push
from roost.db.schema import (
    conversations,
    devices,
    log,
    members,
    messages,
    push_addresses,
    push_log,
    push_outbox,
    users,
)
from roost.errors import NotFound
from roost.journal.positions import stored_by_any
from roost.model import ids

WORDS = {
    "sent": "the push service took it",
    "retry": "the push service did not take it, and it was to be tried again",
    "dead": "the address is no more, and was removed",
    "failed": "it was refused for good",
    "dropped": "it was not sent",
}

Time = Callable[[int | None], str]


def explain(connection: Connection, push: Push, user_id: str, message: str, time: Time) -> list[str]:
    """Lines for a person. `message` is a server id or a sender's own; `time` writes milliseconds.

    Raises `NotFound` for a user there is not, and for a message that is not in the user's log.
    """
    uid = connection.execute(select(users.c.uid).where(users.c.user_id == user_id)).scalar()
    if uid is None:
        raise NotFound(f"There is no user {user_id}.")
    found = _find(connection, uid, message)
    if found is None:
        raise NotFound(f"{user_id} has no message {message} in the log: not sent to {user_id}, or cleared since.")
    lines = [f"Message {found.mid} of {found.sender_id} in {found.conversation_id}, {time(found.server_time)}:"]
    if found.sender == uid:
        return [*lines, f"no push: {user_id} sent it."]
    attempts = _attempts(connection, user_id, found.mid, time)
    waiting = _waiting(connection, uid, found.mid, time)
    lines += attempts + waiting
    if not attempts and not waiting:
        lines.append(f"no push: {why_none(connection, push, uid, user_id, found.server_time, time)}.")
    if found.read_seq is not None and found.read_seq >= found.conversation_seq:
        lines.append(f"{user_id} has read it.")
    elif stored_by_any(connection, uid, [found.seq]):
        lines.append(f"A device of {user_id} has stored it.")
    return lines


def _find(connection: Connection, uid: int, message: str) -> Any:
    query = (
        select(
            log.c.seq,
            messages.c.mid,
            messages.c.sender,
            messages.c.server_time,
            messages.c.conversation_seq,
            conversations.c.conversation_id,
            users.c.user_id.label("sender_id"),
            members.c.read_seq,
            members.c.muted,
        )
        .select_from(
            log.join(messages, messages.c.mid == log.c.mid)
            .join(conversations, conversations.c.cid == messages.c.cid)
            .join(users, users.c.uid == messages.c.sender)
            .outerjoin(members, and_(members.c.cid == messages.c.cid, members.c.uid == log.c.uid))
        )
        .where(log.c.uid == uid)
        .where(or_(messages.c.mid == ids.server_id(message), messages.c.message_id == message))
        .order_by(log.c.seq.desc())
    )
    return connection.execute(query).first()


def _attempts(connection: Connection, user_id: str, mid: int, time: Time) -> list[str]:
    query = (
        select(push_log).where(push_log.c.message_id == mid, push_log.c.user_id == user_id).order_by(push_log.c.push_id)
    )
    return [
        f"{time(row.push_time)}  {row.push_type or 'push'} to device {row.device_id}: {row.push_status}: "
        f"{WORDS[row.push_status]}{f' ({row.error_msg})' if row.error_msg else ''}"
        for row in connection.execute(query)
    ]


def _waiting(connection: Connection, uid: int, mid: int, time: Time) -> list[str]:
    query = (
        select(push_outbox.c.due_at, push_outbox.c.taken_at, push_outbox.c.attempt, devices.c.device_id)
        .select_from(push_outbox.join(devices, devices.c.did == push_outbox.c.did))
        .where(push_outbox.c.uid == uid, push_outbox.c.mid == mid)
    )
    return [
        f"device {row.device_id}: "
        + (f"with a worker since {time(row.taken_at)}" if row.taken_at else f"waits, due {time(row.due_at)}")
        + (f", tried {'once' if row.attempt == 1 else f'{row.attempt} times'}" if row.attempt else "")
        for row in connection.execute(query)
    ]


def why_none(connection: Connection, push: Push, uid: int, user_id: str, sent_at: int, time: Time) -> str:
    """Why there was no push of what was sent to a user at `sent_at`, of which there is no trace."""
    if not push.enabled:
        return "push.enabled is false"
    query = select(push_addresses.c.platform, push_addresses.c.created_at).where(push_addresses.c.uid == uid)
    addresses = connection.execute(query).all()
    active = [row for row in addresses if getattr(push, row.platform).enabled]
    if not addresses:
        return f"{user_id} has registered no push address{_last_removed(connection, user_id, time)}"
    if not active:
        return f"{user_id} has addresses for {_and(row.platform for row in addresses)} only, which are switched off"
    if all(row.created_at > sent_at for row in active):
        return f"{user_id} registered an address only later"
    return (
        f"a device of {user_id} had stored it before it was due, its address was replaced before then, "
        "or the attempt is no longer in push_log"
    )


def _last_removed(connection: Connection, user_id: str, time: Time) -> str:
    """What became of the address that there was, if its service did away with it."""
    query = (
        select(push_log.c.push_time, push_log.c.push_type, push_log.c.error_msg)
        .where(push_log.c.user_id == user_id, push_log.c.push_status == "dead")
        .order_by(push_log.c.push_id.desc())
    )
    last = connection.execute(query.limit(1)).first()
    return "" if last is None else f"; that for {last.push_type} was removed {time(last.push_time)} ({last.error_msg})"


def _and(words: Iterable[str]) -> str:
    return " and ".join(sorted(set(words)))
