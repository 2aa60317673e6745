"""The large conversations of one batch of messages (see `roost.journal.large`).

Each message is an entry of the conversation's log, and enters its author's own log behind what that lacked of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from roost.journal import large
from roost.journal.contract import Draft, Place
from roost.journal.large import LargeEntry
from roost.journal.statements import Opened, Statements
from roost.model.message import EVERYBODY


class LargeBatch:
    """What a batch does in large conversations; in most it has none. In the batch's transaction."""

    def __init__(self, connection: Connection, drafts: Collection[Draft], opened: Mapping[str, Opened]) -> None:
        """`opened` are the conversations of the drafts, locked."""
        self._connection = connection
        self._drafts: list[Draft] = []
        self._senders: defaultdict[int, set[int]] = defaultdict(set)
        if any(conversation.large for conversation in opened.values()):
            for draft in drafts:
                conversation = opened.get(draft.conversation_id)
                if conversation is not None and conversation.large:
                    self._drafts.append(draft)
                    self._senders[conversation.cid].update(() if draft.system else (draft.author.uid,))
        self._called: dict[str, int] = {}
        self._cursors: dict[int, dict[int, int]] = {}
        self._heads: dict[int, int] = {}
        self._known: dict[int, list[LargeEntry]] = {}
        self._new: list[tuple[int, LargeEntry]] = []
        self._moved: dict[tuple[int, int], int] = {}
        self._for_all: defaultdict[int, list[LargeEntry]] = defaultdict(list)

    @property
    def senders(self) -> set[int]:
        """The authors (uids): their logs are to be locked."""
        return set().union(*self._senders.values())

    def begin(self, statements: Statements) -> None:
        """Reads where the authors stand, whose logs are locked now, and what lies before them."""
        if not self._senders:
            return
        for cid, uids in self._senders.items():
            found = self._cursors[cid] = large.members(self._connection, cid, uids) if uids else {}
            begin = self._heads[cid] = min(found.values()) if found else large.head(self._connection, cid)
            self._known[cid] = large.entries_after(self._connection, cid, begin)
        names = {name for draft in self._drafts for name in _mentioned(draft)}
        self._called = statements.uids(self._connection, names) if names else {}

    @property
    def called(self) -> Collection[int]:
        """Those who are mentioned (uids), if they exist: the only ones there who are told by push."""
        return self._called.values()

    def has(self, cid: int, uid: int) -> bool:
        """Whether an author is a member."""
        return uid in self._cursors[cid]

    def missed(self, cid: int, uid: int) -> list[LargeEntry]:
        """What lies before the author's next entry, and is not in the author's log; it is to be entered there now."""
        known = self._known[cid]
        return known[self._cursors[cid][uid] - known[0].place + 1 :] if known else []

    def enter(self, cid: int, draft: Draft, mid: int) -> list[Place]:
        """The message is the next entry. Returns who is told by push; it has no seq in their logs yet, and so 0."""
        uid, known = draft.author.uid, self._known[cid]
        place = (known[-1].place if known else self._heads[cid]) + 1
        entry = LargeEntry(place, mid, fresh=True, change=None)
        known.append(entry)
        self._new.append((cid, entry))
        if not draft.system:
            self._cursors[cid][uid] = self._moved[cid, uid] = place
        names = _mentioned(draft)
        if EVERYBODY in names:
            self._for_all[cid].append(entry)
        return [(self._called[name], 0) for name in names if name in self._called]

    def store(self) -> None:
        """Stores what was entered, and how far the authors are."""
        if not self._new:
            return
        large.enter(self._connection, self._new)
        for (cid, uid), place in self._moved.items():
            large.move(self._connection, cid, [uid], place)
        for cid, entries in self._for_all.items():
            large.call(self._connection, cid, entries)


def _mentioned(draft: Draft) -> Collection[str]:
    return () if draft.extra is None else draft.extra.mentions or ()
