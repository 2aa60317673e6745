"""Where each device stands in its user's log (B1, B2, A3).

A position moves only when the device says that it has stored something: by `ack`, or by marking messages. An
`ack` moves a number in memory, O(1), and is saved every few seconds and on disconnect; a crash loses at most
those seconds, and the device is sent again what it has - which its own position recognises. Marks of single
messages, which may be out of order, go to the database at once: a few rows beyond the mark, gone as soon as the
mark passes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, and_, bindparam, func, insert, or_, select

from roost.db.database import Database
from roost.db.rows import fetch
from roost.db.schema import devices, log, marks, members, messages, positions
from roost.journal.contract import Author, LogState
from roost.journal.reading import log_state, passed
from roost.journal.statements import PositionRow, Statements
from roost.model import ids

Device = tuple[int, int]
"""(uid, did)"""
MAX_LISTED = 200
"""Devices in a list. Who logs in without a device id gets a new device each time."""

_uid: BindParameter[int] = bindparam("uid")
_did: BindParameter[int] = bindparam("did")

SAVED = select(positions.c.mark).where(positions.c.uid == _uid, positions.c.did == _did)
MARKED = select(marks.c.seq).where(marks.c.uid == _uid, marks.c.did == _did)


DEVICES = select(devices.c.did).where(devices.c.uid == _uid)
FURTHEST = select(func.max(positions.c.mark)).where(positions.c.uid == _uid)
MARKED_BY_ANY = select(marks.c.seq).where(marks.c.uid == _uid, marks.c.seq.in_(bindparam("seqs", expanding=True)))


class Marked(NamedTuple):
    """What marking did: how many messages were not marked before, and where the device stands now."""

    synced: int
    mark: int


class Standing(NamedTuple):
    """Where a device stands. Times are milliseconds; `synced_at` is None where it has stored nothing yet."""

    did: int
    device_id: str
    last_seen: int
    synced_at: int | None
    mark: int


PIECE = 1000
"""Positions saved in one transaction: some milliseconds."""


class Positions:
    """The positions of one node's devices."""

    def __init__(self, database: Database, statements: Statements, clock: Callable[[], int]) -> None:
        self._database = database
        self._statements = statements
        self._clock = clock
        self._unsaved: dict[Device, int] = {}
        self._just_saved: dict[Device, int] = {}
        """What the last save wrote: a reading that began before it finds neither that in the database nor the other."""

    def ack(self, author: Author, seq: int) -> None:
        """The device has stored everything up to `seq`. A position never goes back."""
        device = (author.uid, author.did)
        if seq > self._unsaved.get(device, 0):
            self._unsaved[device] = seq

    def mark(self, connection: Connection, author: Author) -> int:
        """The position of a device: what was saved, or said since; its own sends and changes are passed over.

        A device without saved state stands at 0, by the same path (B3).
        """
        saved = connection.execute(SAVED, {"uid": author.uid, "did": author.did}).scalar()
        return self._passed(connection, (author.uid, author.did), saved)

    def _passed(self, connection: Connection, device: Device, saved: int | None) -> int:
        said = max(self._unsaved.get(device, 0), self._just_saved.get(device, 0))
        return passed(connection, *device, max(saved or 0, said))

    def stored_by_any(self, connection: Connection, uid: int, seqs: Sequence[int]) -> set[int]:
        """Those of the seqs that one of the user's devices has stored."""
        dids = fetch(connection, DEVICES, uid=uid)
        said = [max(self._unsaved.get((uid, did), 0), self._just_saved.get((uid, did), 0)) for (did,) in dids]
        return stored_by_any(connection, uid, seqs, max(said, default=0))

    async def of_user(self, uid: int) -> tuple[list[Standing], LogState]:
        """The newest devices of a user (at most `MAX_LISTED`), and the state of the log they read."""
        query = (
            select(devices.c.did, devices.c.device_id, devices.c.last_seen, positions.c.synced_at, positions.c.mark)
            .select_from(devices.outerjoin(positions, and_(positions.c.uid == uid, positions.c.did == devices.c.did)))
            .where(devices.c.uid == uid)
            .order_by(devices.c.did.desc())
            .limit(MAX_LISTED)
        )

        def find(connection: Connection) -> tuple[list[Standing], LogState]:
            standings = [
                Standing(*row[:-1], self._passed(connection, (uid, row.did), row.mark))
                for row in connection.execute(query)
            ]
            return standings, log_state(connection, uid)

        return await self._database.read(find)

    async def save(self) -> int:
        """Saves what changed since the last call (B1); returns how many positions that were."""
        taken = dict(self._unsaved)
        if taken:
            now = self._clock()
            rows = [(uid, did, seq, now) for (uid, did), seq in taken.items()]
            for piece in range(0, len(rows), PIECE):
                await self._write(rows[piece : piece + PIECE])
            self._just_saved = taken
            for device, seq in taken.items():
                if self._unsaved.get(device) == seq:
                    del self._unsaved[device]
        return len(taken)

    async def _write(self, rows: list[PositionRow]) -> None:
        await self._database.write(lambda connection: self._statements.save_positions(connection, rows))

    async def mark_synced(self, author: Author, message_ids: Sequence[int | str]) -> int:
        """The device has stored these messages (A3); ids are server ids or senders' own. Returns how many are new.

        Ids that are unknown, not in this user's log, or marked before change nothing.
        """
        seqs = await self._database.read(lambda connection: self._places(connection, author, message_ids))
        marked = await self._database.write(lambda connection: self._mark(connection, author, seqs))
        self.ack(author, marked.mark)
        return marked.synced

    def _places(self, connection: Connection, author: Author, message_ids: Sequence[int | str]) -> list[int]:
        """The places of messages in the part of the log beyond the mark: what is before it is synced already.

        There is no index from a message to its places (every send would pay for it): this walks what is missed.
        """
        named = {str(value) for value in message_ids}
        numbers = {number for value in named if (number := ids.server_id(value)) is not None}
        query = (
            select(log.c.seq, log.c.mid, messages.c.message_id)
            .select_from(log.join(messages, messages.c.mid == log.c.mid))
            .where(log.c.uid == author.uid, log.c.seq > self.mark(connection, author), log.c.origin != author.did)
            .where(or_(log.c.mid.in_(sorted(numbers)), messages.c.message_id.in_(sorted(named))))
        )
        found = connection.execute(query).all()
        server_ids = {row.mid for row in found if row.mid in numbers} | _visible(connection, author.uid, numbers)
        return [row.seq for row in found if row.mid in numbers or ids.server_id(row.message_id) not in server_ids]

    def _mark(self, connection: Connection, author: Author, seqs: Sequence[int]) -> Marked:
        before = self.mark(connection, author)
        marked = {row[0] for row in fetch(connection, MARKED, uid=author.uid, did=author.did)}
        new = [seq for seq in seqs if seq > before and seq not in marked]
        now = self._clock()
        if new:
            rows = [{"uid": author.uid, "did": author.did, "seq": seq, "synced_at": now} for seq in new]
            connection.execute(insert(marks), rows)
        mark = passed(connection, author.uid, author.did, before)
        self._statements.save_positions(connection, [(author.uid, author.did, mark, now)])
        return Marked(len(new), mark)


def stored_by_any(connection: Connection, uid: int, seqs: Sequence[int], said: int = 0) -> set[int]:
    """Those of the seqs that one of the user's devices has stored; `said` is how far one is beyond what was saved."""
    furthest = max(connection.execute(FURTHEST, {"uid": uid}).scalar() or 0, said)
    marked = connection.execute(MARKED_BY_ANY, {"uid": uid, "seqs": list(seqs)}).scalars()
    return {seq for seq in seqs if seq <= furthest} | set(marked)


def _visible(connection: Connection, uid: int, numbers: set[int]) -> set[int]:
    """Those of the numbers that are server ids in the user's conversations.

    They name these messages only. Another message whose sender happens to count its own would be lost otherwise.
    """
    query = (
        select(messages.c.mid)
        .select_from(messages.join(members, and_(members.c.cid == messages.c.cid, members.c.uid == uid)))
        .where(messages.c.mid.in_(sorted(numbers)))
    )
    return set(connection.execute(query).scalars())
