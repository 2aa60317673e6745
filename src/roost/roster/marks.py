"""How far the members of a conversation have read it.

Who asks wants the others' marks: in a small conversation all of them, in a larger one a page of those whom a message
was for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select

from roost.db.rows import fetch
from roost.db.schema import conversations, members, messages, users
from roost.roster.conversations import HEAD, Conversation

_cid: BindParameter[int] = bindparam("cid")
_uid: BindParameter[int] = bindparam("uid")

_other = members.alias("other")
_own = members.alias("own")


class Place(NamedTuple):
    """A member of a conversation: what was said there last (number, time in ms), and how far this one has read."""

    conversation_id: str
    cid: int
    head: int
    last_time: int
    uid: int
    user_id: str
    read_seq: int


def _one_too_many() -> Any:
    """The first member beyond `most`, if there is one: a step along the key for each, and no more of them."""
    return (
        select(_other.c.uid)
        .where(_other.c.cid == members.c.cid)
        .order_by(_other.c.cid, _other.c.uid)
        .limit(1)
        .offset(bindparam("most"))
        .correlate(members)
        .scalar_subquery()
    )


SMALL: Select[Any] = (
    select(
        conversations.c.conversation_id,
        conversations.c.cid,
        HEAD.label("head"),
        func.coalesce(messages.c.server_time, 0).label("last_time"),
        members.c.uid,
        users.c.user_id,
        members.c.read_seq,
    )
    .select_from(
        conversations.join(_own, (_own.c.cid == conversations.c.cid) & (_own.c.uid == _uid))
        .join(members, members.c.cid == conversations.c.cid)
        .join(users, users.c.uid == members.c.uid)
        .outerjoin(messages, (messages.c.cid == conversations.c.cid) & (messages.c.conversation_seq == HEAD))
    )
    .where(
        conversations.c.conversation_id.in_(bindparam("conversation_ids", expanding=True)),
        conversations.c.dissolved_at.is_(None),
        conversations.c.large_at.is_(None),
        _one_too_many().is_(None),
    )
)
FIRST = select(members.c.uid).where(members.c.cid == _cid).order_by(members.c.uid).limit(bindparam("count"))
_RECEIVERS = (members.c.cid == _cid) & (members.c.uid != _uid) & (members.c.joined_at <= bindparam("sent_at"))
PAGE = (
    select(members.c.uid, users.c.user_id, members.c.read_seq)
    .select_from(members.join(users, users.c.uid == members.c.uid))
    .where(_RECEIVERS, members.c.uid > bindparam("after"))
    .order_by(members.c.uid)
    .limit(bindparam("count"))
)
COUNT = (
    select(func.count(), func.coalesce(func.sum(members.c.read_seq >= bindparam("place")), 0))
    .select_from(members)
    .where(_RECEIVERS)
)
SENDERS = (
    select(messages.c.sender)
    .where(messages.c.cid == _cid, messages.c.conversation_seq > bindparam("after"))
    .where(messages.c.conversation_seq <= bindparam("through"))
)
UNREAD = (
    select(messages.c.conversation_seq)
    .where(messages.c.cid == _cid, messages.c.conversation_seq > bindparam("after"))
    .where(messages.c.conversation_seq < bindparam("before"))
    .where(messages.c.sender != _uid, messages.c.recall_time == 0)
    .order_by(messages.c.conversation_seq.desc())
    .limit(bindparam("count"))
)


class Reader(NamedTuple):
    """Somebody whom a message was for."""

    uid: int
    user_id: str
    read_seq: int


def of_small(connection: Connection, uid: int, conversation_ids: Sequence[str], most: int) -> list[Place]:
    """The members of those of the user's conversations that have at most `most`; the user is among them.

    A large one has none, however few are left in it: its members are told of each other by no log.
    """
    found = connection.execute(SMALL, {"uid": uid, "conversation_ids": list(conversation_ids), "most": most})
    return [Place(*row) for row in found]


def told(connection: Connection, conversation: Conversation, most: int) -> list[int] | None:
    """Who is told by the log how far a member of a conversation has read (uids); None where it is hinted."""
    return None if conversation.large else members_if_small(connection, conversation.cid, most)


def members_if_small(connection: Connection, cid: int, most: int) -> list[int] | None:
    """The members (uids) of a conversation, None where there are more than `most`."""
    found = [row[0] for row in fetch(connection, FIRST, cid=cid, count=most + 1)]
    return found if len(found) <= most else None


def receivers(connection: Connection, cid: int, sender: int, sent_at: int, after: int, count: int) -> list[Reader]:
    """The members whom a message of `sender` was for, by uid from `after` on: all who had joined when it was sent."""
    asked = {"cid": cid, "uid": sender, "sent_at": sent_at, "after": after, "count": count}
    return [Reader(*row) for row in fetch(connection, PAGE, **asked)]


def count(connection: Connection, cid: int, sender: int, sent_at: int, place: int) -> tuple[int, int]:
    """How many a message was for, and how many of these have read it. O(members)."""
    asked = {"cid": cid, "uid": sender, "sent_at": sent_at, "place": place}
    total, read = connection.execute(COUNT, asked).one()
    return int(total), int(read)


def senders(connection: Connection, cid: int, after: int, through: int) -> set[int]:
    """Who wrote the messages of a stretch of a conversation."""
    return {row[0] for row in fetch(connection, SENDERS, cid=cid, after=after, through=through)}


def unread_between(connection: Connection, cid: int, uid: int, after: int, before: int, count: int) -> list[int]:
    """The newest conversationSeqs between two places that count as unread for a user, ascending, at most `count`."""
    rows = fetch(connection, UNREAD, cid=cid, uid=uid, after=after, before=before, count=count)
    return [row[0] for row in reversed(rows)]
