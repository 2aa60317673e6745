"""Block lists: the part of the client that keeps whom this user does not want to hear of (D9)."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from roost.client.store import reading
from roost.client.store.entries import Book, store_blocks
from roost.client.store.store import Store
from roost.model import ids
from roost.protocol.answers import Block


class Blocks:
    """What a `Client` does with its block list. It is in the store, on all devices of the user."""

    store: Store

    async def blocked(self) -> list[Block]:
        """Whom this user has blocked, the latest first, as the store has it."""
        return await self.store.read(reading.blocks)

    async def block(self, user_id: str) -> None:
        """Takes no private messages of a user any more, who learns nothing of this one's presence, typing and reading.

        Raises `NetworkError` offline, `UnknownReceiver` or `LimitReached`.
        """
        name = ids.user_id(user_id)
        await self._call("PUT", f"/blocks/{name}", msgspec.Raw)
        await self.store.write(_blocked, name)

    async def unblock(self, user_id: str) -> None:
        """Takes that back."""
        name = ids.user_id(user_id)
        await self._call("DELETE", f"/blocks/{name}", msgspec.Raw)
        await self.store.write(_unblocked, name)

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError


def _blocked(book: Book, user_id: str) -> None:
    """The time is the server's when the change comes by the log."""
    if book.execute("SELECT 1 FROM blocks WHERE user_id = ?", (user_id,)).fetchone() is None:
        store_blocks(book, [Block(user_id=user_id, block_time=time.time_ns() // 1_000_000)])


def _unblocked(book: Book, user_id: str) -> None:
    book.execute("DELETE FROM blocks WHERE user_id = ?", (user_id,))
