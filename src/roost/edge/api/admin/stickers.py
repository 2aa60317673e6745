"""Packs of stickers: making, changing and removing them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.operations import BackEndCall, operation
from roost.model.names import Wire
from roost.model.sticker import MAX_PACK_NAME, MAX_STICKERS, MAX_URL, Sticker, StickerPack


class NewSticker(Wire, kw_only=True):
    """A sticker: its id in the pack, the emoji that it stands for, and where its picture is."""

    sticker_id: str
    emoji: str
    url: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_URL})]


class PackName(Wire, kw_only=True):
    """A pack."""

    pack_id: str


class NewPack(PackName, kw_only=True):
    """What the pack is from now on, with its stickers in the order in which they are shown."""

    name: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_PACK_NAME})]
    stickers: Annotated[list[NewSticker], msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": MAX_STICKERS})]


async def put_pack(call: BackEndCall, asked: NewPack) -> StickerPack:
    """Make a pack of stickers, or replace it. What was sent from it stays as it was."""
    listed = [
        Sticker(pack_id=asked.pack_id, sticker_id=one.sticker_id, emoji=one.emoji, url=one.url)
        for one in asked.stickers
    ]
    pack = StickerPack(pack_id=asked.pack_id, name=asked.name, stickers=listed)
    await call.roads.stickers.put(call.author, pack)
    return pack


async def remove_pack(call: BackEndCall, asked: PackName) -> None:
    """Remove a pack of stickers. What was sent from it stays as it was."""
    await call.roads.stickers.remove(call.author, asked.pack_id)


OPERATIONS = (
    operation("PUT", "/admin/stickers/{pack_id}", put_pack, scope="stickers"),
    operation("DELETE", "/admin/stickers/{pack_id}", remove_pack, scope="stickers"),
)
