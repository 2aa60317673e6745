"""Text of others on a terminal: what it may not do there, how wide it is, how it breaks, and what time it is.

Nothing here knows markup. What is shown goes to the screen as plain characters with a style beside them, so that
`[red]` of a message is five characters. What remains are characters that a terminal obeys or that turn a line
around, and `clean` takes those away.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from textual.content import Content

TAB = 4
"""Columns from one tab stop to the next."""
CONTROL_PICTURES = 0x2400
"""Where Unicode has pictures of the control characters: ESC is shown as ␛."""
INSTEAD = {"Cc": "\ufffd", "Cf": "", "Cs": "\ufffd", "Zl": "\n", "Zp": "\n", "Zs": " "}
"""What stands for letters of a category. Those not assigned yet stay: a new emoji is one, for an older Python."""
FAINT = "$foreground 55%"
"""The style of what is less important."""
_JOINERS = "\u200c\u200d"
_NARROWEST = 2
_MILLISECONDS = 1000


def clean(text: str) -> str:
    """`text` without what a terminal obeys; its lines stay.

    Control characters become pictures of themselves, marks that turn the direction of writing are left out, and
    half characters (surrogates) are replaced. The two joiners stay: Persian and emoji are made with them.
    """
    text = text.replace("\r\n", "\n").expandtabs(TAB)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter == "\n" or letter in _JOINERS or letter.isprintable():
        return letter
    if ord(letter) < ord(" "):
        return chr(CONTROL_PICTURES + ord(letter))
    if letter == "\x7f":
        return "\u2421"
    return INSTEAD.get(unicodedata.category(letter), letter)


def one_line(text: str) -> str:
    """`text` as one line, with single spaces."""
    return " ".join(clean(text).split())


def fitted(text: str, width: int) -> str:
    """`text` in exactly `width` columns: cut with an ellipsis, or filled up with spaces."""
    if cell_len(text) > width > 0:
        text = set_cell_size(text, width - 1).rstrip() + "…"
    return set_cell_size(text, max(0, width))


@lru_cache(maxsize=2048)
def wrapped(text: str, width: int) -> tuple[str, ...]:
    """`text` in lines of at most `width` columns, broken between words where that is possible."""
    return tuple(line.plain for line in Content(text).wrap(max(width, _NARROWEST)))


def clock(milliseconds: int) -> str:
    """The time of day here: 09:05."""
    return _local(milliseconds).strftime("%H:%M")


def day(milliseconds: int) -> str:
    """The day here: Sunday 22 November, with the year if it is not this one."""
    then = _local(milliseconds)
    year = "" if then.year == datetime.now().astimezone().year else f" {then.year}"
    return f"{then:%A} {then.day} {then:%B}{year}"


def moment(milliseconds: int) -> str:
    """When it was, in at most six columns: 09:05 today, 22 Nov before, 2025 in other years."""
    then, now = _local(milliseconds), datetime.now().astimezone()
    if then.date() == now.date():
        return f"{then:%H:%M}"
    return f"{then.day} {then:%b}" if then.year == now.year else f"{then.year}"


def _local(milliseconds: int) -> datetime:
    """The time here; times that no calendar has are the nearest it has."""
    try:
        return datetime.fromtimestamp(milliseconds / _MILLISECONDS).astimezone()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0).astimezone()


def name_of(conversation_id: str, user_id: str, name: str | None = None) -> str:
    """What a conversation is called for `user_id`: the other user, or `#` and the group's name."""
    kind, _, rest = conversation_id.partition(":")
    if kind == "g":
        return "#" + (one_line(name or "") or rest)
    return partner(conversation_id, user_id) or f"{user_id} (yourself)"


def partner(conversation_id: str, user_id: str) -> str | None:
    """The other user of a private conversation; None in a group, or alone with oneself."""
    kind, _, rest = conversation_id.partition(":")
    one, _, other = rest.partition(":")
    if kind != "p" or one == other:
        return None
    return other if one == user_id else one
