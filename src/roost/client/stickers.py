"""Stickers: the part of the client that lists them."""

from __future__ import annotations

from typing import Any

from roost.model.sticker import StickerPack, StickerPacks


class Stickering:
    """What a `Client` does with stickers."""

    async def stickers(self) -> list[StickerPack]:
        """All packs of stickers that the server has. Raises `NetworkError` offline."""
        found: StickerPacks = await self._call("GET", "/stickers", StickerPacks)
        return found.packs

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError
