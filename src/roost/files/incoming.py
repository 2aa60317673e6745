"""Files that are on their way in: one for each upload, growing at its end.

How far an upload has come is the length of its file, and nothing else: what was told to a client was on disk before
(`fsync`), and what a killed server had taken beyond it is simply more of the same. A file is locked while it is
written (`flock`), so two nodes that share the directory never write to the same.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from pathlib import Path

from roost.errors import UploadBusy, WrongOffset
from roost.files.contract import PIECE
from roost.files.threads import Threads


class Incoming:
    """The directory of unfinished uploads. An upload's id is made here, and so is a safe name."""

    def __init__(self, folder: Path, threads: Threads) -> None:
        self._folder = folder
        self._threads = threads

    def path(self, upload_id: str) -> Path:
        """Where an upload grows."""
        return self._folder / upload_id

    async def received(self, upload_id: str) -> int:
        """The bytes that are there."""
        try:
            return await self._threads.run(lambda: self.path(upload_id).stat().st_size)
        except FileNotFoundError:
            return 0

    async def open(self, upload_id: str, offset: int) -> Inflow:
        """To write on from `offset`. Raises `WrongOffset` if that is not the end, `UploadBusy` if another writes."""
        return await self._threads.run(lambda: Inflow(self._made(upload_id), offset, self._threads))

    def _made(self, upload_id: str) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.path(upload_id)

    async def remove(self, upload_id: str) -> None:
        """Removes an upload, if it is there."""
        await self._threads.run(lambda: self.path(upload_id).unlink(missing_ok=True))

    async def room(self) -> int:
        """Bytes that are free on the disk."""

        def free() -> int:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return shutil.disk_usage(self._folder).free

        return await self._threads.run(free)


class Inflow:
    """An upload that is being written. Pieces are collected, so that the disk is asked for large ones only."""

    def __init__(self, path: Path, offset: int, threads: Threads) -> None:
        self._threads = threads
        self._lock = threading.Lock()  # a cancelled write may still run when the file is closed
        self._waiting = bytearray()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._begin(offset)
        except BaseException:
            os.close(self._file)
            raise
        self.offset = offset
        """The bytes taken so far, those collected and not written among them."""

    def _begin(self, offset: int) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusy from None
        there = os.fstat(self._file).st_size
        if there != offset:
            raise WrongOffset(f"The upload goes on at byte {there}, not {offset}.", offset=there)
        os.lseek(self._file, offset, os.SEEK_SET)

    async def take(self, piece: bytes) -> None:
        """Takes the next bytes."""
        self._waiting += piece
        self.offset += len(piece)
        if len(self._waiting) >= PIECE:
            collected, self._waiting = self._waiting, bytearray()
            await self._threads.run(lambda: self._write(collected))

    async def close(self) -> None:
        """All that was taken is on disk afterwards."""
        collected, self._waiting = self._waiting, bytearray()
        await self._threads.run(lambda: self._end(collected))

    def _write(self, data: bytearray) -> None:
        with self._lock:
            if self._file >= 0:
                _write_all(self._file, data)

    def _end(self, data: bytearray) -> None:
        with self._lock:
            file, self._file = self._file, -1
            if file < 0:
                return
            try:
                _write_all(file, data)
                os.fsync(file)
            finally:
                os.close(file)


def _write_all(file: int, data: bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
