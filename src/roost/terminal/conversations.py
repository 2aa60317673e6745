"""The list of conversations: who, when last, what last, how much of it is unread, and who is there."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message as Note
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from roost.client import Client, Conversation, StoredMessage
from roost.terminal import text
from roost.terminal.lines import KINDS, MARKS

PAGE = 100
"""Conversations read at once; more when the last one is reached."""
MOST_COUNTED = 999
"""Unread messages from which on the number says no more."""
RENEWAL = 0.1
"""Seconds in which several changes are one look into the store."""


class Conversations(OptionList):
    """The conversations of the store, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("right", "select", "Open", show=False)]

    class Chosen(Note):
        """A conversation is to be opened."""

        def __init__(self, conversation_id: str) -> None:
            super().__init__()
            self.conversation_id = conversation_id

    class Renewed(Note):
        """The list shows `unread` messages, and these users."""

        def __init__(self, unread: int, partners: list[str]) -> None:
            super().__init__()
            self.unread = unread
            self.partners = partners

    def __init__(self, client: Client, user_id: str, present: AbstractSet[str], *, id: str | None = None) -> None:  # noqa: A002 - as widgets have it
        """`present`: the users who are there, as far as it is known."""
        super().__init__(id=id, markup=False)
        self._client = client
        self._user_id = user_id
        self._shown: list[Conversation] = []
        self._limit = PAGE
        self._due = False
        self._present = present
        self._unsent: dict[str, StoredMessage] = {}
        self.opened: str | None = None
        """The conversation that is open."""

    def on_mount(self) -> None:
        """Looks for the first time."""
        self.call_later(self._renew)

    def on_resize(self, _: events.Resize) -> None:
        """The rows fill the width."""
        self.draw()

    def renew(self) -> None:
        """Looks into the store soon."""
        if not self._due:
            self._due = True
            self.set_timer(RENEWAL, self._renew)

    def open(self, conversation_id: str) -> None:
        """Marks a conversation as the open one."""
        self.opened = conversation_id
        self.draw()
        self.highlighted = self._place(conversation_id)

    def draw(self) -> None:
        """Shows the rows; the highlight stays with its conversation."""
        if not self.size.width:
            return
        before = self.highlighted_option
        rows = [Option(self._row(one), id=one.conversation_id) for one in self._shown]
        if self.opened is not None and all(row.id != self.opened for row in rows):
            rows.insert(0, Option(self._unwritten(self.opened), id=self.opened))
        top = self.scroll_y
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(rows)
            self.highlighted = (0 if rows else None) if before is None else self._place(before.id)
        self.scroll_to(y=top, animate=False)

    async def _renew(self) -> None:
        self._due = False
        self._shown = await self._client.conversations(limit=self._limit)
        self._unsent = {message.conversation_id: message for message in await self._client.unsent()}
        self.draw()
        partners = [text.partner(one.conversation_id, self._user_id) for one in self._shown]
        unread = sum(one.unread for one in self._shown if not one.muted)
        self.post_message(self.Renewed(unread, [partner for partner in partners if partner is not None]))

    # --- rows ---

    def _place(self, conversation_id: str | None) -> int | None:
        return next((at for at, row in enumerate(self.options) if row.id == conversation_id), None)

    def _row(self, one: Conversation) -> Content:
        width = self.scrollable_content_region.width - 2
        unread = "" if not one.unread else f"{one.unread}" if one.unread <= MOST_COUNTED else f"{MOST_COUNTED}+"
        last = self._unsent.get(one.conversation_id, one.last_message)
        when = "" if last is None else text.moment(last.server_time or last.create_time)
        badge = f" {unread} " if unread else ""
        name = text.fitted(text.name_of(one.conversation_id, self._user_id, one.name), width - 3 - len(when))
        said = text.fitted(self._said(one, last), width - 3 - len(badge))
        return Content.assemble(
            *self._head(one.conversation_id),
            (name, "bold" if unread else ""),
            " ",
            (when, text.FAINT),
            "\n  ",
            (said, text.FAINT),
            " ",
            (badge, "bold on $surface-lighten-3" if one.muted else "bold $background on $accent"),
        )

    def _unwritten(self, conversation_id: str) -> Content:
        """A conversation that has no message yet."""
        width = self.scrollable_content_region.width - 2
        name = text.fitted(text.name_of(conversation_id, self._user_id), width - 2)
        return Content.assemble(*self._head(conversation_id), name, "\n  ", (text.fitted("new", width - 2), text.FAINT))

    def _head(self, conversation_id: str) -> tuple[tuple[str, str], ...]:
        """Two columns: whether the other one is there."""
        there = text.partner(conversation_id, self._user_id) in self._present
        opened = conversation_id == self.opened
        return (("●" if there else " ", "$success"), ("▸" if opened else " ", "$accent"))

    def _said(self, one: Conversation, last: StoredMessage | None) -> str:
        if one.gone:
            return "left"
        if last is None:
            return ""
        if last.recall_time:
            return "recalled"
        mine = last.sender_id == self._user_id
        who = f"{MARKS[last.state][0]} " if mine and last.state in MARKS else ""
        if one.conversation_id.startswith("g:") and not mine:
            who = f"{last.sender_id}: "
        kind = KINDS.get(last.message_type)
        return who + text.one_line(f"({kind}) {last.content}" if kind else last.content)

    # --- choosing ---

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click opens."""
        event.stop()
        if event.option.id is not None:
            self.post_message(self.Chosen(event.option.id))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """At the last row, more are read."""
        event.stop()
        if event.option_index == self.option_count - 1 and len(self._shown) == self._limit:
            self._limit += PAGE
            self.renew()
