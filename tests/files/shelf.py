"""The roads of files on some rooms, with a directory for the bytes, and the few sentences that tests say with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from roost.config import Files
from roost.db.schema import attachment_uses, attachments
from roost.files.local import LocalStore
from roost.files.place import Place, open_place
from roost.files.threads import Threads
from roost.flow.files.attachments import Attachments
from roost.flow.files.uploads import Progress, Uploads
from roost.flow.messages.changing import recalled
from roost.journal import rewriting
from roost.journal.contract import Author, Committed
from roost.model.attachment import Attachment
from roost.model.message import Extra
from tests.rooms import Rooms, private


async def pieces(*content: bytes) -> AsyncGenerator[bytes, None]:
    for piece in content:
        yield piece


class Shelf:
    """Uploads and attachments. `folder` has their bytes."""

    def __init__(self, rooms: Rooms, place: Place, folder: Path, settings: Files) -> None:
        self.rooms = rooms
        self.place = place
        self.folder = folder
        self.uploads = Uploads(rooms.database, place, settings, rooms.clock, lambda: 0.0)
        self.attachments = Attachments(rooms.database, place, rooms.clock)

    async def upload(self, author: Author, content: bytes = b"hello", name: str = "notes.txt") -> Attachment:
        """A whole file."""
        return await self.uploads.at_once(author, name, len(content), pieces(content))

    async def begun(self, author: Author, size: int) -> Progress:
        return await self.uploads.begin(author, "big.bin", size)

    async def go_on(self, author: Author, upload: Progress, offset: int, *content: bytes) -> Progress:
        return await self.uploads.go_on(author, upload.upload_id, offset, pieces(*content))

    async def send(self, author: Author, to: str, *carried: Attachment, message_id: str | None = None) -> Committed:
        """A message that carries these."""
        draft = private(author, to, "look", message_id)
        draft.extra = Extra(attachments=[Attachment(id=one.id) for one in carried])
        return await self.rooms.send(draft)

    async def recall(self, sent: Committed) -> None:
        """Takes a message back, as the road of changes does."""
        mid = int(sent.message.server_msg_id)

        def change(tx: Any) -> None:
            rewriting.rewrite(tx, recalled(rewriting.read(tx, mid), self.rooms.clock(), None))

        await self.rooms.write(change)

    async def read(self, author: Author, attachment: Attachment) -> bytes:
        """The bytes of a file, if the author may read it."""
        found = await self.attachments.find(author, attachment.id)
        return b"".join([piece async for piece in self.attachments.read(found, 0, found.size)])

    def on_disk(self) -> list[str]:
        """The names of all files that are kept or come in."""
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    async def rows(self) -> tuple[int, int]:
        """How many files the tables know, and how often messages carry one."""

        def count(connection: Any) -> tuple[int, int]:
            known = connection.execute(select(attachments.c.attachment_id)).all()
            return len(known), len(connection.execute(select(attachment_uses.c.mid)).all())

        return await self.rooms.read(count)


@asynccontextmanager
async def open_shelf(rooms: Rooms, folder: Path, **settings: Any) -> AsyncIterator[Shelf]:
    chosen = msgspec.convert({"keep_free": 0, **settings}, Files)
    threads = Threads()
    async with open_place(LocalStore(folder / "kept", threads), threads, folder / "incoming", chosen) as place:
        yield Shelf(rooms, place, folder, chosen)
