"""Telling who is here what was committed. Called in commit order, on the event loop, after the receipt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from roost.deliver.bus import Bus
from roost.deliver.hub import Hub
from roost.journal.contract import Committed, Draft, Place, Recorded
from roost.journal.recent import Recent
from roost.metrics import DELIVERIES
from roost.model.message import EVERYBODY, Change, Message
from roost.protocol.encoded import EncodedEntry


class Fanout:
    """From committed entries to the readers of this node, to the other nodes, and to the recent logs."""

    def __init__(self, hub: Hub, bus: Bus, recent: Recent | None = None) -> None:
        self._hub = hub
        self._bus = bus
        self._recent = recent
        self.said: Callable[[str], None] = lambda _: None
        """Called with the conversation id of each message that is new, or another now."""
        self.wrote: Callable[[int, str, int], None] = lambda _, __, ___: None
        """Called with the author (uid), the conversation id and the time (ms) of each message that is new."""
        self.timed: Callable[[], None] = lambda: None
        """Called when a message is new that expires."""
        self.advanced: Callable[[int], None] = lambda _: None
        """Called when something was entered in the log of a large conversation (cid)."""
        self.moved: Callable[[Sequence[tuple[str, int]] | None], None] = lambda _: None
        """Called with who shares other conversations than before, as in `Recorded`."""
        self.called: Callable[[], None] = lambda: None
        """Called when a message mentions all members of one."""

    def message(self, committed: Committed, draft: Draft) -> None:
        """A message: every reader of its receivers' logs, the author's other devices included."""
        if not (committed.places or committed.large):
            return
        self.said(committed.message.conversation_id)
        self.wrote(draft.author.uid, draft.conversation_id, committed.message.server_time)
        if committed.message.conversation_seq == 1 and draft.conversation_id.startswith("p:"):
            self.moved([(draft.author.user_id, draft.author.uid)])
        if committed.message.ttl:
            self.timed()
        author = draft.author
        entry = EncodedEntry(committed.message)
        DELIVERIES.count += self._hub.announce(entry, committed.places, author.uid, author.did, draft.via)
        self._bus.publish(entry, committed.places, author.uid, author.did)
        if self._recent is not None:
            self._recent.add(committed.message, committed.places, author.uid, author.did)
        if committed.large:
            self.advanced(committed.large)
            if EVERYBODY in (committed.message.mentions or ()):
                self.called()

    def change(self, recorded: Recorded, author_uid: int = 0) -> None:
        """A change, or a message that is another now."""
        if isinstance(recorded.what, Message):
            self.said(recorded.what.conversation_id)
        if recorded.large:
            self.advanced(recorded.large)
        if recorded.moved is None or recorded.moved:
            self.moved(recorded.moved)
        if not recorded.places:
            return
        entry = EncodedEntry(recorded.what)
        self._hub.announce(entry, recorded.places, author_uid, recorded.origin, None)
        self._bus.publish(entry, recorded.places, author_uid, recorded.origin)
        if self._recent is not None:
            self._recent.add(recorded.what, recorded.places, author_uid, recorded.origin)

    def pulled(self, what: Message | Change, places: Sequence[Place]) -> None:
        """What a large conversation's log has brought into these logs."""
        entry = EncodedEntry(what)
        DELIVERIES.count += self._hub.announce(entry, places, 0, 0, None)
        self._bus.publish(entry, places, 0, 0)
        if self._recent is not None:
            self._recent.add(what, places, 0, 0)
