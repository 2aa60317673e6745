"""Telling who comes back: from a device's position, page by page, to the head of its log.

The same pages serve a socket that follows (`read_on`), the `offline` batch of a simple socket, the `sync` frame
and `POST /messages/sync`. Nothing here moves a position: only what a device says it has stored does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import structlog
from sqlalchemy import Connection

from roost import metrics
from roost.db.database import Database
from roost.deliver.reader import Reader
from roost.errors import InvalidInput, SeqAhead
from roost.journal import reading
from roost.journal.contract import Author, LogPage, LogState
from roost.journal.positions import Positions
from roost.model.message import Change, Entry, Message
from roost.protocol.encoded import EncodedEntry
from roost.protocol.frames import Offline, Page

MAX_COUNT = 1000
"""Entries in a page at most (CONTRACT §3)."""
MAX_SEQ = 2**63 - 2
"""The highest position anyone may name: it and the one after it fit a signed 64-bit integer (C14)."""
OFFLINE_BATCH = 100
"""Messages pushed after login, and entries in any batch on a socket, at most (A6)."""

logger = structlog.get_logger()


class Opening(NamedTuple):
    """What a connection starts with: the log's state, what its device has stored, and whether it must reset."""

    state: LogState
    position: int
    reset: bool


class Socket(Protocol):
    """What reading on needs of a connection."""

    @property
    def writable(self) -> bool:
        """Whether its buffer has room."""

    def send(self, frame: Offline) -> None:
        """Writes a batch."""

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        """Writes a live entry."""

    def must_reset(self, state: LogState) -> None:
        """Tells that what comes next is no longer retained."""


class Catchup:
    """The road back. `epoch` names the life of this deployment's logs."""

    def __init__(
        self, database: Database, positions: Positions, epoch: str, clock: Callable[[], int], *, batch: int
    ) -> None:
        self._database = database
        self._positions = positions
        self._clock = clock
        self._batch = min(batch, OFFLINE_BATCH)
        self.epoch = epoch

    async def open(self, author: Author, last_seq: int | None, epoch: str | None) -> Opening:
        """Where a connection of this device starts. Raises `SeqAhead` or `InvalidInput`."""

        def query(connection: Connection) -> tuple[LogState, int]:
            return reading.log_state(connection, author.uid), self._positions.mark(connection, author)

        state, position = await self._database.read(query)
        self._positions.ack(author, position)  # what it passed over need not be walked again
        reset = last_seq is not None and self._must_reset(last_seq, epoch, state)
        return Opening(state, position, reset)

    def _must_reset(self, last_seq: int, epoch: str | None, state: LogState) -> bool:
        if last_seq < 0:
            raise InvalidInput("lastSeq must not be negative.")
        if epoch is not None and epoch != self.epoch:
            return True
        if last_seq > state.head:
            raise SeqAhead(f"lastSeq {last_seq} is above the head of this log, {state.head}.", headSeq=state.head)
        return last_seq < state.floor

    async def page(self, author: Author, last_seq: int, count: int, epoch: str | None) -> Page:
        """The entries after `last_seq`, at most `count` (1-1000), complete from `fromSeq` to `maxSeq`.

        What is not retained, or another epoch, gives `resetRequired` (a snapshot is the way on). Raises `SeqAhead`.
        """
        if not 1 <= count <= MAX_COUNT:
            raise InvalidInput(f"count must be 1-{MAX_COUNT}.")
        if not 0 <= last_seq <= MAX_SEQ:
            raise InvalidInput("lastSeq must be 0 to 2^63 - 2.")
        page = await self._read(author.uid, last_seq, count)
        if self._must_reset(last_seq, epoch, page.state):
            return self.reset_page(page.state, last_seq)
        messages, changes = split(page.entries)
        self._measure_delay(messages)
        through = page.entries[-1].seq if page.entries else last_seq
        return Page(
            messages=messages,
            max_seq=through,
            has_more=through < page.state.head,
            total_count=page.state.head - last_seq,
            changes=changes,
            from_seq=last_seq + 1,
            head_seq=page.state.head,
            epoch=self.epoch,
        )

    def reset_page(self, state: LogState, last_seq: int) -> Page:
        """The page that says: start from a snapshot."""
        return Page(
            messages=[],
            max_seq=last_seq,
            has_more=False,
            total_count=0,
            changes=[],
            from_seq=last_seq + 1,
            head_seq=state.head,
            epoch=self.epoch,
            reset_required=True,
            retained_seq=state.floor,
        )

    async def offline(
        self, author: Author, conversation: str | None, offset: int, count: int
    ) -> tuple[list[Message], int]:
        """What this device has not stored: messages oldest first from `offset`, and how many there are (A2)."""
        messages, total, _ = await self._unsynced(author, conversation, offset, count)
        return messages, total

    async def offline_batch(self, author: Author, head: int) -> Offline | None:
        """What a simple connection is sent after login (A6), if anything: what waited when the log's end was `head`.

        What came since is live, though it was committed before this is read.
        """
        messages, total, mark = await self._unsynced(author, None, 0, OFFLINE_BATCH, head)
        if not messages:
            return None
        self._measure_delay(messages)
        return Offline(
            messages=messages,
            changes=[],
            from_seq=mark + 1,
            through_seq=messages[-1].seq,
            remaining=total - len(messages),
        )

    async def _unsynced(
        self, author: Author, conversation: str | None, offset: int, count: int, upto: int = reading.NO_LIMIT
    ) -> tuple[list[Message], int, int]:
        def query(connection: Connection) -> tuple[list[Message], int, int]:
            uid, did, mark = author.uid, author.did, self._positions.mark(connection, author)
            found = reading.offline(
                connection, uid, did, mark, conversation=conversation, offset=offset, count=count, upto=upto
            )
            return *found, mark

        return await self._database.read(query)

    async def read_on(self, reader: Reader, socket: Socket) -> None:
        """Reads from the reader's position until it is caught up, its window is full or its socket is."""
        try:
            while reader.room > 0 and socket.writable and not reader.fast:
                position = reader.position
                page = await self._read(reader.uid, position, min(self._batch, reader.room))
                if reader.position != position:  # an ack went past it meanwhile
                    continue
                if position < page.state.floor:
                    socket.must_reset(page.state)
                    return
                if page.entries:
                    self._write(reader, socket, page)
                if reader.caught_up():
                    return
        finally:
            reader.reading = False

    def _write(self, reader: Reader, socket: Socket, page: LogPage) -> None:
        from_seq, through = reader.position + 1, page.entries[-1].seq
        reader.wrote(through, page.state.head)
        if not reader.follows:  # its one batch is behind it: all that comes now is live
            for entry in page.entries:
                if not reader.skips(entry.origin, entry.what, None):
                    entry.what.seq = 0
                    socket.deliver(EncodedEntry(entry.what), entry.seq)
            return
        messages, changes = split(page.entries)
        self._measure_delay(messages)
        socket.send(
            Offline(
                messages=messages,
                changes=changes,
                from_seq=from_seq,
                through_seq=through,
                remaining=page.state.head - through,
            )
        )

    async def _read(self, uid: int, after: int, count: int) -> LogPage:
        started = time.perf_counter()
        page = await self._database.read(lambda connection: reading.log_page(connection, uid, after, count))
        metrics.SYNC_PAGE_SECONDS.observe(time.perf_counter() - started)
        metrics.SYNC_PAGE_ENTRIES.observe(len(page.entries))
        return page

    def _measure_delay(self, messages: Sequence[Message]) -> None:
        if messages:
            metrics.SYNC_DELAY_SECONDS.observe(max(0, self._clock() - messages[0].server_time) / 1000)


def split(entries: Sequence[Entry]) -> tuple[list[Message], list[Change]]:
    """The messages of a page, each once at its newest place, and the changes; both in the order of the log."""
    newest: dict[str, Message] = {}
    changes: list[Change] = []
    for entry in entries:
        what = entry.what
        if isinstance(what, Message):
            newest.pop(what.server_msg_id, None)
            newest[what.server_msg_id] = what
        else:
            changes.append(what)
    return list(newest.values()), changes
