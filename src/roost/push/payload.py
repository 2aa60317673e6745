"""What a phone's notification carries besides its text, and how its text is made to fit."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable

from roost.push.contract import Missed

ELLIPSIS = "…"
LONGEST_COLLAPSE_ID = 64
"""Bytes of `apns-collapse-id`."""


def identifiers(message: Missed) -> dict[str, str | int]:
    """What the application needs to open the message, and to sync from there, in the names of the wire."""
    return {
        "conversationID": message.conversation_id,
        "serverMsgID": message.server_msg_id,
        "seq": message.seq,
        "senderID": message.sender_id,
    }


def collapse_id(collapse: str) -> str:
    """`collapse` where a header can carry it; else its SHA-256, whose digits are as many as Apple takes."""
    if len(collapse) <= LONGEST_COLLAPSE_ID and collapse.isascii() and collapse.isprintable():
        return collapse
    return hashlib.sha256(collapse.encode()).hexdigest()


def fitted(title: str, body: str, fits: Callable[[str, str], bool]) -> tuple[str, str]:
    """As much of title and body as fits; the body gives way first. What was cut ends in an ellipsis."""
    if fits(title, body):
        return title, body
    if fits(title, ""):
        return title, _longest(body, lambda text: fits(title, text))
    return _longest(title, lambda text: fits(text, "")), ""


def _longest(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning of `text` that fits, with its ellipsis; nothing where not even that fits.

    It is cut between characters, and each is tried as it will be encoded: a quote takes two bytes in JSON.
    """
    kept = bisect_left(range(len(text)), x=True, key=lambda length: not fits(text[:length] + ELLIPSIS)) - 1
    return text[:kept].rstrip() + ELLIPSIS if kept > 0 else ""
