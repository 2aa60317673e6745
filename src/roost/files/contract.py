"""Where whole files are kept. A kind of store is a class here and a parameter of `tests/contracts/test_files.py`.

1. **Whole or not at all.** A key is there with all its bytes, or it is not there; nobody reads half a file.
2. **On disk.** When `keep` returns, the file survives a power cut, as far as the place itself keeps its word.
3. **Never another.** What is kept under a key is not changed. Kept again (after a crash), it is the same file.
4. **Bounded.** Reading and keeping take memory for some pieces, whatever the file's size, and never block the event
   loop. A piece is read when it is asked for.
5. Removing what is not there is harmless, so all of it may be done again.

Keys are 1-64 characters of `a-z 0-9 .` made here: no name that a person gave is ever part of one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

PIECE = 256 * 1024
"""Bytes that are read or written at a time."""


class Store(Protocol):
    """A place for files. All of it raises `Unavailable` where the place can't be used."""

    async def keep(self, key: str, source: Path) -> None:
        """Takes over a finished file; the source is gone afterwards."""

    def read(self, key: str, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` on, in pieces. Raises `UnknownAttachment` where the key is not there."""

    async def remove(self, key: str) -> None:
        """Removes a file, if it is there."""

    async def close(self) -> None:
        """Ends what the store has open."""
