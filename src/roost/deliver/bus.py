"""The bus: what is committed, typed or revoked at one node, hinted to the others.

Everything on the bus is a **hint**. It may be lost, come twice, or come after what was committed later; nothing is
stored for its sake and nobody waits for it. What makes up for a lost one:

- an entry: the reader that gets a later one reads the log, and `roost.deliver.watch` finds the reader that gets none;
- a revoked token: the watch reads these as well;
- typing, presence, profiles, receipts: the next of them.

What is guaranteed: a hint goes to the nodes where one of its topics was joined before it was published, and to no
others; those of one node arrive in the order in which it published them, as far as they do; a node hears its own
never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from roost.protocol.encoded import EncodedEntry
from roost.protocol.frames import PresenceNotice, ProfileNotice, ReceiptsNotice, TypingNotice

Topic = int | str
"""What a node wants to hear of: the log of a user (uid), who is online (`watched`), a large conversation (`advancing`).
"""


def watched(user_id: str) -> Topic:
    """The topic of a user's presence; no uid looks like it."""
    return f"w:{user_id}"


def advancing(cid: int) -> Topic:
    """The topic of a large conversation's log."""
    return f"c:{cid}"


class Advanced(msgspec.Struct, tag_field="type", tag="advanced", frozen=True):
    """The log of a large conversation goes on; or the users (topics) belong to it from now on."""

    cid: int


class Revoked(msgspec.Struct, tag_field="type", tag="revoked", frozen=True):
    """A device (uid, did) was logged out with a token. `expires_at` is in milliseconds."""

    uid: int
    did: int
    user_id: str
    device_id: str | None
    token_id: str
    expires_at: int


class Barred(msgspec.Struct, tag_field="type", tag="barred", frozen=True):
    """Of a user's tokens only those issued since a time (milliseconds) count."""

    uid: int
    user_id: str
    since: int


class Reshown(msgspec.Struct, tag_field="type", tag="reshown", frozen=True):
    """These users show themselves to others than before, or see others (topics: uids); None: anybody may."""

    user_ids: list[str] | None


Notice = TypingNotice | PresenceNotice | ProfileNotice | ReceiptsNotice | Revoked | Barred | Reshown | Advanced
"""What is hinted besides entries."""

Heard = Callable[[Notice, Sequence[int]], None]
"""Takes a notice of another node, and those of its topics that this one has joined, as far as they are uids."""


class Bus(Protocol):
    """A node's way to tell the others.

    `heard` is called with what they tell. `look` is called when hints may have been lost: how far the logs go is to be
    looked up.
    """

    heard: Heard
    look: Callable[[], None]

    @property
    def up(self) -> bool:
        """Whether hints come and go."""

    async def join(self, *topics: Topic) -> None:
        """From now on this node is told of these. Never raises; where the bus is away it returns at once."""

    def leave(self, *topics: Topic) -> None:
        """It need not be told of them any more."""

    def publish(self, entry: EncodedEntry, places: Sequence[tuple[int, int]], author: int, origin: int) -> None:
        """Hints at a committed entry, at its `(uid, seq)` places; the rest as for `Hub.announce`.

        Called in commit order.
        """

    def tell(self, notice: Notice, topics: Iterable[Topic] | None) -> None:
        """Hints at something else, to who joined a topic; None: to all nodes."""


class Alone:
    """The bus of a node that has no others: nothing to be told to anybody."""

    up = False

    def __init__(self) -> None:
        self.heard: Heard = lambda _notice, _uids: None
        self.look: Callable[[], None] = lambda: None

    async def join(self, *topics: Topic) -> None:
        """Nothing."""

    def leave(self, *topics: Topic) -> None:
        """Nothing."""

    def publish(self, entry: EncodedEntry, places: Sequence[tuple[int, int]], author: int, origin: int) -> None:
        """Nothing."""

    def tell(self, notice: Notice, topics: Iterable[Topic] | None) -> None:
        """Nothing."""
