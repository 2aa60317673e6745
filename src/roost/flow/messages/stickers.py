"""Packs of stickers: made and removed by back ends, read by everybody."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Connection

from roost.admit.emoji import check_emoji
from roost.audit import Act, record
from roost.db.database import Database
from roost.errors import InvalidInput
from roost.flow.addresses import is_https
from roost.journal import stickers
from roost.journal.contract import Author
from roost.model import ids
from roost.model.sticker import MAX_PACK_NAME, MAX_STICKERS, MAX_URL, StickerPack, StickerPacks
from roost.protocol.codec import encode_json


class Stickers:
    """The road of stickers."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._clock = clock

    async def packs(self) -> StickerPacks:
        """All packs."""
        found = await self._database.read(stickers.listed)
        return StickerPacks(version=sha256(encode_json(found)).hexdigest()[:16], packs=found)

    async def put(self, author: Author, pack: StickerPack) -> None:
        """Makes a pack, or another of it. Raises `InvalidInput`, `InvalidID` or `LimitReached`."""
        _check(pack)

        def change(tx: Connection) -> None:
            stickers.put(tx, pack, self._clock())
            details = {"pack": pack.pack_id, "name": pack.name, "stickers": len(pack.stickers)}
            record(tx, Act("stickers.put", author, details=details))

        await self._database.write(change)

    async def remove(self, author: Author, pack_id: str) -> None:
        """Removes a pack. Raises `UnknownSticker`."""

        def change(tx: Connection) -> None:
            stickers.remove(tx, pack_id)
            record(tx, Act("stickers.removed", author, details={"pack": pack_id}))

        await self._database.write(change)


def _check(pack: StickerPack) -> None:
    ids.sticker_id(pack.pack_id, "packID")
    if not 1 <= len(pack.name) <= MAX_PACK_NAME or not pack.name.isprintable():
        raise InvalidInput(f"name must be 1-{MAX_PACK_NAME} printable characters.")
    names = {ids.sticker_id(one.sticker_id) for one in pack.stickers}
    if not 1 <= len(pack.stickers) <= MAX_STICKERS or len(names) < len(pack.stickers):
        raise InvalidInput(f"stickers must be 1-{MAX_STICKERS}, each with a stickerID of its own.")
    for one in pack.stickers:
        check_emoji(one.emoji)
        if not is_https(one.url, MAX_URL):
            raise InvalidInput(f"url must be an https address of at most {MAX_URL} characters.")
