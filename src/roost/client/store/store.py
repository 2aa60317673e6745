"""The store as the client uses it: the functions of this package, each in a transaction, in the store's own thread.

SQLite works in one thread, so the event loop never waits for a disk. Calls are carried out in the order in which
they were made. A transaction is on disk when its call returns, except for `delivered`: it survives the end of the
process at once, a power cut some seconds later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

import msgspec

from roost.client.errors import ClientClosed, StoreBelongsToAnother
from roost.client.store import reading, reset, sending
from roost.client.store.entries import Applied, Book, Entries, apply, keep_history, set_settings
from roost.client.store.expiry import expire
from roost.client.store.marks import count_others
from roost.client.store.members import know_members
from roost.client.store.rows import StoredMessage
from roost.client.store.schema import open_file
from roost.client.store.stale import CAME_BACK
from roost.model.message import GroupSettings, Message
from roost.protocol.answers import Group, Snapshot

P = ParamSpec("P")
T = TypeVar("T")


EXPIRE_EVERY = 5.0
"""Seconds between two looks whether a message has expired."""


class SyncConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where the store stands (C6). `last_sync_time` in milliseconds; `epoch` is the log's, None before the first."""

    user_id: str | None
    device_id: str
    epoch: str | None
    last_sync_seq: int
    last_sync_time: int
    is_syncing: bool
    delivered_seq: int
    delivered_id: int


class Store:
    """The local store of one user on one device. `open` first, `close` at the end."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._thread: ThreadPoolExecutor | None = None
        self._book: Book | None = None
        self._expiring: asyncio.Task[None] | None = None

    # --- life ---

    async def open(self) -> SyncConfig:
        """Opens the file, made if missing. Raises `StoreInUse`, `StoreTooNew` or `sqlite3.DatabaseError`.

        One that could not be opened, or was closed, may be opened again.
        """
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="roost-store")
        try:
            config = await self._in_thread(self._open)
        except BaseException:
            self._end_thread()
            raise
        self._expiring = asyncio.get_running_loop().create_task(self._expire(), name="roost-expiring")
        return config

    async def _expire(self) -> None:
        """Removes what expires though nobody reads; whoever reads meanwhile sees none of it."""
        while True:
            await asyncio.sleep(EXPIRE_EVERY)
            if self._book is not None and self._book.next_expiry <= _now():
                await self.read(lambda _: None)

    def _open(self) -> SyncConfig:
        self._book = Book(open_file(self.path, uuid4().hex))
        self._book.execute("UPDATE sync SET is_syncing = 0")
        return _config(self._book)

    async def close(self) -> None:
        """Ends it; harmless if it is closed."""
        if self._expiring is not None:
            self._expiring.cancel()
            await asyncio.gather(self._expiring, return_exceptions=True)
            self._expiring = None
        if self._thread is not None:
            await self._in_thread(self._close)
            self._end_thread()

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()  # it has nothing more to do: this takes no time

    def _close(self) -> None:
        if self._book is not None:
            self._book.connection.close()
            self._book = None

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._thread is None:
            raise ClientClosed
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def read(self, query: Callable[Concatenate[Book, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function of the store's `Book` that changes nothing."""

        def run() -> T:
            if self._book is None:
                raise ClientClosed
            if self._book.next_expiry <= _now():
                _in_transaction(self._book, expire, _now())
            return query(self._book, *args, **kwargs)

        return await self._in_thread(run)

    async def write(self, change: Callable[Concatenate[Book, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function of the store's `Book` in a transaction, which is on disk afterwards."""

        def run() -> T:
            if self._book is None:
                raise ClientClosed
            return _in_transaction(self._book, change, *args, **kwargs)

        return await self._in_thread(run)

    @property
    def user_id(self) -> str | None:
        """Whose store this is, None until it is known."""
        return None if self._book is None else self._book.user_id

    # --- the log ---

    async def config(self) -> SyncConfig:
        """Where the store stands."""
        return await self.read(_config)

    async def claim(self, user_id: str, epoch: str | None = None) -> None:
        """Makes the store this user's. Raises `StoreBelongsToAnother`."""
        await self.write(_claim, user_id, epoch)

    async def apply(self, entries: Entries) -> Applied:
        """Stores entries and moves the position, in one transaction (C6)."""
        return await self.write(apply, entries, _now())

    async def apply_snapshot(self, snapshot: Snapshot) -> reset.Restarted:
        """Puts the store where the snapshot is."""
        return await self.write(reset.apply_snapshot, snapshot, _now())

    async def clear(self) -> None:
        """Removes everything that the log brought; what is unsent stays (C5, `reset_sync`)."""
        await self.write(reset.clear)

    async def set_syncing(self, *, syncing: bool) -> None:
        """Notes whether a sync runs (C6)."""
        await self.write(_set_syncing, syncing=syncing)

    async def get_max_seq(self) -> int:
        """The highest seq of any message stored, 0 without one (C6)."""
        return await self.read(_max_seq)

    async def get_last_sync_seq(self) -> int:
        """The position: everything up to it is stored (C6)."""
        return (await self.config()).last_sync_seq

    async def save_last_sync_seq(self, seq: int) -> None:
        """Sets the position (C6). The client itself moves it only together with the entries; see `apply`."""
        await self.write(_save_last_sync_seq, seq, _now())

    async def save_messages(self, messages: list[Message]) -> list[StoredMessage]:
        """Stores messages that did not come from the log: a history page. The position stays.

        Returns those that were in the outbox, and are out of it now.
        """
        return await self.write(keep_history, messages)

    async def save_group(self, group: Group) -> None:
        """Stores who is in a group."""
        await self.write(_save_group, group)

    # --- the application ---

    async def delivered(self, seq: int, server_id: int) -> None:
        """The application was told everything up to this place. Not waited for by the disk (see above)."""

        def run() -> None:
            if self._book is None:
                raise ClientClosed
            self._book.execute("PRAGMA synchronous = NORMAL")
            try:
                self._book.execute("UPDATE sync SET delivered_seq = ?, delivered_id = ?", (seq, server_id))
            finally:
                self._book.execute("PRAGMA synchronous = FULL")

        await self._in_thread(run)

    async def undelivered(self, seq: int, server_id: int, count: int) -> list[reading.Delivery]:
        """What the application was not told yet."""
        return await self.read(reading.undelivered, seq, server_id, count)

    async def conversations(self, *, limit: int, offset: int) -> list[reading.Conversation]:
        """The conversations, the latest first."""
        return await self.read(reading.conversations, limit=limit, offset=offset)

    async def conversation(self, conversation_id: str) -> reading.Conversation | None:
        """One conversation."""
        return await self.read(reading.conversation, conversation_id)

    async def history(self, conversation_id: str, before: int | None, limit: int) -> list[StoredMessage]:
        """The newest messages before a conversationSeq, oldest first."""
        return await self.read(reading.history, conversation_id, before, limit)

    async def unread(self) -> dict[str, int]:
        """Unread messages by conversation id."""
        return await self.read(reading.unread)

    async def search(self, text: str, conversation_id: str | None, limit: int) -> list[StoredMessage]:
        """Messages with these words."""
        return await self.read(reading.search, text, conversation_id, limit)

    async def message(self, server_id: int) -> StoredMessage | None:
        """A message by its server id."""
        return await self.read(reading.message, server_id)

    # --- what waits to be told to the server ---

    async def put(self, message: StoredMessage) -> None:
        """Puts a message into the outbox."""
        await self.write(sending.put, message)


def _in_transaction(book: Book, change: Callable[Concatenate[Book, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    book.execute("BEGIN IMMEDIATE")
    try:
        done = change(book, *args, **kwargs)
        book.execute("COMMIT")
    except BaseException:
        if book.connection.in_transaction:
            book.execute("ROLLBACK")
        book.forget_keys()
        raise
    return done


def _now() -> int:
    return time.time_ns() // 1_000_000


def _config(book: Book) -> SyncConfig:
    row = book.execute(
        "SELECT user_id, device_id, epoch, last_sync_seq, last_sync_time, is_syncing, delivered_seq, delivered_id "
        "FROM sync"
    ).fetchone()
    names = SyncConfig.__struct_fields__
    values: dict[str, Any] = dict(zip(names, row, strict=True))
    return SyncConfig(**values | {"is_syncing": bool(values["is_syncing"])})


def _claim(book: Book, user_id: str, epoch: str | None) -> None:
    if book.user_id not in (None, user_id):
        raise StoreBelongsToAnother(f"This store belongs to {book.user_id}, not to {user_id}.")
    book.execute("UPDATE sync SET user_id = ?, epoch = ifnull(epoch, ?)", (user_id, epoch))
    book.user_id = user_id


def _set_syncing(book: Book, *, syncing: bool) -> None:
    book.execute("UPDATE sync SET is_syncing = ?", (syncing,))


def _max_seq(book: Book) -> int:
    first, later = book.execute("SELECT max(seq), (SELECT max(changed_seq) FROM messages) FROM messages").fetchone()
    return max(first or 0, later or 0)


def _save_last_sync_seq(book: Book, seq: int, now: int) -> None:
    book.execute("UPDATE sync SET last_sync_seq = ?, last_sync_time = ?", (seq, now))


def _save_group(book: Book, group: Group) -> None:
    key = book.key(group.conversation_id)
    know_members(book, key, group.members, all_of_them=not group.large)
    count_others(book, key)
    mine = next((member.role for member in group.members if member.user_id == book.user_id), "member")
    book.execute(
        f"UPDATE conversations SET {CAME_BACK}, name = ?, role = ?, gone = 0 WHERE key = ?",  # noqa: S608 - a constant
        (group.name, mine, key),
    )
    set_settings(book, key, GroupSettings(**{name: getattr(group, name) for name in GroupSettings.__struct_fields__}))
