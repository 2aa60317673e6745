"""Large conversations: a log of their own, from which their members' logs are filled when they come.

A message to a small group is an entry in the log of each member. In a large one it is one entry in the conversation's
log, and each member has a cursor there: what lies beyond it is entered in the member's own log (**pulled**, see
`roost.journal.pulling`) before anybody reads that. So everything that reads logs is the same for both, and a member who
is away costs nothing.

1. **Who may write has a cursor.** It is made with the membership and goes with it, in one transaction.
2. **In order.** A member's log has the entries of a conversation in the order of its log. So whoever writes gets what
   lies before first, in the same transaction, and so does who is told of leaving.
3. **Once.** A cursor moves in the transaction that enters what it passes, with the member's log locked.
4. **The members of then.** Who joins begins at the end of the log; who leaves has got all up to that.

The log's numbers are given like those of messages: with the conversation's row locked, commit order is their order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, delete, insert, select, update

from roost.db.rows import fetch
from roost.db.schema import calls, conversation_log, cursors, messages
from roost.model.message import Change, Message
from roost.protocol.codec import encode_json

_cid: BindParameter[int] = bindparam("cid")
_uids: BindParameter[int] = bindparam("uids", expanding=True)


class LargeEntry(NamedTuple):
    """An entry of a conversation's log. `calls`: it is a new message that mentions somebody."""

    place: int
    mid: int | None
    fresh: bool
    change: str | None
    calls: bool = False


class Cursor(NamedTuple):
    """How far a conversation's log is in a member's."""

    uid: int
    cid: int
    place: int


def _head(cid: Any) -> Any:
    """One step down the index."""
    return (
        select(conversation_log.c.place)
        .where(conversation_log.c.cid == cid)
        .order_by(conversation_log.c.cid.desc(), conversation_log.c.place.desc())
        .limit(1)
    )


HEAD = _head(_cid)
_CURSORS = select(cursors.c.uid, cursors.c.cid, cursors.c.place)
CURSORS = _CURSORS.where(cursors.c.cid == _cid, cursors.c.uid.in_(_uids))
_IS_BEHIND = cursors.c.place < _head(cursors.c.cid).correlate(cursors).scalar_subquery()
BEHIND = _CURSORS.where(cursors.c.uid.in_(_uids), _IS_BEHIND)
BEHIND_IN = BEHIND.where(cursors.c.cid == _cid)
PENDING = select(cursors.c.cid).where(cursors.c.uid == bindparam("uid"), _IS_BEHIND).limit(1)
CIDS = select(cursors.c.cid).where(cursors.c.uid == bindparam("uid"))
ANY = select(cursors.c.cid).limit(1)
ENTRIES: Select[Any] = (
    select(
        conversation_log.c.place,
        conversation_log.c.mid,
        conversation_log.c.fresh,
        conversation_log.c.change,
        messages.c.extra.like('%"mentions"%').label("calls"),
    )
    .select_from(
        conversation_log.outerjoin(
            messages, and_(messages.c.mid == conversation_log.c.mid, conversation_log.c.fresh.is_(True))
        )
    )
    .where(conversation_log.c.cid == _cid, conversation_log.c.place > bindparam("after"))
    .order_by(conversation_log.c.place)
    .limit(bindparam("count"))
)
MOVE = (
    update(cursors)
    .where(cursors.c.cid == bindparam("of"), cursors.c.uid.in_(bindparam("those", expanding=True)))
    .values(place=bindparam("to"))
)
FORGET = delete(cursors).where(cursors.c.cid == _cid, cursors.c.uid.in_(_uids))
ALL = 2**31
"""More entries than anybody lacks."""


def exists(connection: Connection) -> bool:
    """Whether there is any large conversation."""
    return connection.execute(ANY).first() is not None


def is_pending(connection: Connection, uid: int) -> bool:
    """Whether the user's log lacks something."""
    return connection.execute(PENDING, {"uid": uid}).first() is not None


def conversations_of(connection: Connection, uid: int) -> list[int]:
    """The large conversations of a user (cids)."""
    return list(connection.execute(CIDS, {"uid": uid}).scalars())


def behind(connection: Connection, uids: Collection[int], cid: int | None = None) -> list[Cursor]:
    """The cursors of these users that are not at the end, in all their conversations or in one."""
    parameters: dict[str, Any] = {"uids": list(uids)}
    if cid is None:
        found = connection.execute(BEHIND, parameters)
    else:
        found = connection.execute(BEHIND_IN, parameters | {"cid": cid})
    return [Cursor(*row) for row in found]


def members(connection: Connection, cid: int, uids: Collection[int]) -> dict[int, int]:
    """Those of the users who are members, with their cursors."""
    found = connection.execute(CURSORS, {"cid": cid, "uids": list(uids)})
    return {row.uid: row.place for row in found}


def head(connection: Connection, cid: int) -> int:
    """The last place of a conversation's log."""
    return int(connection.execute(HEAD, {"cid": cid}).scalar() or 0)


def entries_after(connection: Connection, cid: int, place: int, count: int = ALL) -> list[LargeEntry]:
    """At most `count` entries of a conversation's log after a place."""
    rows = fetch(connection, ENTRIES, cid=cid, after=place, count=count)
    return [LargeEntry(place, mid, bool(fresh), change, bool(calls)) for place, mid, fresh, change, calls in rows]


def enter(connection: Connection, rows: Sequence[tuple[int, LargeEntry]]) -> None:
    """Stores entries, each of a conversation (cid)."""
    values = [
        {"cid": cid, "place": entry.place, "mid": entry.mid, "fresh": entry.fresh, "change": entry.change}
        for cid, entry in rows
    ]
    connection.execute(insert(conversation_log), values)


def enter_next(connection: Connection, cid: int, what: Message | Change) -> None:
    """Enters a change, or a message that is another now, at the end of a log. The conversation is locked."""
    place = head(connection, cid) + 1
    if isinstance(what, Message):
        entry = LargeEntry(place, int(what.server_msg_id), fresh=False, change=None)
    else:
        entry = LargeEntry(place, None, fresh=False, change=encode_json(what).decode())
    enter(connection, [(cid, entry)])


def move(connection: Connection, cid: int, uids: Iterable[int], place: int) -> None:
    """Moves the cursors of these members."""
    connection.execute(MOVE, {"of": cid, "those": list(uids), "to": place})


def forget(connection: Connection, cid: int, uids: Iterable[int]) -> None:
    """These need no cursor any more: the log has ended."""
    connection.execute(FORGET, {"cid": cid, "uids": list(uids)})


def call(connection: Connection, cid: int, entries: Iterable[LargeEntry]) -> None:
    """These messages mention all members: they are to be told by push, some at a time (`roost.journal.calling`)."""
    rows = [{"cid": cid, "place": entry.place, "mid": entry.mid, "uid": 0} for entry in entries]
    connection.execute(insert(calls), rows)
