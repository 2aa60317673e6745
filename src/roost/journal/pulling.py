"""Pulling: what a large conversation's log has beyond a member's cursor is entered in the member's own log.

For one member who comes back, or for all who are here when something new is there: one transaction for many. The logs
are locked first, as by who appends to them; whoever pulls the same at another node finds the cursors moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from roost.db.schema import push_addresses, push_outbox
from roost.journal import large
from roost.journal.append import Numbers
from roost.journal.contract import Place
from roost.journal.large import LargeEntry
from roost.journal.reading import messages_by_mid
from roost.journal.statements import EntryRow, Statements
from roost.model.message import Change, Message

PIECE = 2000
"""Entries pulled in one transaction, at most, or one for each member: some milliseconds."""
SHOWN = 20
"""Entries of one conversation that members here are told one by one; beyond that they hear of the last, and read."""

_decode_change = msgspec.json.Decoder(Change).decode

ADDRESSES = select(push_addresses.c.uid, push_addresses.c.aid).where(
    push_addresses.c.uid.in_(bindparam("uids", expanding=True))
)
PLACED = (
    update(push_outbox)
    .where(push_outbox.c.aid == bindparam("to"), push_outbox.c.mid == bindparam("of"), push_outbox.c.seq == 0)
    .values(seq=bindparam("at"))
)


class Told(NamedTuple):
    """Something that was pulled, and the places that it has now."""

    what: Message | Change
    places: list[Place]


class Pulled(NamedTuple):
    """What is to be told of a pulling, in order; `more`: it was not all."""

    told: list[Told]
    more: bool


class _Group(NamedTuple):
    """Members with the same cursor, and what lies beyond it."""

    cid: int
    uids: list[int]
    entries: list[LargeEntry]


def pull(
    connection: Connection,
    statements: Statements,
    uids: Iterable[int],
    now: int,
    *,
    cid: int | None = None,
    most: int = PIECE,
) -> Pulled:
    """Enters what the logs of `uids` lack, of all large conversations or of one; about `most` entries.

    Part of the caller's write transaction.
    """
    receivers = sorted(set(uids))
    logs = Numbers(statements.log_heads(connection, receivers))
    groups, more = _groups(connection, receivers, cid, most)
    rows: list[EntryRow] = []
    shown: list[tuple[LargeEntry, list[Place]]] = []
    called: list[tuple[int, list[Place]]] = []
    for group in groups:
        for entry in group.entries:
            places = logs.take_each(group.uids)
            rows += [(uid, seq, entry.mid, 0, now, entry.change) for uid, seq in places]
            if entry.calls and entry.mid is not None:
                called.append((entry.mid, places))
            if len(group.entries) <= SHOWN or entry is group.entries[-1]:
                shown.append((entry, places))
        if _is_the_end(group.entries[-1]):
            large.forget(connection, group.cid, group.uids)
        else:
            large.move(connection, group.cid, group.uids, group.entries[-1].place)
    statements.store(connection, [], rows)
    if called:
        _place_pushes(connection, called)
    return Pulled(_told(connection, shown), more)


def _groups(connection: Connection, uids: Sequence[int], cid: int | None, most: int) -> tuple[list[_Group], bool]:
    together: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for cursor in large.behind(connection, uids, cid):
        together[cursor.cid, cursor.place].append(cursor.uid)
    groups: list[_Group] = []
    left, more = most, False
    for (of, place), members in sorted(together.items()):
        if left <= 0:
            return groups, True
        count = max(1, left // len(members))
        entries = large.entries_after(connection, of, place, count)
        groups.append(_Group(of, sorted(members), entries))
        left -= len(entries) * len(members)
        more = more or len(entries) == count
    return groups, more


def _is_the_end(entry: LargeEntry) -> bool:
    """Whether nothing comes after an entry: the group was dissolved with it."""
    return entry.change is not None and _decode_change(entry.change).action == "dissolved"


def _place_pushes(connection: Connection, called: Sequence[tuple[int, list[Place]]]) -> None:
    """Pushes that told of a mention before it had a place learn it: so they are dropped when a device stores it."""
    uids = {uid for _, places in called for uid, _ in places}
    addresses: defaultdict[int, list[int]] = defaultdict(list)
    for uid, aid in connection.execute(ADDRESSES, {"uids": list(uids)}):
        addresses[uid].append(aid)
    rows: list[dict[str, Any]] = [
        {"to": aid, "of": mid, "at": seq}
        for mid, places in called
        for uid, seq in places
        for aid in addresses.get(uid, ())
    ]
    if rows:
        connection.execute(PLACED, rows)


def _told(connection: Connection, shown: Sequence[tuple[LargeEntry, list[Place]]]) -> list[Told]:
    mids = {entry.mid for entry, _ in shown if entry.mid is not None}
    messages = messages_by_mid(connection, sorted(mids)) if mids else {}
    told: list[Told] = []
    for entry, places in shown:
        if entry.mid is not None:
            told.append(Told(messages[entry.mid], places))
        elif entry.change is not None:
            told.append(Told(_decode_change(entry.change), places))
    return told
