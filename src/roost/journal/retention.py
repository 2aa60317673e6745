"""What may go: the oldest entries of a log, once every device has stored them (A5).

Entries go from the front only, so a log stays one unbroken range; its floor tells where it begins. Messages
themselves stay in their conversation's history.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from roost.db.schema import log, logs, marks, positions, users
from roost.journal.reading import log_state

PIECE = 5000
"""Entries removed in one transaction: some milliseconds."""


def clear(connection: Connection, uid: int, *, logged_before: int, active_since: int) -> int:
    """Removes the user's entries logged before a time (ms) that all the devices have stored; returns how many.

    At most `PIECE` at once, so that nobody's message waits long for it: called again until it returns 0.
    The log is locked meanwhile, as by who appends to it: its floor never goes back, whichever nodes clear at once.
    A device that has not synced since `active_since` (ms) has lost its claim: it starts from a snapshot (B2).
    """
    connection.execute(select(users.c.uid).where(users.c.uid == uid).with_for_update())
    active = select(func.min(positions.c.mark)).where(positions.c.uid == uid, positions.c.synced_at >= active_since)
    stored = connection.execute(active).scalar()
    floor = log_state(connection, uid).floor
    if stored is None or stored <= floor:
        return 0
    last = min(stored, floor + PIECE)
    first_kept = select(func.min(log.c.seq)).where(
        log.c.uid == uid, log.c.seq > floor, log.c.seq <= last, log.c.logged_at >= logged_before
    )
    kept = connection.execute(first_kept).scalar()
    new_floor = last if kept is None else kept - 1
    if new_floor <= floor:
        return 0
    _raise_floor(connection, uid, new_floor)
    return int(new_floor - floor)


def forget(connection: Connection, uid: int) -> bool:
    """Removes a user's entries, whoever has stored them, at most `PIECE` at once; returns whether more are left.

    The log is locked meanwhile, as in `clear`. The next entry's number is what it would have been.
    """
    connection.execute(select(users.c.uid).where(users.c.uid == uid).with_for_update())
    state = log_state(connection, uid)
    if state.head == state.floor:
        return False
    new_floor = min(state.head, state.floor + PIECE)
    _raise_floor(connection, uid, new_floor)
    return new_floor < state.head


def _raise_floor(connection: Connection, uid: int, floor: int) -> None:
    connection.execute(delete(log).where(log.c.uid == uid, log.c.seq <= floor))
    connection.execute(delete(marks).where(marks.c.uid == uid, marks.c.seq <= floor))
    if connection.execute(update(logs).where(logs.c.uid == uid).values(floor=floor)).rowcount == 0:
        connection.execute(insert(logs).values(uid=uid, floor=floor))
