"""Telling who comes back: from a device's position, page by page, to the head of its log.

The same pages serve a socket that follows (`read_on`), the `offline` batch of a simple socket, the `sync` frame
and `POST /messages/sync`. Nothing here moves a position: only what a device says it has stored does.

A socket recovers from the sync state and the recent log where there is Redis (B1), without asking the database. What
they can't answer, the database does, by the same path. Who asks over HTTP is answered by the database.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
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
from roost.journal.recent import Recent, SyncState
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
    """What a connection starts with: the log's state, what its device has stored, and whether it must reset.

    `recent`: the recent log tells what the device lacks; it has marked nothing beyond its position.
    """

    state: LogState
    position: int
    reset: bool
    recent: bool = False


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


async def _nothing(_: int) -> None:
    """There are no large conversations."""


class Catchup:
    """The road back. `epoch` names the life of this deployment's logs."""

    def __init__(
        self,
        database: Database,
        positions: Positions,
        epoch: str,
        clock: Callable[[], int],
        *,
        batch: int,
        recent: Recent | None = None,
        bring: Callable[[int], Awaitable[None]] = _nothing,
    ) -> None:
        """`bring` is awaited before a log (uid) is read whose reader was not here: what it lacks is entered."""
        self._database = database
        self._positions = positions
        self._clock = clock
        self._batch = min(batch, OFFLINE_BATCH)
        self._recent = recent
        self._bring = bring
        self.epoch = epoch

    async def open(
        self, author: Author, last_seq: int | None, epoch: str | None, known: SyncState | None = None
    ) -> Opening:
        """Where a connection of this device starts; `known` is its sync state. Raises `SeqAhead` or `InvalidInput`.

        Its reader is attached: what is committed from now on is told to it.
        """
        started = time.perf_counter()
        await self._bring(author.uid)
        away = None if known is None else max(0, self._clock() - known.last_sync_at)
        opening = None
        if known is not None and epoch in {None, self.epoch}:
            opening = await self._open_recent(author, last_seq, known, away)
        if opening is None:
            opening = await self._open(author, last_seq, epoch, away)
        metrics.RECOVERY_SECONDS.labels(_source(opening.recent)).observe(time.perf_counter() - started)
        return opening

    async def _open_recent(
        self, author: Author, last_seq: int | None, known: SyncState, away: int | None
    ) -> Opening | None:
        position = self._positions.standing(known)
        if self._recent is None or position is None:
            return None
        standing = await self._recent.standing(author.uid, author.did, position, away)
        if standing is None or (last_seq is not None and not position <= last_seq <= standing.head):
            return None  # from its position on nothing is cleared: that is done behind all devices (A5)
        self._positions.stands(author, standing.position)
        return Opening(LogState(standing.head, 0), standing.position, reset=False, recent=True)

    async def _open(self, author: Author, last_seq: int | None, epoch: str | None, away: int | None) -> Opening:
        def query(connection: Connection) -> tuple[LogState, int]:
            return reading.log_state(connection, author.uid), self._positions.mark(connection, author)

        begun = None if self._recent is None else await self._recent.begin(author.uid, away)
        state, position = await self._database.read(query)
        if self._recent is not None and begun is not None:
            self._recent.based(author.uid, begun, state.head)
        self._positions.stands(author, position)  # what it passed over need not be walked again
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
        await self._bring(author.uid)
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
        """What this device has not stored: messages oldest first from `offset`, each once, and how many there are (A2).

        A message that changed while it waited has a place for each change, and is counted by places.
        """
        await self._bring(author.uid)
        messages, total, _ = await self._unsynced(author, conversation, offset, count)
        return once(messages), total

    async def offline_batch(self, author: Author, opening: Opening) -> Offline | None:
        """What a simple connection is sent after login (A6), if anything: what waited when it was opened.

        What came since is live, though it was committed before this is read.
        """
        head = opening.state.head
        found = await self._recently_missed(author, opening) if opening.recent else None
        messages, total, mark = found or await self._unsynced(author, None, 0, OFFLINE_BATCH, head)
        if not messages:
            return None
        self._measure_delay(messages)
        return Offline(
            messages=once(messages),
            changes=[],
            from_seq=mark + 1,
            through_seq=messages[-1].seq,
            remaining=total - len(messages),
        )

    async def _recently_missed(self, author: Author, opening: Opening) -> tuple[list[Message], int, int] | None:
        head = opening.state.head
        if head - opening.position > MAX_COUNT:
            return None
        page = await self._read_recent(author.uid, opening.position, MAX_COUNT)
        if page is None or page.state.head < head:
            return None
        missed = [
            entry.what
            for entry in page.entries
            if entry.seq <= head and entry.origin != author.did and isinstance(entry.what, Message)
        ]
        return missed[:OFFLINE_BATCH], len(missed), opening.position

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
                page = await self._read_for(reader, min(self._batch, reader.room))
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

    async def _read_for(self, reader: Reader, count: int) -> LogPage:
        """A page from the recent log, if that goes as far as the reader knows its log to go."""
        uid, position = reader.uid, reader.position
        page = await self._read_recent(uid, position, count)
        if page is not None and page.state.head >= reader.announced:
            return page
        complete = await self._read(uid, position, count)
        if self._recent is not None and page is not None:  # what it lacks may have come by now
            await self._recent.drop(uid, unless=complete.state.head)
        return complete

    async def _read_recent(self, uid: int, after: int, count: int) -> LogPage | None:
        if self._recent is None:
            return None
        started = time.perf_counter()
        page = await self._recent.page(uid, after, count)
        if page is not None:
            _measure_page(page, started, recent=True)
        return page

    async def _read(self, uid: int, after: int, count: int) -> LogPage:
        started = time.perf_counter()
        page = await self._database.read(lambda connection: reading.log_page(connection, uid, after, count))
        _measure_page(page, started, recent=False)
        return page

    def _measure_delay(self, messages: Sequence[Message]) -> None:
        if messages:
            metrics.SYNC_DELAY_SECONDS.observe(max(0, self._clock() - messages[0].server_time) / 1000)


def _source(recent: bool) -> str:  # noqa: FBT001 - what it is called by says it
    return "redis" if recent else "sql"


def _measure_page(page: LogPage, started: float, *, recent: bool) -> None:
    metrics.SYNC_PAGE_SECONDS.labels(_source(recent)).observe(time.perf_counter() - started)
    metrics.SYNC_PAGE_ENTRIES.observe(len(page.entries))


def split(entries: Sequence[Entry]) -> tuple[list[Message], list[Change]]:
    """The messages of a page, each once at its newest place, and the changes; both in the order of the log."""
    messages: list[Message] = []
    changes: list[Change] = []
    for entry in entries:
        what = entry.what
        if isinstance(what, Message):
            messages.append(what)
        else:
            changes.append(what)
    return once(messages), changes


def once(messages: Sequence[Message]) -> list[Message]:
    """Messages in the order of the log, each once, at its newest place."""
    newest: dict[str, Message] = {}
    for message in messages:
        if message.version > 1:  # it may be here already
            newest.pop(message.server_msg_id, None)
        newest[message.server_msg_id] = message
    return list(newest.values())
