"""Where one writes: Enter sends, Ctrl+J breaks the line."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as Note
from textual.widgets import TextArea

PLACEHOLDER = "Enter sends, Ctrl+J breaks the line"


class Draft(TextArea):
    """A message being written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "turn(-1)", "Messages", show=False, priority=True),
        Binding("pagedown", "turn(1)", "Messages", show=False, priority=True),
        Binding("ctrl+end", "turn(0)", "Newest", show=False, priority=True),
    ]

    class Written(Note):
        """Somebody wants to send this."""

        def __init__(self, content: str) -> None:
            super().__init__()
            self.content = content

    class Typed(Note):
        """Somebody types."""

    class Turned(Note):
        """Somebody wants to see the page of messages before (-1) or behind (1), or the newest (0)."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as widgets have it
        super().__init__(id=id, compact=True, highlight_cursor_line=False, placeholder=PLACEHOLDER)

    def on_key(self, event: events.Key) -> None:
        """Enter sends, Ctrl+J breaks the line; in their turn: bindings with priority would overtake the letters."""
        if event.key == "enter":
            self._send()
        elif event.key in {"ctrl+j", "shift+enter"}:
            self.insert("\n")
        else:
            if event.is_printable:
                self.post_message(self.Typed())
            return
        event.stop()
        event.prevent_default()

    def _send(self) -> None:
        """Sends what is written, if it is more than space."""
        content = self.text.strip("\n")
        if content.strip():
            self.post_message(self.Written(content))
            self.text = ""

    def action_turn(self, step: int) -> None:
        """Turns the pages of the messages above."""
        self.post_message(self.Turned(step))
