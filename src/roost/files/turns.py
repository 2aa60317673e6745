"""Whose turn it is to write to an upload: the newest request's.

A client whose connection broke comes back before this side has noticed; so who comes later ends the one before, which
keeps what it has, and waits until that is on disk. What is whole and just being looked at is not ended, but waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from roost.errors import MalformedInput, UploadBusy

SILENCE = 60.0
"""Seconds without a byte after which an upload's request is ended."""
WAITING = 30.0
"""Seconds that a request waits for the one before."""


class Turns:
    """The requests that write to uploads on this node, one for each upload."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    @asynccontextmanager
    async def turn(self, upload_id: str) -> AsyncIterator[Turn]:
        """One's turn at an upload. Raises `UploadBusy` where the one before does not end."""
        try:
            async with asyncio.timeout(WAITING):
                while (before := self._turns.get(upload_id)) is not None:
                    before.stop()
                    await before.over.wait()
        except TimeoutError:
            raise UploadBusy from None
        turn = self._turns[upload_id] = Turn()
        try:
            yield turn
        finally:
            del self._turns[upload_id]
            turn.over.set()


class Turn:
    """The time in which one request writes."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._stopped = False
        self._timer: asyncio.Timeout | None = None

    def stop(self) -> None:
        """Another request wants to write: no more bytes of this one are waited for."""
        self._stopped = True
        if self._timer is not None:
            self._timer.reschedule(0)

    async def next(self, pieces: AsyncGenerator[bytes, None]) -> bytes:
        """The next bytes; none at the end. Raises `MalformedInput` where they do not come, `UploadBusy` if stopped."""
        try:
            async with asyncio.timeout(SILENCE) as self._timer:
                if self._stopped:
                    raise UploadBusy
                return await anext(pieces, b"")
        except TimeoutError:
            if self._stopped:
                raise UploadBusy from None
            raise MalformedInput(f"No byte came for {SILENCE:.0f} seconds.") from None
        finally:
            self._timer = None
