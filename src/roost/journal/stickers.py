"""Packs of stickers, and the one that a message is to carry."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from roost.db.schema import sticker_packs, stickers
from roost.errors import LimitReached, UnknownSticker
from roost.model.sticker import MAX_PACKS, Sticker, StickerName, StickerPack

ONE = select(stickers.c.emoji, stickers.c.url).where(
    stickers.c.pack_id == bindparam("pack"), stickers.c.sticker_id == bindparam("sticker")
)
LOCKED = select(sticker_packs.c.pack_id).where(sticker_packs.c.pack_id == bindparam("pack")).with_for_update()
COUNT = select(func.count()).select_from(sticker_packs)


def find(connection: Connection, name: StickerName) -> Sticker:
    """The sticker as it is now. Raises `UnknownSticker`."""
    row = connection.execute(ONE, {"pack": name.pack_id, "sticker": name.sticker_id}).first()
    if row is None:
        raise UnknownSticker(f"There is no sticker {name.sticker_id} in the pack {name.pack_id}.")
    return Sticker(pack_id=name.pack_id, sticker_id=name.sticker_id, emoji=row.emoji, url=row.url)


def put(tx: Connection, pack: StickerPack, now: int) -> None:
    """Makes a pack, or makes it what it is here. `now` in milliseconds. Raises `LimitReached`."""
    named = {"name": pack.name, "changed_at": now}
    if tx.execute(LOCKED, {"pack": pack.pack_id}).first() is not None:
        tx.execute(update(sticker_packs).where(sticker_packs.c.pack_id == pack.pack_id).values(named))
        tx.execute(delete(stickers).where(stickers.c.pack_id == pack.pack_id))
    else:
        if tx.execute(COUNT).scalar_one() >= MAX_PACKS:
            raise LimitReached(f"There are {MAX_PACKS} packs of stickers already.", data={"limit": MAX_PACKS})
        tx.execute(insert(sticker_packs).values(pack_id=pack.pack_id, **named))
    tx.execute(insert(stickers), _rows(pack.stickers))


def _rows(listed: Sequence[Sticker]) -> list[dict[str, object]]:
    return [
        {"pack_id": one.pack_id, "sticker_id": one.sticker_id, "place": place, "emoji": one.emoji, "url": one.url}
        for place, one in enumerate(listed)
    ]


def remove(tx: Connection, pack_id: str) -> None:
    """Removes a pack. What was sent from it stays. Raises `UnknownSticker`."""
    if tx.execute(LOCKED, {"pack": pack_id}).first() is None:
        raise UnknownSticker(f"There is no pack {pack_id}.")
    tx.execute(delete(stickers).where(stickers.c.pack_id == pack_id))
    tx.execute(delete(sticker_packs).where(sticker_packs.c.pack_id == pack_id))


def listed(connection: Connection) -> list[StickerPack]:
    """All packs, in the order of their ids."""
    names = connection.execute(select(sticker_packs.c.pack_id, sticker_packs.c.name))
    packs = {row.pack_id: StickerPack(pack_id=row.pack_id, name=row.name, stickers=[]) for row in names}
    for row in sorted(connection.execute(select(stickers)), key=lambda row: row.place):
        if row.pack_id in packs:
            one = Sticker(pack_id=row.pack_id, sticker_id=row.sticker_id, emoji=row.emoji, url=row.url)
            packs[row.pack_id].stickers.append(one)
    return [packs[name] for name in sorted(packs)]
