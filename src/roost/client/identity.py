"""UUIDv7 (RFC 9562 §5.7): a sender's own message ids, which sort by time."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


def new_message_id() -> str:
    """A fresh UUIDv7."""
    milliseconds = time.time_ns() // 1_000_000
    chance = secrets.randbits(74)
    return str(UUID(int=milliseconds << 80 | _VERSION_7 | (chance >> 62) << 64 | _VARIANT | chance & (1 << 62) - 1))
