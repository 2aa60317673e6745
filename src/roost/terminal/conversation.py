"""The open conversation: its heading, its messages, and the draft below them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as Note
from textual.widgets import Label

from roost.client import Client, RoostError, StoredMessage
from roost.terminal import text
from roost.terminal.draft import Draft
from roost.terminal.messages import Messages
from roost.terminal.window import Window

RENEWAL = 0.05
"""Seconds in which several changes are one look into the store."""
TYPING_TOLD = 3.0
"""Seconds between two notices that this user types."""
TYPING_SHOWN = 5.0
"""Seconds for which another one counts as typing after a notice."""
NOTHING = "Choose a conversation at the left and press Enter,\nor Ctrl+N to begin one."


class OpenConversation(Vertical):
    """One conversation at a time. What is asked of it is done in order, in its own task."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "write", "Write", show=False),
        Binding("ctrl+r", "again", "All again", priority=True),
    ]

    class Changed(Note):
        """Something was done here that the store tells nobody: written, removed, read."""

    def __init__(self, client: Client, user_id: str, present: AbstractSet[str], *, id: str | None = None) -> None:  # noqa: A002 - as widgets have it
        """`present`: the users who are there, as far as it is known."""
        super().__init__(id=id)
        self._client = client
        self._user_id = user_id
        self._window: Window | None = None
        self._drafts: dict[str, str] = {}
        self._read: int | None = None
        self._marked = 0
        self._due = False
        self._told_typing = 0.0
        self._typing: dict[str, float] = {}
        self._called = ""
        self._present = present
        # Kept, not looked for: what the client tells may come before they are on the screen, and after.
        self._heading = Label(id="heading", markup=False)
        self._nothing = Label(NOTHING, id="nothing", markup=False)
        self._messages = Messages(user_id, id="messages")
        self._draft = Draft(id="draft")

    def compose(self) -> ComposeResult:
        """Heading, messages, draft; or what to do first."""
        yield from (self._heading, self._nothing, self._messages, self._draft)

    def on_mount(self) -> None:
        """Nothing is open yet."""
        self._messages.display = self._draft.display = False

    @property
    def conversation_id(self) -> str | None:
        """The conversation that is open."""
        return None if self._window is None else self._window.conversation_id

    # --- what is asked of it ---

    def open(self, conversation_id: str, message: StoredMessage | None = None) -> None:
        """Opens a conversation at a message of it, or where unread messages begin, or at its end."""
        self.call_later(self._open, conversation_id, message)

    def renew(self) -> None:
        """Looks into the store soon."""
        if not self._due and self._window is not None:
            self._due = True
            self.set_timer(RENEWAL, self._renew)

    def typing(self, conversation_id: str, user_id: str) -> None:
        """Somebody types."""
        if conversation_id == self.conversation_id:
            self._typing[user_id] = time.monotonic() + TYPING_SHOWN
            self.set_timer(TYPING_SHOWN + 0.1, self.head)
            self.head()

    def head(self) -> None:
        """Shows the heading: who it is, and what the other one does."""
        window = self._window
        if window is None:
            return
        now = time.monotonic()
        self._typing = {user_id: until for user_id, until in self._typing.items() if until > now}
        there: Content | str = ""
        if self._typing:
            who = (
                "" if len(self._typing) == 1 and self._called in self._typing else f"{', '.join(sorted(self._typing))} "
            )
            there = Content.styled(f"{who}typing …", "$accent italic")
        elif text.partner(window.conversation_id, self._user_id) in self._present:
            there = Content.styled("online", "$success")
        more = "" if window.at_end and self._messages.at_end else "  ↓ more below, Ctrl+End"
        heading = Content.assemble((self._called, "bold"), "  ", there, (more, text.FAINT))
        self._heading.update(heading)

    # --- doing it ---

    async def _open(self, conversation_id: str, message: StoredMessage | None) -> None:
        if self._window is not None:
            self._drafts[self._window.conversation_id] = self._draft.text
        changed = conversation_id != self.conversation_id
        known = await self._client.conversation(conversation_id)
        self._called = text.name_of(conversation_id, self._user_id, None if known is None else known.name)
        self._window = window = Window(self._client, conversation_id)
        if changed:
            self._typing.clear()
            self._marked = 0 if known is None else known.read_seq
            self._read = known.read_seq if known is not None and known.unread else None
            self._draft.text = self._drafts.pop(conversation_id, "")
            self._draft.move_cursor(self._draft.document.end)
        if message is not None:
            await window.around(message.conversation_seq)
        elif self._read is not None:
            await window.around(self._read + 1)
        else:
            await window.newest()
        self._nothing.display = False
        self._messages.display = self._draft.display = True
        self._messages.show(window.messages, read=self._read, at_end=message is None)
        if message is not None:
            self._messages.point_at(message.message_id)
        elif self._read is not None:
            self._messages.point_at_new()
        (self._draft if message is None else self._messages).focus()
        self.call_after_refresh(self._seen)

    async def _renew(self) -> None:
        self._due = False
        if self._window is not None:
            await self._window.renew(following=self._messages.at_end)
            self._show()
            await self._seen()

    def _show(self, *, at_end: bool = False, stay: bool = False) -> None:
        if self._window is not None:
            self._messages.show(self._window.messages, read=self._read, at_end=at_end, stay=stay)
            self.head()
            self.refresh_bindings()

    async def _seen(self) -> None:
        """What is at the end, and looked at, is read."""
        self.head()
        window = self._window
        if window is None or not (window.at_end and self._messages.at_end and self.app.app_focus):
            return
        if window.last > self._marked:
            self._marked = window.last
            await self._client.mark_read(window.conversation_id, window.last)
            self.post_message(self.Changed())

    # --- the messages ---

    async def on_messages_earlier(self) -> None:
        """Reads the page before."""
        if self._window is not None and await self._window.earlier():
            self._show()
        self.head()

    async def on_messages_later(self) -> None:
        """Reads the page behind, and notices the end."""
        if self._window is not None and await self._window.later():
            self._show(stay=True)
        await self._seen()

    async def on_messages_newest(self) -> None:
        """Goes to the end of the history."""
        if self._window is not None:
            await self._window.newest()
            self._show(at_end=True)
            await self._seen()

    async def on_messages_retry(self, event: Messages.Retry) -> None:
        """Sends a message again that failed."""
        await self._client.retry(event.message.message_id)
        self.post_message(self.Changed())
        await self._renew()

    async def on_messages_discard(self, event: Messages.Discard) -> None:
        """Removes a message that was not sent."""
        if not await self._client.discard(event.message.message_id):
            self.notify("It is on its way already.", severity="warning", markup=False)
        self.post_message(self.Changed())
        await self._renew()

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:  # noqa: ARG002 - Textual's own
        """Sending again is offered where something failed."""
        return action != "again" or any(self._failed())

    async def action_again(self) -> None:
        """Sends again what failed in this conversation."""
        for message_id in list(self._failed()):
            await self._client.retry(message_id)
        self.post_message(self.Changed())
        await self._renew()

    def _failed(self) -> Iterator[str]:
        messages = () if self._window is None else self._window.messages
        return (message.message_id for message in messages if message.state == "failed")

    # --- the draft ---

    def action_write(self) -> None:
        """Goes to the draft."""
        if self._window is not None:
            self._draft.focus()

    async def on_draft_written(self, event: Draft.Written) -> None:
        """Sends: it is in the outbox, and on the screen, before anything else."""
        window = self._window
        if window is None:
            return
        try:
            await self._client.send(window.conversation_id, event.content)
        except RoostError as error:
            self.notify(text.one_line(str(error)), severity="error", markup=False)
            self._draft.text = event.content
            return
        self._read = None
        self.post_message(self.Changed())
        await self.on_messages_newest()

    async def on_draft_typed(self) -> None:
        """Tells the others that one types, now and then."""
        now = time.monotonic()
        window = self._window
        if window is not None and window.last and now - self._told_typing > TYPING_TOLD:
            self._told_typing = now
            await self._client.typing(window.conversation_id)

    def on_draft_turned(self, event: Draft.Turned) -> None:
        """Turns the pages without leaving the draft."""
        if event.step == 0:
            self._messages.post_message(Messages.Newest())
        elif event.step < 0:
            self._messages.scroll_page_up(animate=False)
        else:
            self._messages.scroll_page_down(animate=False)
