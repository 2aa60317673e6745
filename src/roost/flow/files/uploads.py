"""Taking files in (D9): in pieces, as they come, and going on where a broken connection left off.

A file is looked at when it is whole: what it is by its content, how large a picture is. Then it is kept, and waits for
the message that carries it, or for the profile or group whose picture it is to be. What is refused, and what nobody
uses within `files.unused_ttl`, leaves nothing behind.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

import msgspec

from roost.admit.ratelimit import RateLimit
from roost.config import Files
from roost.db.database import Database
from roost.errors import (
    FileTypeRefused,
    ImageTooLarge,
    InvalidInput,
    TooLarge,
    Unavailable,
    UnknownAttachment,
    WrongOffset,
)
from roost.files import kinds, register
from roost.files.incoming import Inflow
from roost.files.names import safe_name
from roost.files.place import THUMBNAIL, Place
from roost.files.register import Kept
from roost.files.turns import Turn, Turns
from roost.journal.contract import Author
from roost.metrics import UPLOADED, UPLOADS
from roost.model.attachment import Attachment, Stage

Pieces = AsyncGenerator[bytes, None]


class Progress(NamedTuple):
    """How far an upload has come: `offset` of `size` bytes; `attachment` once it is whole. Time in milliseconds."""

    upload_id: str
    offset: int
    size: int
    expires_at: int | None
    attachment: Attachment | None


class Uploads:
    """The road in for files."""

    def __init__(
        self,
        database: Database,
        place: Place,
        settings: Files,
        clock: Callable[[], int],
        seconds: Callable[[], float],
    ) -> None:
        """`clock` gives milliseconds, `seconds` a time that never goes back."""
        self._database = database
        self._place = place
        self._settings = settings
        self._clock = clock
        self._limit = RateLimit(settings.uploads_per_minute, seconds, "uploads")
        self._turns = Turns()

    @property
    def max_size(self) -> int:
        """Bytes of a file."""
        return self._settings.max_size

    async def begin(self, author: Author, name: str, size: int) -> Progress:
        """Begins an upload of so many bytes.

        Raises `RateLimited`, `TooLarge`, `QuotaReached`, `InvalidInput`; `Unavailable` where the disk is too full.
        """
        self._limit.take(author.user_id)
        if size < 0:
            raise InvalidInput("The length of a file is not negative.")
        self.check_size(size)
        if await self._place.incoming.room() - size < self._settings.keep_free:
            raise Unavailable("The server's disk has no room for this file.", retry_after=600)
        now = self._clock()
        expires_at = now + self._settings.unused_ttl * 1000
        upload = Attachment(id=secrets.token_hex(16), name=safe_name(name), size=size)
        quota = self._settings.quota
        await self._database.write(
            lambda tx: register.begin(tx, upload, author.uid, quota=quota, now=now, expires_at=expires_at)
        )
        return Progress(upload.id, 0, size, expires_at, None)

    def check_size(self, size: int) -> None:
        """Raises `TooLarge` for a file of so many bytes."""
        if size > self._settings.max_size:
            raise TooLarge(f"A file has at most {self._settings.max_size} bytes.", limit=self._settings.max_size)

    async def progress(self, author: Author, upload_id: str) -> Progress:
        """How far an upload of the author's has come. Who is still writing to it is ended. Raises as `go_on` does."""
        async with self._turns.turn(upload_id):
            kept = await self._own(author, upload_id)
            if kept.stage is not Stage.UPLOADING:
                return _whole(kept)
            offset = await self._place.incoming.received(upload_id)
            return Progress(upload_id, offset, kept.attachment.size, kept.expires_at, None)

    async def go_on(self, author: Author, upload_id: str, offset: int, pieces: Pieces) -> Progress:
        """Takes the bytes from `offset` on; what came before an error stays. Once all are there, looks at the file.

        Raises `UnknownAttachment`, `WrongOffset`, `TooLarge` for more than was announced, `UploadBusy`; in the end
        `FileTypeRefused` or `ImageTooLarge`, and the upload is gone.
        """
        async with self._turns.turn(upload_id) as turn:
            kept = await self._own(author, upload_id)
            size = kept.attachment.size
            if kept.stage is not Stage.UPLOADING:
                if offset != size:
                    raise WrongOffset("The upload is whole.", offset=size)
                return _whole(kept)
            inflow = await self._place.incoming.open(upload_id, offset)
            await _take(inflow, turn, pieces, size)
            if inflow.offset < size:
                return Progress(upload_id, inflow.offset, size, kept.expires_at, None)
            return _whole(await self._finish(kept))

    async def at_once(self, author: Author, name: str, most: int, pieces: Pieces) -> Attachment:
        """Takes a file of `most` bytes or fewer. Raises what `begin` and `go_on` raise, and nothing of it stays."""
        upload = await self.begin(author, name, most)
        try:
            async with self._turns.turn(upload.upload_id) as turn:
                kept = await self._own(author, upload.upload_id)
                inflow = await self._place.incoming.open(upload.upload_id, 0)
                await _take(inflow, turn, pieces, most)
                whole = msgspec.structs.replace(kept.attachment, size=inflow.offset)
                return (await self._finish(kept._replace(attachment=whole))).attachment
        except BaseException:
            await self._drop(upload.upload_id)
            raise

    async def cancel(self, author: Author, upload_id: str) -> None:
        """Removes an upload, or a file that nothing uses. Raises `UnknownAttachment`, `InvalidInput`."""
        async with self._turns.turn(upload_id):
            kept = await self._own(author, upload_id)
            if kept.stage is Stage.SENT:
                raise InvalidInput(
                    "This file is in use: a message carries it, or it is the picture of a user or a group."
                )
            now = self._clock()
            await self._database.write(lambda tx: register.give_up(tx, upload_id, now))
            await self._drop(upload_id)

    async def _own(self, author: Author, upload_id: str) -> Kept:
        kept = await self._database.read(lambda connection: register.find(connection, upload_id))
        if kept is None or kept.uid != author.uid or kept.stage is Stage.GONE:
            raise UnknownAttachment("There is no such upload.")
        return kept

    async def _finish(self, kept: Kept) -> Kept:
        """Looks at a file that is whole, and keeps it."""
        try:
            attachment = await self._look(kept.attachment)
        except (FileTypeRefused, ImageTooLarge) as refusal:
            UPLOADS.labels(refusal.slug).inc()
            await self._drop(kept.attachment.id)
            raise
        except FileNotFoundError:  # its time was over meanwhile
            raise UnknownAttachment from None
        place, upload_id = self._place, attachment.id
        if attachment.thumbnail:
            await place.store.keep(upload_id + THUMBNAIL, place.incoming.path(upload_id + THUMBNAIL))
        await place.store.keep(upload_id, place.incoming.path(upload_id))
        until = self._clock() + self._settings.unused_ttl * 1000
        if not await self._database.write(lambda tx: register.finish(tx, attachment, until)):
            await place.remove(upload_id)
            raise UnknownAttachment
        UPLOADS.labels("kept").inc()
        UPLOADED.inc(attachment.size)
        return kept._replace(attachment=attachment, stage=Stage.READY, expires_at=until)

    async def _look(self, attachment: Attachment) -> Attachment:
        """What a file is, by its content."""
        path = self._place.incoming.path(attachment.id)
        kind = await self._place.threads.run(lambda: kinds.kind_of(path))
        size = None
        if kind in kinds.PICTURES:
            thumbnail = self._place.incoming.path(attachment.id + THUMBNAIL)
            size = await self._place.pictures.look(path, kind, thumbnail)
            if size is None:
                await self._place.incoming.remove(attachment.id + THUMBNAIL)
                kind = kinds.UNKNOWN
        if not kinds.is_taken(kind, self._settings.types, self._settings.refused_types):
            raise FileTypeRefused(f"Files of the type {kind} are not taken here.", type=kind)
        width, height = size or (0, 0)
        return msgspec.structs.replace(attachment, type=kind, width=width, height=height, thumbnail=size is not None)

    async def _drop(self, upload_id: str) -> None:
        """Removes an upload that came to nothing: its bytes first, so that none is left without a row."""
        await self._place.remove(upload_id)
        await self._database.write(lambda tx: register.forget(tx, upload_id))


async def _take(inflow: Inflow, turn: Turn, pieces: Pieces, size: int) -> None:
    """Writes what comes, to `size` bytes in all; it is on disk afterwards, whatever ends it."""
    try:
        while piece := await turn.next(pieces):
            if inflow.offset + len(piece) > size:
                raise TooLarge(f"The file has more than the {size} bytes announced.", limit=size)
            await inflow.take(piece)
    finally:
        await inflow.close()


def _whole(kept: Kept) -> Progress:
    attachment = kept.attachment
    return Progress(attachment.id, attachment.size, attachment.size, kept.expires_at, attachment)
