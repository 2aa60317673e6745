"""What `roost.db.database` needs of a kind of database: `roost.db.sqlite`, `roost.db.server`."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection


class Engine(Protocol):
    """A kind of database. A connection is used by the thread that asked for it."""

    @property
    def limit(self) -> float | None:
        """Seconds after which a transaction or a reading is given up; None where nothing hangs."""

    def writer(self) -> Connection:
        """A connection that writes, and takes its time."""

    def prepared(self, connection: Connection) -> Connection:
        """The database is prepared: the connection that the writer goes on with, for which the limit holds."""

    def reader(self, *, limited: bool = False) -> Connection:
        """A connection that cannot write. Only where it is `limited` does the limit hold for it."""

    def begin(self, connection: Connection) -> None:
        """Opens a transaction that may write."""

    def commit(self, connection: Connection) -> None:
        """Makes it durable."""

    def rollback(self, connection: Connection) -> None:
        """Takes it back."""

    def begin_reading(self, connection: Connection) -> None:
        """Opens a transaction in which every statement sees the same state."""

    def idle(self, connection: Connection) -> None:
        """Called on the writer when nothing waits: the time for housekeeping such as a checkpoint."""

    def may_run_again(self, error: Exception) -> bool:
        """Whether the transaction was taken back for the sake of another: run again, it may well succeed."""

    def came_between(self, error: Exception) -> bool:
        """Whether another writer has meanwhile made what a change did not find, and so tried to make."""

    def lost(self, error: Exception) -> bool:
        """Whether the database could not be reached, or the connection broke."""

    def renew(self, connection: Connection) -> None:
        """The next use of the connection opens another one. Called in its own thread."""

    def abort(self, thread: int) -> None:
        """What a thread waits for on its connection ends in an error that is `lost`. Called in another thread."""

    def dispose(self) -> None:
        """Closes what is left open."""
