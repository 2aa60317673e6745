"""Packs of stickers: making, changing and removing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from roost.client.admin.asking import Asking
from roost.model.sticker import StickerPack


class Stickers(Asking):
    """What a back end does with packs of stickers."""

    async def put_stickers(self, pack_id: str, name: str, stickers: Sequence[Mapping[str, str]]) -> StickerPack:
        """Makes a pack, or replaces it. Each of the `stickers` has `stickerID`, `emoji` and `url` (https)."""
        body = {"name": name, "stickers": list(stickers)}
        return await self._http.call("PUT", f"/admin/stickers/{quote(pack_id, safe='')}", StickerPack, body=body)

    async def remove_stickers(self, pack_id: str) -> None:
        """Removes a pack. What was sent from it stays. Raises `UnknownSticker`."""
        await self._http.call("DELETE", f"/admin/stickers/{quote(pack_id, safe='')}", type(None))
