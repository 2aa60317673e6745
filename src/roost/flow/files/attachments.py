"""Files that are here (D9): who may read them, reading them, and removing those whose time is over.

A file is its sender's, and of the members of each conversation in which a message carries it. The thumbnail of one that
is somebody's picture is everybody's, that of a group's picture its members'. To everybody else, and once nothing uses
it any more, there is no such file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
from sqlalchemy import Connection

from roost.db.database import Database
from roost.errors import RoostError, UnknownAttachment
from roost.files import register
from roost.files.decoding import LARGEST_THUMBNAIL
from roost.files.place import THUMBNAIL, Place
from roost.journal import attachments as carried
from roost.journal import avatars
from roost.journal.contract import Author
from roost.metrics import ATTACHMENTS_REMOVED
from roost.model.attachment import Attachment

SWEEP = 60.0
"""Seconds between two looks for files whose time is over."""
AT_ONCE = 100
"""Files that are asked for together."""
AGAIN = 600_000
"""Milliseconds after which a file that could not be removed is tried again."""

logger = structlog.get_logger()


class Attachments:
    """The road out for files."""

    def __init__(self, database: Database, place: Place, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._place = place
        self._clock = clock

    async def find(self, author: Author, attachment_id: str) -> Attachment:
        """A file that the author may read. Raises `UnknownAttachment`."""
        known = await self._database.read(lambda connection: carried.seen(connection, author.uid, [attachment_id]))
        if attachment_id not in known:
            raise UnknownAttachment
        return known[attachment_id]

    async def find_shown(self, author: Author, attachment_id: str) -> Attachment:
        """A file of which the author may see the thumbnail. Raises `UnknownAttachment`."""

        def query(connection: Connection) -> Attachment | None:
            known = carried.seen(connection, author.uid, [attachment_id])
            return known.get(attachment_id) or avatars.shown(connection, author.uid, attachment_id)

        found = await self._database.read(query)
        if found is None:
            raise UnknownAttachment
        return found

    def read(self, attachment: Attachment, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Bytes of a file, in pieces. Raises `UnknownAttachment` where it has been removed meanwhile."""
        return self._place.store.read(attachment.id, start, length)

    async def thumbnail(self, attachment: Attachment) -> bytes:
        """The thumbnail of a picture, WebP. Raises `UnknownAttachment` where it has none."""
        if not attachment.thumbnail:
            raise UnknownAttachment("This file has no thumbnail.")
        pieces = self._place.store.read(attachment.id + THUMBNAIL, 0, LARGEST_THUMBNAIL)
        return b"".join([piece async for piece in pieces])

    async def sweep(self) -> int:
        """Removes files whose time is over: first from everybody, then from the store; returns how many."""
        removed = 0
        while True:
            now = self._clock()
            names = await self._database.read(partial(register.expired, now=now, count=AT_ONCE))
            for name in names:
                removed += await self._remove(name, now)
            if len(names) < AT_ONCE:
                return removed

    async def _remove(self, name: str, now: int) -> bool:
        condemned = await self._database.write(lambda tx: register.condemn(tx, name, now=now, until=now + AGAIN))
        if not condemned:  # sent, or another node has it
            return False
        try:
            await self._place.remove(name)
        except RoostError:
            logger.warning("a file could not be removed; it is tried again", attachment=name)
            return False
        await self._database.write(lambda tx: register.forget(tx, name))
        ATTACHMENTS_REMOVED.inc()
        return True

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Sweeps again and again, until the block ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except RoostError as error:
                logger.warning("files could not be looked through", error=error.slug)
            except Exception:
                logger.exception("files could not be looked through")
            await asyncio.sleep(SWEEP)
