"""How messages lie on the screen: a list of messages and a width in, lines out. Knows no terminal and no clock.

     ────────── Sunday 22 November ──────────
     bob
     09:05   good morning, and a line that is
             longer than the window is wide

     you
     09:06 ✓ good morning

The sender stands above a run of messages; the time, and for one's own messages how they fare, in a margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from roost.client import MessageType, StoredMessage
from roost.terminal import text

MARGIN = 8
"""Columns of time and mark, before the text."""
RUN = 10 * 60 * 1000
"""Milliseconds after which the sender is named again."""
MARKS = {
    "pending": ("◌", "waiting"),
    "sent": ("✓", "sent"),
    "delivered": ("✓", "sent"),
    "read": ("✔", "sent"),
    "failed": ("✗", "failed"),
}
"""How a message of one's own fares: the mark, and its look."""
LOOKS = ("text", "time", "me", "sender", "rule", "new", "faint", "waiting", "sent", "failed")
"""The kinds of text. Each has a style (`messages--text` and so on)."""
KINDS: dict[int, str] = {MessageType.IMAGE: "image", MessageType.FILE: "file", MessageType.EMOJI: "sticker"}
"""What is named before the content of messages that are no text."""


class Piece(NamedTuple):
    """Some text in one look."""

    text: str
    look: str


class Line(NamedTuple):
    """A line of the screen, and which of the messages it belongs to; None for lines between messages."""

    pieces: tuple[Piece, ...]
    message: int | None = None

    @property
    def look(self) -> str:
        """The look of its beginning, "" of an empty line."""
        return self.pieces[0].look if self.pieces else ""

    @property
    def plain(self) -> str:
        """The line without its looks."""
        return "".join(piece.text for piece in self.pieces)


BLANK = Line(())


def laid_out(messages: Sequence[StoredMessage], *, user_id: str, width: int, read: int | None = None) -> list[Line]:
    """The lines of messages, oldest first, in `width` columns.

    `user_id` is who looks at them. A rule marks what is new behind the conversationSeq `read`, if one is given.
    """
    lines: list[Line] = []
    before: StoredMessage | None = None
    for place, message in enumerate(messages):
        if before is None or not _same_day(before, message):
            lines += [*_gap(lines), _rule(text.day(_time(message)), width, "rule")]
            before = None
        if read is not None and message.conversation_seq > read and message.sender_id != user_id:
            lines += [*_gap(lines), _rule("new", width, "new")]
            read = before = None
        if before is None or before.sender_id != message.sender_id or _time(message) - _time(before) > RUN:
            lines += _gap(lines)
            mine = message.sender_id == user_id
            lines.append(Line((Piece("you", "me") if mine else Piece(text.one_line(message.sender_id), "sender"),)))
        lines += _message(message, place, mine=message.sender_id == user_id, width=width)
        before = message
    return lines


def _time(message: StoredMessage) -> int:
    """When it was stored by the server, or written where it was not yet."""
    return message.server_time or message.create_time


def _same_day(one: StoredMessage, other: StoredMessage) -> bool:
    return text.day(_time(one)) == text.day(_time(other))


def _gap(lines: Sequence[Line]) -> list[Line]:
    """An empty line below a message; nothing below a rule, or at the top."""
    return [BLANK] if lines and lines[-1].message is not None else []


def _rule(name: str, width: int, look: str) -> Line:
    return Line((Piece(text.fitted(f" {name} ".center(width, "─"), width), look),))


def _message(message: StoredMessage, place: int, *, mine: bool, width: int) -> Iterator[Line]:
    """A message: its text beside the margin, and why it was not sent below."""
    mark, look = MARKS.get(message.state, (" ", "faint")) if mine else (" ", "faint")
    margin = (Piece(f"{text.clock(_time(message))} ", "time"), Piece(f"{mark} ", look))
    empty = (Piece(" " * MARGIN, "text"),)
    *rows, last = _body(message, width - MARGIN)
    for number, row in enumerate([*rows, last]):
        yield Line((*(empty if number else margin), *row), place)
    if message.state == "failed":
        reason = text.one_line(message.error or "the server refused it")
        for said in text.wrapped(f"Not sent: {reason}", width - MARGIN):
            yield Line((*empty, Piece(said, "failed")), place)


def _body(message: StoredMessage, width: int) -> list[tuple[Piece, ...]]:
    """The content in rows of `width` columns; at least one."""
    if message.recall_time:
        return [(Piece("recalled", "faint"),)]
    look = "faint" if message.message_type == MessageType.SYSTEM else "text"
    content = text.clean(message.content).strip("\n")
    if (kind := KINDS.get(message.message_type)) is not None:
        content = f"({kind}) {content}"
    rows: list[tuple[Piece, ...]] = [(Piece(row, look),) for row in text.wrapped(content, width)] or [
        (Piece("", look),)
    ]
    if message.edit_time:
        room = width - sum(cell_len(piece.text) for piece in rows[-1])
        edited = Piece(" (edited)", "faint")
        if len(edited.text) <= room:
            rows[-1] = (*rows[-1], edited)
        else:
            rows.append((Piece("(edited)", "faint"),))
    return rows
