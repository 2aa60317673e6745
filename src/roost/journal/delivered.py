"""How far a conversation was delivered to a user: derived from positions and the log, stored nowhere.

A message is delivered when one of the user's devices has stored it: when the furthest position of these is at its
entry or beyond it, or one has marked it. Messages of a conversation lie in a log in the order of their numbers, so
"delivered" is one number: all before the first message that no device has stored.

Most users are at the head of their logs, and then all is delivered. For the others the log is read from the furthest
position on, as far as the first message of the conversation: O(what they miss) at most. A message that was changed is
in the log again; that it is the first time is told by the time, which is that of the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, select

from roost.db.rows import fetch
from roost.db.schema import conversations, log, marks, messages
from roost.journal.reading import heads

SKEW = 60_000
"""Milliseconds by which the clocks of two nodes may differ."""

_uid: BindParameter[int] = bindparam("uid")
_after: BindParameter[int] = bindparam("after")

_marked = select(marks.c.seq).where(marks.c.uid == _uid, marks.c.seq == log.c.seq)
_NEW = (log.c.uid == _uid) & (log.c.seq > _after) & (log.c.logged_at == messages.c.server_time)
"""Entries of messages that were new then."""

NEXT = select(log.c.logged_at).where(log.c.uid == _uid, log.c.seq > _after).order_by(log.c.seq).limit(1)
FIRST_MISSED = (
    select(messages.c.conversation_seq)
    .select_from(log.join(messages, messages.c.mid == log.c.mid))
    .where(_NEW, messages.c.cid == bindparam("cid"), messages.c.sender != _uid, ~_marked.exists())
    .order_by(log.c.seq)
    .limit(1)
)
STORED = (
    select(messages.c.sender, conversations.c.conversation_id, messages.c.conversation_seq)
    .select_from(
        log.join(messages, messages.c.mid == log.c.mid).join(conversations, conversations.c.cid == messages.c.cid)
    )
    .where(_NEW, log.c.seq <= bindparam("through"), messages.c.sender != _uid)
    .order_by(log.c.seq.desc())
    .limit(bindparam("count"))
)


class Asked(NamedTuple):
    """A user in a conversation, of which the last message has the number `head` and the time `last_time` (ms)."""

    uid: int
    cid: int
    head: int
    last_time: int


def delivered(connection: Connection, asked: Sequence[Asked], furthest: Mapping[int, int]) -> list[int]:
    """Up to which conversationSeq all was delivered, for each; `furthest` are the positions of these users."""
    ends = heads(connection, sorted({one.uid for one in asked}))
    missing: dict[int, int] = {}
    for uid, end in ends.items():
        if end > (position := furthest.get(uid, 0)):
            oldest = connection.execute(NEXT, {"uid": uid, "after": position}).scalar()
            if oldest is not None:
                missing[uid] = oldest
    found = []
    for one in asked:
        first = None
        if one.uid in missing and one.last_time + SKEW >= missing[one.uid]:
            where = {"uid": one.uid, "cid": one.cid, "after": furthest.get(one.uid, 0)}
            first = connection.execute(FIRST_MISSED, where).scalar()
        found.append(one.head if first is None else first - 1)
    return found


class Stored(NamedTuple):
    """A message that was delivered: of whom (uid), and where."""

    sender: int
    conversation_id: str
    conversation_seq: int


def stored(connection: Connection, uid: int, after: int, through: int, count: int) -> list[Stored]:
    """The newest messages of others between two places of a log, at most `count`."""
    return [Stored(*row) for row in fetch(connection, STORED, uid=uid, after=after, through=through, count=count)]
