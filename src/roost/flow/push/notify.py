"""What push needs to know of the log, the conversations and the users, as it is now."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, FromClause, and_, bindparam, literal, or_, select

from roost.db.schema import (
    conversations,
    devices,
    log,
    members,
    messages,
    push_addresses,
    push_outbox,
    users,
)
from roost.model.message import EVERYBODY, Extra
from roost.push import plan
from roost.push.contract import Missed, Task
from roost.push.outbox import StoredByAny
from roost.push.plan import Facts
from roost.push.register import decode_address
from roost.roster.conversations import unread_counts

LONGEST_MAIL = 200
"""Messages that one mail tells of; what is beyond them, the next one does."""

_sender = users.alias("sender")
_decode_extra = msgspec.json.Decoder(Extra).decode

OPEN = select(push_outbox.c.seq).where(
    push_outbox.c.task_id == bindparam("task_id"),
    push_outbox.c.mid == bindparam("mid"),
    push_outbox.c.attempt == bindparam("attempt"),  # or it was tried by who had it as well, and waits for the next
    push_outbox.c.taken_at == bindparam("taken_at"),  # or it was given out again
)
WHERE_TO = (
    select(
        users.c.user_id,
        devices.c.device_id,
        push_addresses.c.platform,
        push_addresses.c.address,
        push_addresses.c.preview,
        push_addresses.c.muted,
        push_addresses.c.told,
    )
    .select_from(
        devices.join(users, users.c.uid == devices.c.uid).outerjoin(
            push_addresses, and_(push_addresses.c.did == devices.c.did, push_addresses.c.aid == bindparam("aid"))
        )
    )
    .where(devices.c.did == bindparam("did"))
)
_COLUMNS = (
    messages.c.mid,
    messages.c.message_type,
    messages.c.content,
    messages.c.server_time,
    messages.c.recall_time,
    messages.c.extra,
    messages.c.conversation_seq,
    conversations.c.conversation_id,
    conversations.c.name,
    _sender.c.user_id,
    _sender.c.display_name,
    members.c.read_seq,
    members.c.muted,
)
_uid: BindParameter[int] = bindparam("uid")


def _around(source: FromClause, uid: Any) -> FromClause:
    """Messages with their conversation, their sender and the membership of a user."""
    return (
        source.join(conversations, conversations.c.cid == messages.c.cid)
        .join(_sender, _sender.c.uid == messages.c.sender)
        .outerjoin(members, and_(members.c.cid == messages.c.cid, members.c.uid == uid))
    )


_WHAT = (
    select(log.c.seq, *_COLUMNS)
    .select_from(_around(log.join(messages, messages.c.mid == log.c.mid), log.c.uid))
    .where(log.c.uid == _uid)
)
ONE = _WHAT.where(log.c.seq == bindparam("seq"))
UNPLACED = (
    select(literal(0).label("seq"), *_COLUMNS)
    .select_from(_around(messages, _uid))
    .where(messages.c.mid == bindparam("mid"))
)
"""A mention in a large conversation that is not in the user's log yet."""
SINCE = (
    _WHAT.where(log.c.seq >= bindparam("seq"), messages.c.sender != log.c.uid, messages.c.recall_time == 0)
    .where(messages.c.conversation_seq > members.c.read_seq)
    .where(or_(members.c.muted.is_(False), messages.c.extra.like('%"mentions"%')))
    .order_by(log.c.seq)
    .limit(LONGEST_MAIL)
)


def look(connection: Connection, task: Task, stored: StoredByAny, *, preview: bool) -> Facts:
    """How things are for a task. `preview`: whether texts may be shown at all."""
    where_to = connection.execute(WHERE_TO, {"aid": task.aid, "did": task.did}).first()
    same = {"task_id": task.task_id, "mid": task.mid, "attempt": task.attempt, "taken_at": task.taken_at}
    seq = connection.execute(OPEN, same).scalar()
    if where_to is None or seq is None:
        return Facts(open=seq is not None)
    if seq:
        what = connection.execute(ONE, {"uid": task.uid, "seq": seq}).first()
    else:
        what = connection.execute(UNPLACED, {"uid": task.uid, "mid": task.mid}).first()
    facts = Facts(
        open=True,
        user_id=where_to.user_id,
        device_id=where_to.device_id,
        platform=where_to.platform or "",
        address=None if where_to.address is None else decode_address(where_to.address),
        muted=bool(where_to.muted),
        told=where_to.told or 0,
        cleared=what is None,
    )
    if what is None:
        return facts
    shown = preview and bool(where_to.preview)
    rows = [what]
    if where_to.platform == "email" and seq:
        found = connection.execute(SINCE, {"uid": task.uid, "seq": seq}).all()
        since = [row for row in found if not _is_quiet(row, where_to.user_id)]
        known = stored(connection, task.uid, [row.seq for row in since])
        rows = [row for row in since if row.seq not in known] or rows
    return msgspec.structs.replace(
        facts,
        sent_at=what.server_time,
        recalled=bool(what.recall_time),
        member=what.read_seq is not None,
        conversation_muted=_is_quiet(what, where_to.user_id),
        stored=bool(seq and stored(connection, task.uid, [seq])),
        read=what.read_seq is not None and what.read_seq >= what.conversation_seq,
        badge=sum(unread_counts(connection, task.uid).values()),
        missed=tuple(
            Missed(
                conversation_id=row.conversation_id,
                conversation_name=_name(row),
                sender_id=row.user_id,
                sender_name=row.display_name or row.user_id,
                server_msg_id=str(row.mid),
                seq=row.seq,
                text=plan.text_of(row.message_type, row.content) if shown else "",
                time=row.server_time,
            )
            for row in rows
        ),
    )


def _is_quiet(row: Any, user_id: str) -> bool:
    """Whether the user has muted the conversation, and the message does not mention the user."""
    if not row.muted:
        return False
    mentions = _decode_extra(row.extra).mentions if row.extra is not None else None
    return mentions is None or not {user_id, EVERYBODY} & set(mentions)


def _name(row: Any) -> str:
    """What a conversation is called: a group by its name, a private one by who speaks."""
    if row.conversation_id.startswith("g:"):
        return str(row.name or row.conversation_id.partition(":")[2])
    return str(row.display_name or row.user_id)
