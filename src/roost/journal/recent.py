"""The recent log and the sync state: what a returning device needs, kept where it is quick to read (B1-B8).

Both are copies. The database stays what counts: whatever is missing or doubtful here is read there, by the same path,
so an answer is either the database's own or none.

**The recent log** of a user holds the entries since it was begun, at most `redis.recent` of them.

1. **Complete or none.** A page has every entry from `after` on, as the database has it, or there is no page: where an
   entry is missing (a hole), was trimmed or has expired, where `after` is not in it, while it can't be asked.
2. **The end.** It ends where the log ended when it was asked, or later; except that what another node committed may be
   missing at its end for as long as it takes to get here, and for ever if that node died or was cut off meanwhile. So
   who knows of a higher seq must not believe it; the watch over the heads makes every reader know of one in time.
3. **The state of now.** A message is kept once, beside the logs it is in; a newer version takes the older one's place,
   and never the other way round.
4. **Never in the way.** `add` neither waits nor fails. What can't be kept is dropped, and with it all that was kept
   before: a log is begun anew by whoever visits next.

**Beginning a log.** It is made empty first (`begin`), then the database is read, then it is told where it begins
(`based`). An entry that is committed after the reading is added to a log that is there; one that was committed before
it is below the base.

**The sync state** of a device (B2) says where it stands; it is saved with the positions, and never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from roost.journal.contract import LogPage, Place
from roost.model.message import Change, Message

SHORTEST = 3600
"""Seconds for which a log is kept at least: who was here a moment ago is back soon, more often than not."""
UNKNOWN = 86_400
"""Seconds for which the log of somebody is kept of whom nobody knows how often they come."""
LONGER = 8
"""A log is kept for so many times as long as its user was away: a night away keeps it over a long weekend."""


class SyncState(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Where a device stands (B2), and who it is: what its next connection needs, on whichever node.

    `client_id` is the device's id; `conversation_id` is null, because a position is one in all conversations;
    `last_message_id` is the Stream id of the last entry it has stored; `last_sync_at` is in milliseconds. `marked` is
    the last seq that it has stored out of order: below that, only the database knows what it lacks.
    """

    client_id: str
    user_id: str
    conversation_id: None
    last_message_id: str
    last_sync_at: int
    epoch: str
    uid: int
    did: int
    marked: int = 0

    @property
    def position(self) -> int:
        """It has stored every entry up to here."""
        return int(self.last_message_id.partition("-")[0])

    def after(self, older: SyncState) -> SyncState:
        """This, with what an older one knows of marks; or the older one's position, if that is further."""
        newest = max(older, self, key=lambda state: state.position)
        return msgspec.structs.replace(newest, marked=max(older.marked, self.marked))


class Standing(NamedTuple):
    """A position, moved over what the device need not store, in a log that ends at `head`."""

    position: int
    head: int


def kept_for(away: int | None, longest: int) -> int:
    """Seconds for which a log is kept after a visit, if its user was `away` for so long before it (ms; None: unknown).

    It is only ever prolonged, so the longest absence of late counts, not the last one.
    """
    seconds = UNKNOWN if away is None else away * LONGER // 1000
    return min(max(seconds, SHORTEST), longest)


class Recent(Protocol):
    """The recent logs of one deployment, as one node sees them. Nothing here raises: no answer is None."""

    def add(self, what: Message | Change, places: Sequence[Place], author_uid: int, origin: int) -> None:
        """What was committed, in commit order. In the log of `author_uid` its origin is the device `origin`."""

    async def begin(self, uid: int, away: int | None) -> str | None:
        """Makes a log that is not there, before the database is read.

        Returns what `based` is to be called with; None where it is there already, or can't be.
        """

    def based(self, uid: int, begun: str, head: int) -> None:
        """The log that was begun has all that comes after `head`."""

    async def standing(self, uid: int, did: int, position: int, away: int | None) -> Standing | None:
        """Where the device `did` that stands at `position` stands now: its own sends and changes are passed over.

        `away` (ms) tells how long the log is to be kept.
        """

    async def page(self, uid: int, after: int, count: int) -> LogPage | None:
        """At most `count` (1-1000) entries after `after`, and the log's head. Its floor is not known here: 0."""

    async def drop(self, uid: int, unless: int) -> None:
        """The log is wrong, unless it reaches to this seq."""


class SyncStates(Protocol):
    """The sync states of one deployment. Nothing here raises."""

    async def fetch(self, user_id: str, device_id: str) -> SyncState | None:
        """The state of a device; None: start from what the database knows."""

    async def save(self, states: Sequence[SyncState]) -> bool:
        """Keeps them for `sync.state_ttl` from now. A position never goes back. False: they were not saved."""
