"""Why the server closes a WebSocket (CONTRACT §4): below 4500 come back, from 4500 on don't."""

from __future__ import annotations

from enum import IntEnum

FINAL = 4500
"""From this code on the client must not come back with what it has."""


class CloseCode(IntEnum):
    """Close codes: those of RFC 6455 §7.4.1 that Roost uses, and its own."""

    NORMAL = 1000
    BAD_FRAMES = 1002
    INVALID_TEXT = 1007
    TOO_BIG = 1009

    RESTART = 4000
    TOO_SLOW = 4001
    REPLACED = 4002
    BAD_TOKEN = 4500
    NO_AUTH_IN_TIME = 4501
    REVOKED = 4502
    PROTOCOL_ERROR = 4503

    @property
    def come_back(self) -> bool:
        """Whether the client may connect again with what it has."""
        return self < FINAL
