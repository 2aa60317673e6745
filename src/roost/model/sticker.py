"""A sticker: a picture that stands for an emoji, from a pack that a back end made."""

from __future__ import annotations

from roost.model.names import Wire

MAX_PACKS = 100
"""Packs on a server: all of them are one answer."""
MAX_STICKERS = 200
"""Stickers in a pack."""
MAX_PACK_NAME = 100
"""Characters."""
MAX_URL = 500
"""Characters in the address of a picture."""


class StickerName(Wire, kw_only=True):
    """Which sticker."""

    pack_id: str
    sticker_id: str


class Sticker(StickerName, kw_only=True):
    """A sticker as a message carries it: it stays so when its pack is changed. `url` is an https address."""

    emoji: str = ""
    url: str = ""


class StickerPack(Wire, kw_only=True):
    """A pack, with its stickers in the order in which they are shown."""

    pack_id: str
    name: str
    stickers: list[Sticker]


class StickerPacks(Wire, kw_only=True):
    """All packs, in the order of their ids. `version` is another whenever anything in them is."""

    version: str
    packs: list[StickerPack]
