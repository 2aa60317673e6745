"""What has to do with files on one node, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from roost.config import Files
from roost.files.contract import Store
from roost.files.incoming import Incoming
from roost.files.pictures import Pictures
from roost.files.threads import Threads

THUMBNAIL = ".webp"
"""What the key of a file's thumbnail has behind the key of the file."""


class Place(NamedTuple):
    """Where files are kept, where they come in, and what looks at pictures."""

    store: Store
    incoming: Incoming
    pictures: Pictures
    threads: Threads

    async def remove(self, attachment_id: str) -> None:
        """Removes whatever is here of a file, finished or not."""
        for key in (attachment_id, attachment_id + THUMBNAIL):
            await self.incoming.remove(key)
            await self.store.remove(key)


@asynccontextmanager
async def open_place(store: Store, threads: Threads, folder: Path, settings: Files) -> AsyncIterator[Place]:
    """The place of a node, until the block ends. Uploads grow in `folder`."""
    pictures = Pictures(max_pixels=settings.max_pixels, side=settings.thumbnail)
    try:
        yield Place(store, Incoming(folder, threads), pictures, threads)
    finally:
        await pictures.close()
        await store.close()
        threads.close()
