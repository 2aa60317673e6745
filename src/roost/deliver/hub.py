"""The readers of this node, by the user whose log they read."""

from __future__ import annotations

from collections.abc import Iterable

from roost.deliver.reader import Reader
from roost.protocol.encoded import EncodedEntry


class Hub:
    """Announces committed entries to the readers of their logs."""

    def __init__(self) -> None:
        self._readers: dict[int, tuple[Reader, ...]] = {}

    def attach(self, reader: Reader) -> None:
        """From now on the reader is told of new entries."""
        self._readers[reader.uid] = (*self._readers.get(reader.uid, ()), reader)

    def detach(self, reader: Reader) -> None:
        """Ends this."""
        left = tuple(other for other in self._readers.get(reader.uid, ()) if other is not reader)
        if left:
            self._readers[reader.uid] = left
        else:
            self._readers.pop(reader.uid, None)

    def readers(self, uid: int) -> tuple[Reader, ...]:
        """The readers of a user's log on this node."""
        return self._readers.get(uid, ())

    def has(self, uid: int) -> bool:
        """Whether any device of a user is connected to this node. Safe to be asked in any thread."""
        return uid in self._readers

    def uids(self) -> list[int]:
        """The users whose logs are read on this node."""
        return list(self._readers)

    def announce(
        self, entry: EncodedEntry, places: Iterable[tuple[int, int]], author: int, origin: int, via: object
    ) -> int:
        """Offers an entry to every reader at its `(uid, seq)` places; returns to how many.

        `author` is the uid in whose log the entry's origin is the device `origin`; in other logs it is 0.
        """
        readers = self._readers
        told = 0
        for uid, seq in places:
            for reader in readers.get(uid, ()):
                reader.offer(entry, seq, origin if uid == author else 0, via)
                told += 1
        return told
