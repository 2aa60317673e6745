"""Telling who is here what was committed. Called in commit order, on the event loop, after the receipt."""

from __future__ import annotations

from collections.abc import Callable

from roost.deliver.bus import Bus
from roost.deliver.hub import Hub
from roost.journal.contract import Committed, Draft, Recorded
from roost.journal.recent import Recent
from roost.metrics import DELIVERIES
from roost.protocol.encoded import EncodedEntry


class Fanout:
    """From committed entries to the readers of this node, to the other nodes, and to the recent logs."""

    def __init__(self, hub: Hub, bus: Bus, recent: Recent | None = None) -> None:
        self._hub = hub
        self._bus = bus
        self._recent = recent
        self.said: Callable[[str], None] = lambda _: None
        """Called with the conversation id of each message that is new, or another now."""
        self.timed: Callable[[], None] = lambda: None
        """Called when a message is new that expires."""

    def message(self, committed: Committed, draft: Draft) -> None:
        """A message: every reader of its receivers' logs, the author's other devices included."""
        if not committed.places:
            return
        self.said(committed.message.conversation_id)
        if committed.message.ttl:
            self.timed()
        author = draft.author
        entry = EncodedEntry(committed.message)
        DELIVERIES.inc(self._hub.announce(entry, committed.places, author.uid, author.did, draft.via))
        self._bus.publish(entry, committed.places, author.uid, author.did)
        if self._recent is not None:
            self._recent.add(committed.message, committed.places, author.uid, author.did)

    def change(self, recorded: Recorded, author_uid: int = 0) -> None:
        """A change, or a message that is another now."""
        entry = EncodedEntry(recorded.what)
        self._hub.announce(entry, recorded.places, author_uid, recorded.origin, None)
        self._bus.publish(entry, recorded.places, author_uid, recorded.origin)
        if self._recent is not None:
            self._recent.add(recorded.what, recorded.places, author_uid, recorded.origin)
        if entry.is_message:
            self.said(recorded.what.conversation_id)
