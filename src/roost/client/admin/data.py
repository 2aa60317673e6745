"""A user's data: exporting it, erasing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from roost.client.admin.asking import Asking, user_path
from roost.client.errors import NetworkError
from roost.protocol.admin import ErasureState


class UserData(Asking):
    """What a back end does with all that the server has of a user."""

    async def export(self, user_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """All the server has of a user: kinds (`profile`, `message`, ...) and JSON values, as they come.

        Raises `NetworkError` where it is cut before its end.
        """
        rest, count = b"", 0
        async with self._http.stream(user_path(user_id, "export"), {}) as pieces:
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    found = msgspec.json.decode(line)
                    kind = found["kind"]
                    if kind == "end" and found["end"]["lines"] == count:
                        return
                    count += 1
                    yield kind, found[kind]
        raise NetworkError(f"The export of {user_id} was cut after {count} lines.")

    async def erase(self, user_id: str) -> ErasureState:
        """Erases a user's data, for good, in the background; again it tells how far that is."""
        return await self._http.call("POST", user_path(user_id, "erase"), ErasureState)

    async def erasure(self, user_id: str) -> ErasureState:
        """How far the erasing of a user's data is. Raises `NotFound` where nobody has asked for it."""
        return await self._http.call("GET", user_path(user_id, "erase"), ErasureState)
