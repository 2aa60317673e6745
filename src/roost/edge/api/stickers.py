"""Stickers: what there are."""

from __future__ import annotations

from roost.edge.api.operations import Call, operation
from roost.model.sticker import StickerPacks


async def list_stickers(call: Call) -> StickerPacks:
    """List all packs of stickers. `ETag` and `If-None-Match` say whether a copy is good."""
    return await call.roads.stickers.packs()


OPERATIONS = (operation("GET", "/stickers", list_stickers, versioned=True),)
