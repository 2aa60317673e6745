"""Files in a directory of this machine, or of a file system that all nodes share.

A file comes in by a rename, which is whole or not at all, and the directory is told to the disk before `keep` returns.
The directory has 256 others, by the first two characters of a key, so that none of them grows too long.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

from roost.errors import UnknownAttachment
from roost.files.contract import PIECE
from roost.files.threads import Threads


class LocalStore:
    """Files below `folder`, which must be on the file system of what is to be kept."""

    def __init__(self, folder: Path, threads: Threads) -> None:
        self._folder = folder
        self._threads = threads

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    async def keep(self, key: str, source: Path) -> None:
        """See `roost.files.contract`."""
        await self._threads.run(lambda: _move(source, self._path(key)))

    async def read(self, key: str, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """See `roost.files.contract`."""
        try:
            file = await self._threads.run(lambda: self._path(key).open("rb", buffering=0))
        except FileNotFoundError:
            raise UnknownAttachment from None
        with file:
            file.seek(start)
            while length > 0 and (piece := await self._threads.run(partial(file.read, min(PIECE, length)))):
                length -= len(piece)
                yield piece

    async def remove(self, key: str) -> None:
        """See `roost.files.contract`."""
        await self._threads.run(lambda: self._path(key).unlink(missing_ok=True))

    async def close(self) -> None:
        """Nothing is open."""


def _move(source: Path, target: Path) -> None:
    if not target.parent.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(target.parent.parent)
    _sync(source)
    source.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    """A file, or what a directory has, is on disk afterwards."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
