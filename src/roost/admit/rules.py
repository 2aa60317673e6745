"""The form of a message that may be sent (D7, CONTRACT §2)."""

from __future__ import annotations

from roost.errors import ContentTooLong, InvalidInput
from roost.model.message import MessageType

SENDABLE = frozenset(MessageType) - {MessageType.SYSTEM}
"""Users send these; system messages come from the server."""
SHORTEST_TTL, LONGEST_TTL = 1, 366 * 86_400
"""Seconds for which a message that expires may be there."""
LATEST_TIME = 2**53
"""Times stay below this, so that every JSON reader keeps them exact."""


def check_content(content: str, longest: int) -> None:
    """Raises `InvalidInput` for empty content or a NUL (no database stores it), `ContentTooLong` past `longest`."""
    if not content:
        raise InvalidInput("content must not be empty.")
    if len(content) > longest:
        raise ContentTooLong(f"content has {len(content)} characters; at most {longest} are allowed.")
    if "\0" in content:
        raise InvalidInput("content must not contain the character U+0000.")


def check_type(message_type: int) -> None:
    """Raises `InvalidInput` for a type that users can't send."""
    if message_type not in SENDABLE:
        raise InvalidInput("messageType must be 1 (text), 2 (image), 3 (file) or 4 (emoji).")


def check_time(create_time: int) -> None:
    """Raises `InvalidInput` for a time outside 0 ... 2^53 milliseconds."""
    if not 0 <= create_time < LATEST_TIME:
        raise InvalidInput("createTime must be milliseconds since 1970-01-01 UTC.")


def check_ttl(ttl: int) -> None:
    """Raises `InvalidInput` for a time to live (s) that no message has; 0 is none."""
    if ttl and not SHORTEST_TTL <= ttl <= LONGEST_TTL:
        raise InvalidInput(f"ttl must be {SHORTEST_TTL}-{LONGEST_TTL} seconds, or 0 for a message that stays.")
