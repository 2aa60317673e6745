"""Files: the part of the client that brings them to the server and back, through broken connections.

An upload goes in pieces; after a loss the server is asked how far it has come, and the rest follows. A download grows
in a file beside its target, which takes its name when it is whole.
"""

from __future__ import annotations

import asyncio
import os
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from roost.client import backoff
from roost.client.errors import NetworkError
from roost.client.http import Http
from roost.errors import RoostError, WrongOffset
from roost.model.attachment import Attachment

Progress = Callable[[int, int], None]
"""Called with the bytes that are through, and all there are."""

PIECE = 8 << 20
"""Bytes of one request: what a proxy between may collect before it sends them on."""
READ = 256 * 1024
"""Bytes that are read from a disk at a time."""
MAX_TRIES = 8
"""Losses in a row, without a byte getting through between them, after which a transfer has failed."""


class Begun(msgspec.Struct):
    """What the server says of an upload that was begun."""

    id: str


class Files:
    """What a `Client` does with files. It asks the server at once, and raises `NetworkError` where it stays away."""

    async def upload(
        self, source: str | Path | bytes, *, name: str | None = None, progress: Progress | None = None
    ) -> Attachment:
        """Uploads a file, to be sent with `send(..., attachments=[...])`; goes on after a broken connection.

        `name` is what receivers see; the file's own without it. Raises `TooLarge`, `QuotaReached`, `FileTypeRefused`,
        `ImageTooLarge`, `RateLimited`, `OSError`.
        """
        if isinstance(source, bytes):
            return await _Upload(self._http, source, name or "file", progress or _nobody, self._patience).run()
        path = Path(source)
        size = (await asyncio.to_thread(path.stat)).st_size
        upload = _Upload(self._http, path, name or path.name, progress or _nobody, self._patience, size)
        return await upload.run()

    async def download(self, attachment: Attachment, target: str | Path, *, progress: Progress | None = None) -> Path:
        """Downloads a file to `target`, or into the directory `target`; returns where it is.

        Raises `UnknownAttachment` where it is out of reach, `OSError`.
        """
        path = Path(target)
        if await asyncio.to_thread(path.is_dir):
            path /= Path(attachment.name).name or attachment.id
        part = path.with_name(f".{path.name}.{attachment.id[:8]}.part")
        await _Download(self._http, attachment, part, progress or _nobody, self._patience).run()
        await asyncio.to_thread(part.replace, path)
        return path

    async def thumbnail(self, attachment: Attachment) -> bytes:
        """The thumbnail of a picture (WebP). Raises `UnknownAttachment` where it has none."""
        return (await self._http.raw("GET", f"/attachments/{attachment.id}/thumbnail")).content

    _patience: float

    @property
    def _http(self) -> Http:
        raise NotImplementedError


def _nobody(done: int, total: int) -> None:
    """Nobody wants to know."""


class _Transfer:
    """What goes on after a loss, as long as some bytes get through."""

    def __init__(self, progress: Progress, patience: float) -> None:
        self._progress = progress
        self._base = backoff.BASE * patience
        self._chance = random.Random()  # noqa: S311 - spreads attempts out
        self._losses = 0

    async def lost(self, error: RoostError) -> None:
        """Waits before the next attempt. Raises the error where there is none to be made."""
        if not (error.retryable or isinstance(error, WrongOffset)) or self._losses >= MAX_TRIES:
            raise error
        await asyncio.sleep(backoff.delay(self._losses, self._chance, at_least=error.retry_after, base=self._base))
        self._losses += 1


class _Upload(_Transfer):
    def __init__(
        self, http: Http, source: Path | bytes, name: str, progress: Progress, patience: float, size: int | None = None
    ) -> None:
        super().__init__(progress, patience)
        self._http = http
        self._source = source
        self._name = name
        self._size = len(source) if isinstance(source, bytes) else size or 0

    async def run(self) -> Attachment:
        upload_id = await self._begin()
        offset = 0
        while True:
            try:
                attachment = await self._bring(upload_id, offset)
                if attachment is not None:
                    return attachment
                offset = min(offset + PIECE, self._size)
                self._losses = 0
            except RoostError as error:
                await self.lost(error)
                reached = await self._reached(upload_id, offset)
                self._losses = 0 if reached > offset else self._losses
                offset = reached
            self._progress(offset, self._size)

    async def _begin(self) -> str:
        named = b64encode(self._name.encode()).decode()
        headers = {"Upload-Length": str(self._size), "Upload-Metadata": f"filename {named}"}
        while True:
            try:
                return (await self._http.raw_call("POST", "/uploads", Begun, headers=headers)).id
            except RoostError as error:
                await self.lost(error)

    async def _reached(self, upload_id: str, offset: int) -> int:
        """How far the server has come. `offset` where it can't be asked now."""
        try:
            answer = await self._http.raw("HEAD", f"/uploads/{upload_id}")
        except RoostError as error:
            if not error.retryable:
                raise
            return offset
        return int(answer.headers.get("Upload-Offset", offset))

    async def _bring(self, upload_id: str, offset: int) -> Attachment | None:
        """Brings the next piece; the description of the file, where it was the last."""
        length = min(PIECE, self._size - offset)
        headers = {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
            "Upload-Offset": str(offset),
        }
        path = f"/uploads/{upload_id}"
        if offset + length < self._size:
            await self._http.raw("PATCH", path, headers=headers, content=lambda: self._pieces(offset, length))
            return None
        attachment: Attachment = await self._http.raw_call(
            "PATCH", path, Attachment, headers=headers, content=lambda: self._pieces(offset, length)
        )
        self._progress(self._size, self._size)
        return attachment

    def _open(self) -> BinaryIO:
        return BytesIO(self._source) if isinstance(self._source, bytes) else self._source.open("rb")

    async def _pieces(self, offset: int, length: int) -> AsyncIterator[bytes]:
        file = await asyncio.to_thread(self._open)
        with file:
            file.seek(offset)
            done = 0
            while done < length and (piece := await asyncio.to_thread(file.read, min(READ, length - done))):
                yield piece
                done += len(piece)
                self._progress(offset + done, self._size)


class _Download(_Transfer):
    def __init__(self, http: Http, attachment: Attachment, part: Path, progress: Progress, patience: float) -> None:
        super().__init__(progress, patience)
        self._http = http
        self._attachment = attachment
        self._part = part

    async def run(self) -> None:
        """Has all bytes in the file, those of an earlier attempt among them."""
        while True:
            done = await asyncio.to_thread(self._length)
            if done == self._attachment.size:
                return
            try:
                await self._fetch(done)
            except NetworkError as error:
                self._losses = 0 if await asyncio.to_thread(self._length) > done else self._losses
                await self.lost(error)

    def _length(self) -> int:
        """The bytes that are there; an empty file where none are."""
        with self._part.open("ab") as file:
            length = file.tell()
            if length > self._attachment.size:
                file.truncate(0)
                return 0
            return length

    async def _fetch(self, done: int) -> None:
        size = self._attachment.size
        headers = {"Range": f"bytes={done}-", "If-Range": f'"{self._attachment.id}"'} if done else {}
        file = await asyncio.to_thread(self._part.open, "r+b")
        with file:
            file.seek(done)
            async with self._http.stream(f"/attachments/{self._attachment.id}", headers) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece)
                    done += len(piece)
                    self._progress(done, size)
            await asyncio.to_thread(_flush, file)
        if done < size:
            raise NetworkError("The file ended early.")


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
