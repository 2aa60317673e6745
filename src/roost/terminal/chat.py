"""The chat on the screen: conversations at the left, the open one at the right, the connection below."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message as Note
from textual.theme import Theme
from textual.widgets import Footer, Label

from roost.client import (
    Client,
    ConversationChanged,
    Event,
    MessageSent,
    PresenceChanged,
    SendFailed,
    State,
    StateChanged,
    StoredMessage,
    StoreReset,
    SyncProgress,
    Typing,
)
from roost.terminal import text
from roost.terminal.conversation import OpenConversation
from roost.terminal.conversations import Conversations
from roost.terminal.dialogs import NewConversation, Search
from roost.terminal.status import Status

HEARD: tuple[type[Event], ...] = (
    ConversationChanged,
    MessageSent,
    PresenceChanged,
    SendFailed,
    StateChanged,
    StoreReset,
    SyncProgress,
    Typing,
)
"""What the client tells that shows on the screen. None of it is durable: the store is read anew."""
WATCHED = 200
"""Users at most whose coming and going is shown."""
RENEWAL = 0.2
"""Seconds in which several changes are one count."""
THEME = Theme(
    name="roost",
    primary="#7aa2d8",
    accent="#e0a458",
    success="#8cc084",
    warning="#e0c058",
    error="#e07a6a",
    background="#14171c",
    surface="#1a1e25",
    panel="#222833",
    foreground="#d8dce4",
    dark=True,
)


class Heard(Note):
    """The client told something."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event


class Chat(App[None]):
    """A client of one user. The client is open; this connects it, and leaves closing it to the one who opened it."""

    CSS_PATH = "chat.tcss"
    TITLE = "Roost"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "new", "New", priority=True),
        Binding("ctrl+f", "search", "Search", priority=True),
        Binding("ctrl+o", "leave", "Go offline", priority=True),
        Binding("ctrl+o", "come_back", "Go online", priority=True),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    def __init__(self, client: Client, user_id: str, *, to: str | None = None) -> None:
        """`to` is opened at once: a user id, or `g:` and a group id."""
        super().__init__()
        self.client = client
        self._user_id = user_id
        self._to = to
        self._count_due = False
        self._offline = False
        self._watched: list[str] = []
        self._present: set[str] = set()

    def compose(self) -> ComposeResult:
        """The screen."""
        with Horizontal(id="desk"):
            with Vertical(id="side"):
                yield Label(id="owner", markup=False)
                yield Conversations(self.client, self._user_id, self._present, id="conversations")
            yield OpenConversation(self.client, self._user_id, self._present, id="open")
        yield Status(id="status")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Listens, and connects."""
        self.register_theme(THEME)
        self.theme = THEME.name
        self._conversations = self.query_one(Conversations)
        self._open = self.query_one(OpenConversation)
        self._status = self.query_one(Status)
        self._owner = self.query_one("#owner", Label)
        self._title(0)
        self._conversations.focus()
        self._status.changed(StateChanged(state=self.client.state, reason=self.client.state_reason))
        for kind in HEARD:
            self.client.on(kind)(self._heard)
        await self.client.connect()
        self._count()
        if self._to is not None:
            self.open(self.client.conversation_id(self._to))

    def on_unmount(self) -> None:
        """Listens no longer."""
        self.client.off(self._heard)

    def open(self, conversation_id: str, message: StoredMessage | None = None) -> None:
        """Opens a conversation, at a message of it if one is given."""
        self._conversations.open(conversation_id)
        self._open.open(conversation_id, message)

    # --- what the client tells ---

    def _heard(self, event: Event) -> None:
        """Runs in the client's task: hands over, and returns."""
        self.post_message(Heard(event))

    def on_heard(self, heard: Heard) -> None:
        """Shows what is new. Whatever is in the store is read from there, soon."""
        match event := heard.event:
            case StateChanged():
                self._status.changed(event)
                self._know_who_is_there(event)
            case PresenceChanged():
                self._know_who_is_there(event)
            case SyncProgress():
                self._status.progress(event)
            case Typing():
                self._open.typing(event.conversation_id, event.user_id)
            case ConversationChanged():
                self._changed(event.conversation_id)
            case MessageSent():
                self._changed(event.message.conversation_id)
            case SendFailed():
                self.notify(text.one_line(str(event.error)), title="Not sent", severity="error", markup=False)
                self._changed(event.conversation_id)
            case StoreReset():
                self.notify("The server's log starts anew, and so does the history here.", markup=False)
                self._changed(self._open.conversation_id)
        self._count()

    def _know_who_is_there(self, event: PresenceChanged | StateChanged) -> None:
        """Keeps who is there; offline, nobody knows."""
        match event:
            case PresenceChanged(online=True):
                self._present.add(event.user_id)
            case PresenceChanged():
                self._present.discard(event.user_id)
            case StateChanged(state=State.CONNECTING | State.DISCONNECTED):
                self._present.clear()
        self._conversations.draw()
        self._open.head()

    def _changed(self, conversation_id: str | None) -> None:
        self._conversations.renew()
        if conversation_id == self._open.conversation_id:
            self._open.renew()

    def _count(self) -> None:
        """Counts what waits, soon."""
        if not self._count_due:
            self._count_due = True
            self.set_timer(RENEWAL, self._counted)

    async def _counted(self) -> None:
        self._count_due = False
        unsent = await self.client.unsent()
        status = self._status
        status.failed = sum(1 for message in unsent if message.state == "failed")
        status.waiting = len(unsent) - status.failed
        status.position = await self.client.store.get_last_sync_seq()
        status.refresh()

    def _title(self, unread: int) -> None:
        more = f" · {unread:,} unread" if unread else ""
        self._owner.update(f"{self._user_id}{more}")
        self.sub_title = self._user_id + more

    # --- what the widgets tell ---

    async def on_conversations_renewed(self, event: Conversations.Renewed) -> None:
        """Counts unread, and watches who is there."""
        self._title(event.unread)
        partners = event.partners[:WATCHED]
        if set(partners) != set(self._watched):
            self._watched = partners
            await self.client.watch(partners)

    def on_conversations_chosen(self, event: Conversations.Chosen) -> None:
        """Opens."""
        self.open(event.conversation_id)

    def on_open_conversation_changed(self) -> None:
        """What waits, and what is unread, is different."""
        self._conversations.renew()
        self._count()

    def on_app_focus(self, _: events.AppFocus) -> None:
        """Somebody looks again: what is seen is read."""
        self._open.renew()

    # --- keys ---

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:  # noqa: ARG002 - Textual's own
        """One key goes offline and comes back: the one that has a use now is offered."""
        return {"leave": not self._offline, "come_back": self._offline}.get(action, True)

    async def action_leave(self) -> None:
        """Goes offline on purpose. What is written meanwhile stays in the outbox, and leaves on return."""
        self._be_offline(offline=True)
        await self.client.disconnect()

    async def action_come_back(self) -> None:
        """Comes back."""
        self._be_offline(offline=False)
        await self.client.connect()

    def _be_offline(self, *, offline: bool) -> None:
        self._offline = self._status.offline = offline
        self._status.refresh()
        self.refresh_bindings()

    def action_new(self) -> None:
        """Asks for a user, and opens the conversation."""
        if len(self.screen_stack) == 1:
            self.push_screen(NewConversation(self.client), self._new)

    def _new(self, conversation_id: str | None) -> None:
        if conversation_id is not None:
            self.open(conversation_id)

    def action_search(self) -> None:
        """Asks for words, and opens the message that is chosen."""
        if len(self.screen_stack) == 1:
            self.push_screen(Search(self.client, self._user_id), self._found)

    def _found(self, message: StoredMessage | None) -> None:
        if message is not None:
            self.open(message.conversation_id, message)
