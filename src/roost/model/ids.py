"""The forms of ids (CONTRACT §2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from roost.errors import InvalidID

USER_ID = re.compile(r"[A-Za-z0-9._@-]{1,50}", re.ASCII)
GROUP_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)
ATTACHMENT_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
STICKER_ID = re.compile(r"[A-Za-z0-9._@-]{1,64}", re.ASCII)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
"""A client's own id of a request that is safe to repeat in headers and log lines."""
MAX_MESSAGE_ID = 64
"""Characters in a sender's own message id."""
MAX_DEVICE_ID = 64
"""Characters in a device id."""
MAX_SERVER_ID = 2**53
"""Server ids stay below this, so that every JSON reader keeps them exact."""

DEFAULT_DEVICE = "default"
"""The device of a token that names none: one device per user, as a plain host application has it."""


def user_id(value: str | int, field: str = "userID") -> str:
    """`value` as a user id; integers are accepted (`2` is user `"2"`). Raises `InvalidID` naming `field`."""
    text = str(value)
    if USER_ID.fullmatch(text) is None:
        raise InvalidID(f"{field} must be 1-50 characters of A-Z a-z 0-9 . _ @ -")
    return text


def user_ids(values: Iterable[str | int]) -> list[str]:
    """`values` as user ids. Raises `InvalidID`, and `TypeError` for one alone: Python would take its letters."""
    if isinstance(values, str):
        raise TypeError(f"This takes a list of user ids, not one: [{values!r}].")
    return [user_id(value) for value in values]


def group_id(value: str | int, field: str = "groupID") -> str:
    """`value` as a group id, with or without the `g:` of its conversation. Raises `InvalidID`."""
    text = str(value).removeprefix("g:")
    if GROUP_ID.fullmatch(text) is None:
        raise InvalidID(f"{field} must be 1-64 characters of A-Z a-z 0-9 . _ @ -")
    return text


def _is_printable(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and text.isprintable()


def _printable(value: str | int, field: str, longest: int) -> str:
    text = str(value)
    if not _is_printable(text, longest):
        raise InvalidID(f"{field} must be 1-{longest} printable characters")
    return text


def message_id(value: str | int) -> str:
    """A sender's own message id: 1-64 printable characters. Raises `InvalidID`."""
    return _printable(value, "messageID", MAX_MESSAGE_ID)


def is_message_id(value: str | int) -> bool:
    """Whether a sender may name a message so."""
    return _is_printable(str(value), MAX_MESSAGE_ID)


def device_id(value: str | int) -> str:
    """A device id: 1-64 printable characters. Raises `InvalidID`."""
    return _printable(value, "deviceID", MAX_DEVICE_ID)


def request_id(value: str | int) -> str:
    """A client's own id of a request. Raises `InvalidID`."""
    text = str(value)
    if REQUEST_ID.fullmatch(text) is None:
        raise InvalidID("requestID must be 1-64 characters of A-Z a-z 0-9 . _ : -")
    return text


def private_conversation(one: str, other: str) -> str:
    """The id of the private conversation of two users (or of one with oneself)."""
    return f"p:{one}:{other}" if one <= other else f"p:{other}:{one}"


def group_conversation(group: str) -> str:
    """The conversation id of a group."""
    return f"g:{group}"


def conversation_id(value: str) -> str:
    """`value` as a conversation id (`p:{a}:{b}` in code-point order, or `g:{groupID}`). Raises `InvalidID`."""
    kind, _, rest = value.partition(":")
    if kind == "g" and GROUP_ID.fullmatch(rest):
        return value
    one, _, other = rest.partition(":")
    if kind == "p" and USER_ID.fullmatch(one) and USER_ID.fullmatch(other) and one <= other:
        return value
    raise InvalidID("conversationID must be p:{userID}:{userID} in code-point order, or g:{groupID}")


def attachment_id(value: str) -> str:
    """`value` as the id of a file: 32 hexadecimal digits. Raises `InvalidID`."""
    if ATTACHMENT_ID.fullmatch(value) is None:
        raise InvalidID("The id of a file is 32 digits of 0-9 a-f.")
    return value


def sticker_id(value: str, field: str = "stickerID") -> str:
    """`value` as the id of a sticker, or of a pack. Raises `InvalidID` naming `field`."""
    if STICKER_ID.fullmatch(value) is None:
        raise InvalidID(f"{field} must be 1-64 characters of A-Z a-z 0-9 . _ @ -")
    return value


def server_id(value: str | int) -> int | None:
    """`value` as a server message id, or None where it can't be one (then it may be a sender's own id)."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SERVER_ID))):
        return None
    number = int(text)
    return number if 0 < number < MAX_SERVER_ID and str(number) == text else None
