"""The line at the bottom: where the connection stands and why, what waits, the place in the log, catching up."""

from __future__ import annotations

import time

from textual.content import Content
from textual.widget import Widget

from roost.client import State, StateChanged, SyncProgress
from roost.terminal import text

BAR = 20
"""Columns of the progress bar."""
DOTS = {
    State.CONNECTED: ("●", "$success"),
    State.SYNCING: ("◐", "$accent"),
    State.CONNECTING: ("◌", "$warning"),
    State.DISCONNECTED: ("○", "$error"),
}


class Status(Widget):
    """One line. Whoever knows something new sets it and calls `refresh`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as widgets have it
        super().__init__(id=id)
        self.state = State.DISCONNECTED
        self.reason = ""
        self.offline = False
        """Offline on purpose."""
        self.position = 0
        """The place in the log up to which everything is stored."""
        self.waiting = 0
        """Messages in the outbox that are on their way."""
        self.failed = 0
        """Messages in the outbox that the server refused."""
        self._retry_at: float | None = None
        self._progress: SyncProgress | None = None

    def on_mount(self) -> None:
        """Counts the seconds to the next attempt."""
        self.set_interval(1, self._tick)

    def _tick(self) -> None:
        if self._retry_at is not None:
            self.refresh()

    def changed(self, event: StateChanged) -> None:
        """The connection's state."""
        self.state, self.reason = event.state, text.one_line(event.reason)
        self._retry_at = None if event.retry_in is None else time.monotonic() + event.retry_in
        if event.state is not State.SYNCING:
            self._progress = None
        self.refresh()

    def progress(self, event: SyncProgress) -> None:
        """A batch is stored."""
        self._progress = event if event.done < event.total else None
        self.refresh()

    def render(self) -> Content:
        """The line."""
        left = self._left()
        right = self._right()
        room = max(0, self.size.width - right.cell_length)
        left = left.truncate(max(0, room - 1), ellipsis=True)
        return left.pad_right(room - left.cell_length) + right

    def _left(self) -> Content:
        dot, colour = DOTS[self.state]
        if self.offline:
            return Content.assemble(("○ ", "$warning"), "offline", (" · Ctrl+O goes online", text.FAINT))
        said = Content.assemble((f"{dot} ", colour), self.state.value)
        if self.state is State.SYNCING and self._progress is not None:
            return said + " " + self._bar(self._progress)
        reason = self.reason
        if self._retry_at is not None:
            left = max(0, round(self._retry_at - time.monotonic()))
            reason = f"again in {left} s · {reason}" if left else f"again now · {reason}"
        return said + Content.assemble((f" · {reason}" if reason else "", text.FAINT))

    def _bar(self, progress: SyncProgress) -> Content:
        full = round(BAR * progress.fraction)
        return Content.assemble(
            ("━" * full, "$accent"),
            ("━" * (BAR - full), "$surface-lighten-2"),
            f" {progress.fraction:4.0%}",
            (f" {progress.done:,} of {progress.total:,}", text.FAINT),
        )

    def _right(self) -> Content:
        parts: list[tuple[str, str]] = []
        if self.failed:
            parts.append((f"{self.failed:,} not sent", "$error"))
        if self.waiting:
            parts.append((f"{self.waiting:,} waiting", "$warning"))
        parts.append((f"seq {self.position:,}", text.FAINT))
        pieces = [Content.assemble(part) for part in parts]
        return Content.assemble((" · ", text.FAINT)).join(pieces)
