"""Where the client's token comes from, and what it says of itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

TokenSource = str | Callable[[], Awaitable[str]]
"""A token, or an async function that gives one: it is called first and whenever the server refuses the last one."""


class Hints(NamedTuple):
    """What a token claims, unchecked: the server alone decides. None where it is no JWT or says nothing."""

    user_id: str | None
    device_id: str | None


class Tokens:
    """The token in use. `renew` forgets it, so that the next `get` asks for another."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._token = source if isinstance(source, str) else None

    async def get(self) -> str:
        """The token to use now."""
        if self._token is None:
            assert not isinstance(self._source, str)
            self._token = await self._source()
        return self._token

    def renew(self) -> bool:
        """The token was refused; False where there can't be another."""
        if isinstance(self._source, str):
            return False
        self._token = None
        return True


def hints(token: str) -> Hints:
    """What a token claims."""
    parts = token.split(".")
    try:
        payload = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return Hints(None, None)
    if not isinstance(payload, dict):
        return Hints(None, None)
    user, device = payload.get("sub"), payload.get("did")
    return Hints(None if user is None else str(user), None if device is None else str(device))
