"""Why the server closes a WebSocket (CONTRACT §4): below 4500 come back, from 4500 on don't."""

from __future__ import annotations

import re
from enum import IntEnum

FINAL = 4500
"""From this code on the client must not come back with what it has."""
MAX_DELAY = 60.0
"""Seconds that a client lets itself be told to wait, at most."""

_RETRY_AFTER = re.compile(r"retry after (\d{1,6}(?:\.\d{1,6})?) s")


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


def restart_reason(delay: float) -> str:
    """The reason beside 4000: after how many seconds this client, of all that must come back, is to do so."""
    return f"restart; retry after {round(delay, 2):g} s"


def told_delay(reason: str) -> float | None:
    """The seconds that a close reason tells, at most `MAX_DELAY`; None where it tells none."""
    found = _RETRY_AFTER.search(reason)
    return min(float(found[1]), MAX_DELAY) if found else None
