"""Where each device stands in its user's log (B1, B2, A3).

A position moves only when the device says that it has stored something: by `ack`, or by marking messages. An
`ack` moves a number in memory, O(1), and is saved every few seconds and on disconnect; a crash loses at most
those seconds, and the device is sent again what it has - which its own position recognises. Marks of single
messages, which may be out of order, go to the database at once: a few rows beyond the mark, gone as soon as the
mark passes them.

Where there is Redis, what is saved is kept there as well (`roost.journal.recent`), so that a device that returns need
not ask the database where it stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, and_, bindparam, func, insert, or_, select

from roost.db.database import Database
from roost.db.rows import fetch
from roost.db.schema import devices, log, marks, members, messages, positions
from roost.journal.contract import Author, LogState
from roost.journal.reading import log_state, passed
from roost.journal.recent import SyncState, SyncStates
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


STANDINGS = (
    select(devices.c.uid, devices.c.did, positions.c.mark)
    .select_from(devices.outerjoin(positions, and_(positions.c.uid == devices.c.uid, positions.c.did == devices.c.did)))
    .where(devices.c.uid.in_(bindparam("uids", expanding=True)))
)
DEVICES = select(devices.c.did).where(devices.c.uid == _uid)
FURTHEST = select(func.max(positions.c.mark)).where(positions.c.uid == _uid)
MARKED_BY_ANY = select(marks.c.seq).where(marks.c.uid == _uid, marks.c.seq.in_(bindparam("seqs", expanding=True)))


class Marked(NamedTuple):
    """What marking did: how many messages were not marked before, where the device stands now, and its last mark."""

    synced: int
    mark: int
    last: int


class Standing(NamedTuple):
    """Where a device stands. Times are milliseconds; `synced_at` is None where it has stored nothing yet."""

    did: int
    device_id: str
    last_seen: int
    synced_at: int | None
    mark: int


PIECE = 1000
"""Positions saved in one transaction: some milliseconds."""
MAX_UNTOLD = 50_000
"""States that wait for Redis to come back; the others are read from the database once."""


class Positions:
    """The positions of one node's devices."""

    def __init__(
        self,
        database: Database,
        statements: Statements,
        clock: Callable[[], int],
        states: SyncStates | None = None,
        epoch: str = "",
    ) -> None:
        """`states`: where they are kept as well, as those of the `epoch`."""
        self._database = database
        self._statements = statements
        self._clock = clock
        self._states = states
        self._epoch = epoch
        self._authors: dict[Device, Author] = {}
        """Whose the unsaved positions are, for the states."""
        self._untold: dict[Device, SyncState] = {}
        """States that Redis does not have yet."""
        self._unsaved: dict[Device, int] = {}
        self._just_saved: dict[Device, int] = {}
        """What the last save wrote: a reading that began before it finds neither that in the database nor the other."""
        self.stored: Callable[[Author, int], None] = lambda _author, _seq: None
        """Told how far a device says that it has stored the log."""

    def ack(self, author: Author, seq: int) -> None:
        """The device has stored everything up to `seq`. A position never goes back."""
        self.stands(author, seq)
        self.stored(author, seq)

    def stands(self, author: Author, seq: int) -> None:
        """The device is found to stand at `seq`: that is no news of it."""
        device = (author.uid, author.did)
        if seq > self._unsaved.get(device, 0):
            self._unsaved[device] = seq
            if self._states is not None:
                self._authors[device] = author

    async def recall(self, user_id: str, device_id: str) -> SyncState | None:
        """What is known of a device without asking the database (B1, B2), if anything."""
        return None if self._states is None else await self._states.fetch(user_id, device_id)

    def standing(self, state: SyncState) -> int | None:
        """The position that a state tells, or what was said here since; None where the database knows of marks."""
        position = max(state.position, self._said((state.uid, state.did)))
        return position if position >= state.marked else None

    def mark(self, connection: Connection, author: Author) -> int:
        """The position of a device: what was saved, or said since; its own sends and changes are passed over.

        A device without saved state stands at 0, by the same path (B3).
        """
        saved = connection.execute(SAVED, {"uid": author.uid, "did": author.did}).scalar()
        return self._passed(connection, (author.uid, author.did), saved)

    def _passed(self, connection: Connection, device: Device, saved: int | None) -> int:
        return passed(connection, *device, max(saved or 0, self._said(device)))

    def _said(self, device: Device) -> int:
        return max(self._unsaved.get(device, 0), self._just_saved.get(device, 0))

    def stored_by_any(self, connection: Connection, uid: int, seqs: Sequence[int]) -> set[int]:
        """Those of the seqs that one of the user's devices has stored."""
        dids = fetch(connection, DEVICES, uid=uid)
        said = [self._said((uid, did)) for (did,) in dids]
        return stored_by_any(connection, uid, seqs, max(said, default=0))

    def furthest(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        """How far the furthest device of each of these users has stored its log; nothing for who has no device."""
        found: dict[int, int] = {}
        for uid, did, mark in connection.execute(STANDINGS, {"uids": list(uids)}):
            found[uid] = max(found.get(uid, 0), mark or 0, self._said((uid, did)))
        return found

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
        taken, authors = dict(self._unsaved), self._authors
        if taken or self._untold:
            self._authors = {}
            now = self._clock()
            states = [self._state(authors[device], seq, now) for device, seq in taken.items() if device in authors]
            await asyncio.gather(self._tell(states), self._save(taken, now))
        return len(taken)

    async def _save(self, taken: dict[Device, int], now: int) -> None:
        if not taken:
            return
        rows = [(uid, did, seq, now) for (uid, did), seq in taken.items()]
        for piece in range(0, len(rows), PIECE):
            await self._write(rows[piece : piece + PIECE])
        self._just_saved = taken
        for device, seq in taken.items():
            if self._unsaved.get(device) == seq:
                del self._unsaved[device]

    async def _write(self, rows: list[PositionRow]) -> None:
        await self._database.write(lambda connection: self._statements.save_positions(connection, rows))

    def _state(self, author: Author, position: int, now: int, marked: int = 0) -> SyncState:
        return SyncState(
            client_id=author.device_id,
            user_id=author.user_id,
            conversation_id=None,
            last_message_id=f"{position}-1",
            last_sync_at=now,
            epoch=self._epoch,
            uid=author.uid,
            did=author.did,
            marked=marked,
        )

    async def _tell(self, states: Iterable[SyncState]) -> None:
        """Gives states to Redis; as long as it is away they wait, each device's newest."""
        if self._states is None:
            return
        for state in states:
            device = (state.uid, state.did)
            known = self._untold.pop(device, None)
            self._untold[device] = state if known is None else state.after(known)
        while len(self._untold) > MAX_UNTOLD:
            del self._untold[next(iter(self._untold))]
        waiting = dict(self._untold)
        if await self._states.save(list(waiting.values())):
            for device, state in waiting.items():
                if self._untold.get(device) is state:
                    del self._untold[device]

    async def mark_synced(self, author: Author, message_ids: Sequence[int | str]) -> int:
        """The device has stored these messages (A3); ids are server ids or senders' own. Returns how many are new.

        Ids that are unknown, not in this user's log, or marked before change nothing.
        """
        seqs = await self._database.read(lambda connection: self._places(connection, author, message_ids))
        marked = await self._database.write(lambda connection: self._mark(connection, author, seqs))
        self.ack(author, marked.mark)
        if self._states is not None:
            await self._tell([self._state(author, marked.mark, self._clock(), marked.last)])
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
        return Marked(len(new), mark, max(marked.union(new), default=0))


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
