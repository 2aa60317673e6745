"""The messages of a conversation on the screen: a scrolled view of lines, and one message in hand for the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message as Note
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from roost.client import StoredMessage
from roost.terminal.lines import LOOKS, Line, laid_out

NEAR = 3
"""Lines from the first or the last one, at which more is asked for."""


class Messages(ScrollView, can_focus=True):
    """Shows a list of messages, and stays with what is looked at when the list changes.

    At the end it follows what comes; elsewhere the first visible line stays where it is.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"messages--{look}" for look in (*LOOKS, "hand")}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "hand(-1)", "Message", show=False),
        Binding("down", "hand(1)", "Message", show=False),
        Binding("enter", "retry", "Send again"),
        Binding("delete", "discard", "Remove"),
        Binding("c", "copy", "Copy"),
        Binding("end,ctrl+end", "newest", "Newest", show=False),
    ]

    class Earlier(Note):
        """The first line is near, and somebody moves towards it; or there is room above it."""

    class Later(Note):
        """The last line is near, and somebody moves towards it."""

    class Newest(Note):
        """The end of the history is wanted."""

    class Retry(Note):
        """A message that failed is to be sent again."""

        def __init__(self, message: StoredMessage) -> None:
            super().__init__()
            self.message = message

    class Discard(Retry):
        """A message that was not sent is to be removed."""

    def __init__(self, user_id: str, *, id: str | None = None) -> None:  # noqa: A002 - as widgets have it
        super().__init__(id=id)
        self._user_id = user_id
        self._messages: Sequence[StoredMessage] = ()
        self._read: int | None = None
        self._lines: list[Line] = []
        self._hand: str | None = None
        self._aim: str | None = None
        self._aims_at_new = False
        self._follows = True
        """The last thing that scrolled left it at the end; a view that became smaller is still to be there."""

    # --- what is shown ---

    def show(
        self, messages: Sequence[StoredMessage], *, read: int | None = None, at_end: bool = False, stay: bool = False
    ) -> None:
        """Shows these; `read` as in `laid_out`.

        `at_end` goes to the last line, wherever it was looked at. With `stay` the last line is not followed: what
        comes behind it is the next page of a history, and nothing that just happened.
        """
        follow = at_end or (self._follows and not stay)
        top = None if follow else self._place(round(self.scroll_y))
        self._messages, self._read = messages, read
        self._lay_out(follow=follow, top=top)

    def point_at(self, message_id: str) -> None:
        """Takes a message in hand, and brings it to the middle."""
        self._hand = self._aim = message_id
        self._take_aim()

    def point_at_new(self) -> None:
        """Brings the rule above what is new to the top, if it is not seen."""
        self._aims_at_new = True
        self._take_aim()

    @property
    def at_end(self) -> bool:
        """Whether the last line is seen."""
        return self.scroll_y >= self.max_scroll_y - 1

    @property
    def in_hand(self) -> StoredMessage | None:
        """The message that keys are about."""
        return next((message for message in self._messages if message.message_id == self._hand), None)

    def _lay_out(self, *, follow: bool, top: tuple[str, int] | None) -> None:
        region = self.scrollable_content_region
        if not region.width:
            return
        lines = laid_out(self._messages, user_id=self._user_id, width=region.width - 1, read=self._read)
        room = max(0, region.height - len(lines))
        self._lines = [Line(())] * room + lines  # a short conversation stands above the draft
        if room:
            self.post_message(self.Earlier())
        self.virtual_size = Size(region.width, len(self._lines))
        if follow:
            self._move_to(len(self._lines))
        elif top is not None:
            message_id, offset = top
            first = next((at for at, line in enumerate(self._lines) if self._key(line) == message_id), 0)
            self._move_to(first + offset)
        self.refresh()

    def _take_aim(self) -> None:
        """Goes where it was pointed, as soon as there are lines: a view has none before it has a size."""
        if self._aim is not None:
            first = next((at for at, line in enumerate(self._lines) if self._key(line) == self._aim), None)
            if first is not None:
                self._aim = None
                self._move_to(first - self.scrollable_content_region.height // 2)
        elif self._aims_at_new and self._lines:
            self._aims_at_new = False
            rule = next((at for at, line in enumerate(self._lines) if line.look == "new"), None)
            if rule is not None and rule < self.scroll_y:
                self._move_to(rule)
        self.refresh()

    def _place(self, at: int) -> tuple[str, int] | None:
        """A line by its message, and how many lines below that message's first it is."""
        for number, line in enumerate(self._lines[at:]):
            if (message_id := self._key(line)) is not None:
                first = next(place for place, other in enumerate(self._lines) if self._key(other) == message_id)
                return message_id, at - first if not number else -number
        return None

    def _key(self, line: Line) -> str | None:
        return None if line.message is None else self._messages[line.message].message_id

    def _move_to(self, y: float) -> None:
        self.scroll_to(y=max(0, y), animate=False, force=True, immediate=True)

    def on_resize(self, _: events.Resize) -> None:
        """Breaks the lines anew."""
        self._lay_out(follow=self._follows, top=self._place(round(self.scroll_y)))
        self._take_aim()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Asks for more near the ends."""
        super().watch_scroll_y(old_value, new_value)
        self._follows = self.at_end
        if new_value < old_value and new_value <= NEAR:
            self.post_message(self.Earlier())
        elif new_value > old_value and new_value >= self.max_scroll_y - NEAR:
            self.post_message(self.Later())

    # --- lines ---

    def render_line(self, y: int) -> Strip:
        """A line of the screen, `y` from the top of this view."""
        at = y + round(self.scroll_y)
        width = self.size.width
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[at]
        row = Text(" ", no_wrap=True, end="")
        for piece in line.pieces:
            row.append(piece.text, self.get_component_rich_style(f"messages--{piece.look}"))
        row.append(" " * (width - row.cell_len))
        if self.has_focus and self._hand is not None and self._key(line) == self._hand:
            row.stylize(self.get_component_rich_style("messages--hand"))
        if (selection := self.text_selection) is not None and (span := selection.get_span(at)) is not None:
            start, end = span
            style = self.screen.get_component_rich_style("screen--selection")
            row.stylize(style, start, len(row) if end == -1 else end)
        strip = Strip(row.render(self.app.console)).crop(0, width)
        return strip.apply_style(self.rich_style).apply_offsets(0, at)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that the mouse selected."""
        return selection.extract("\n".join(" " + line.plain for line in self._lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002 - the view reads it when it draws
        """The mouse selects."""
        self.refresh()

    # --- keys ---

    def action_hand(self, step: int) -> None:
        """Takes the next message in hand, or the one before; at first the last that is seen."""
        keys = [message.message_id for message in self._messages]
        if not keys:
            return
        if self._hand in keys:
            place = keys.index(self._hand) + step
            if place < 0:
                self.post_message(self.Earlier())
            self._hand = keys[max(0, min(place, len(keys) - 1))]
        else:
            self._take_last_seen()
        self._bring_into_sight()

    def _take_last_seen(self) -> None:
        bottom = round(self.scroll_y) + self.scrollable_content_region.height
        seen = [key for line in self._lines[:bottom] if (key := self._key(line)) is not None]
        self._hand = seen[-1] if seen else None
        self.refresh_bindings()

    def on_focus(self) -> None:
        """There is always a message in hand here."""
        if self.in_hand is None:
            self._take_last_seen()

    def _bring_into_sight(self) -> None:
        """Scrolls as little as shows all of the message in hand."""
        mine = [at for at, line in enumerate(self._lines) if self._key(line) == self._hand]
        height = self.scrollable_content_region.height
        if mine and mine[0] < self.scroll_y:
            self._move_to(mine[0])
        elif mine and mine[-1] >= self.scroll_y + height:
            self._move_to(mine[-1] - height + 1)
        self.refresh()
        self.refresh_bindings()

    def on_click(self, event: events.Click) -> None:
        """Takes what is clicked in hand."""
        at = event.y + round(self.scroll_y)
        self._hand = self._key(self._lines[at]) if at < len(self._lines) else None
        self.refresh()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:  # noqa: ARG002 - Textual's own
        """Keys that the message in hand has no use for are not offered."""
        state = None if (message := self.in_hand) is None else message.state
        match action:
            case "retry":
                return state == "failed"
            case "discard":
                return state in {"failed", "pending"}
            case "copy":
                return state is not None
        return True

    def action_newest(self) -> None:
        """Goes to the end of the history."""
        self.post_message(self.Newest())

    def action_retry(self) -> None:
        """Sends what failed again."""
        if (message := self.in_hand) is not None:
            self.post_message(self.Retry(message))

    def action_discard(self) -> None:
        """Removes what was not sent."""
        if (message := self.in_hand) is not None:
            self.post_message(self.Discard(message))

    def action_copy(self) -> None:
        """Copies a message to the clipboard, if the terminal allows it."""
        if (message := self.in_hand) is not None:
            self.app.copy_to_clipboard(message.content)
            self.notify("Copied.", markup=False)
