"""What asks a question in front of the chat: with whom to talk, and what to look for."""

from __future__ import annotations

import re
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from roost.client import Client, RoostError, StoredMessage
from roost.terminal import text

FOUND = 100
"""Messages that a search shows at most."""
PAUSE = 0.15
"""Seconds after a key until the search begins: who types on is not searched for at each letter."""


class NewConversation(ModalScreen[str | None]):
    """Asks for a user (or `g:` and a group); gives the conversation's id."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def compose(self) -> ComposeResult:
        """A title, a field, and room for what is wrong."""
        with Vertical(classes="dialog"):
            yield Label("New conversation", classes="title", markup=False)
            yield Input(placeholder="user id, or g: and a group id")
            yield Label("Enter opens · Esc goes back", classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Gives the conversation, or says what is wrong with the id."""
        try:
            self.dismiss(self._client.conversation_id(event.value.strip()))
        except RoostError as error:
            hint = self.query_one(".hint", Label)
            hint.update(text.one_line(str(error)))
            hint.add_class("wrong")


class Search(ModalScreen[StoredMessage | None]):
    """Looks for words in everything that is stored here; gives the message that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("down", "move(1)", "Next", priority=True, show=False),
        Binding("up", "move(-1)", "Previous", priority=True, show=False),
    ]

    def __init__(self, client: Client, user_id: str) -> None:
        super().__init__()
        self._client = client
        self._user_id = user_id
        self._found: list[StoredMessage] = []
        self._names: dict[str, str | None] = {}
        self._searched = ""
        self._due: Timer | None = None

    def compose(self) -> ComposeResult:
        """A field, and what was found below it."""
        with Vertical(classes="dialog wide"):
            yield Label("Search", classes="title", markup=False)
            yield Input(placeholder="words, or how they begin")
            yield OptionList(markup=False)
            yield Label("Enter opens · Esc goes back", classes="hint", markup=False)

    def on_mount(self) -> None:
        """The field has the keys; arrows go to the list."""
        self.query_one(OptionList).can_focus = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Looks for it, a moment after the last key."""
        self._rest()
        self._due = self.set_timer(PAUSE, partial(self._search, event.value))

    def _rest(self) -> None:
        if self._due is not None:
            self._due.stop()

    async def _search(self, words: str) -> None:
        self._searched = words
        self._found = await self._client.search(words, limit=FOUND)
        for message in self._found:
            if message.conversation_id not in self._names:
                known = await self._client.conversation(message.conversation_id)
                self._names[message.conversation_id] = None if known is None else known.name
        rows = self.query_one(OptionList)
        rows.set_options(Option(self._row(message, words)) for message in self._found)
        rows.highlighted = 0 if self._found else None
        more = "+" if len(self._found) == FOUND else ""
        count = f"{len(self._found)}{more} found · " if words.strip() else ""
        self.query_one(".hint", Label).update(f"{count}Enter opens · Esc goes back")

    def _row(self, message: StoredMessage, words: str) -> Content:
        name = text.name_of(message.conversation_id, self._user_id, self._names[message.conversation_id])
        who = "you" if message.sender_id == self._user_id else message.sender_id
        head = f"{name} · {who}" if who != name else name
        width = self.query_one(OptionList).scrollable_content_region.width - 2
        when = text.moment(message.server_time)
        said = Content(text.fitted(_around(text.one_line(message.content), words), width))
        for word in words.split():
            said = said.highlight_regex(rf"(?i){_escaped(word)}", style="bold $accent")
        return Content.assemble((text.fitted(head, width - len(when)), text.FAINT), (when, text.FAINT), "\n", said)

    def action_move(self, step: int) -> None:
        """Moves in the list while one types."""
        rows = self.query_one(OptionList)
        if step > 0:
            rows.action_cursor_down()
        else:
            rows.action_cursor_up()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Gives what is highlighted; who was quicker than the search gets the first that it finds."""
        self._rest()
        if event.value != self._searched:
            await self._search(event.value)
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self.dismiss(self._found[place])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click chooses."""
        self.dismiss(self._found[event.option_index])


BEFORE = 20
"""Characters shown before the first word found."""


def _around(line: str, words: str) -> str:
    """A long line from a little before the first of the words on."""
    places = [at for word in words.split() if (at := line.casefold().find(word.casefold())) >= 0]
    first = min(places, default=0)
    return f"…{line[first - BEFORE :]}" if first > BEFORE and len(line) > 2 * BEFORE else line


def _escaped(word: str) -> str:
    return re.escape(word)
