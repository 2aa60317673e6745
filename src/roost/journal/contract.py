"""What a journal takes and gives, and what it guarantees.

1. **Numbers without gaps.** The entries of a user's log are 1, 2, 3 ...; so are the messages of a conversation.
   Both numbers are given inside the transaction that stores the message, so commit order is number order and
   a number once seen is on disk.
2. **Once.** A second draft of the same sender and message id stores nothing and gets the first result.
3. **All or nothing.** A message is in the log of every receiver, or of none. The log of a large conversation stands for
   those of its members (see `roost.journal.large`).
4. **The members of now.** Who receives a group message is read in the same transaction, not from a cache.
5. **The state of now.** Reading an entry gives what it points at as it is now. So a message that changes is entered
   again, at the end of the log of each member of now, and its earlier entries say the same as the new one.

A position is `(epoch, seq)`. The epoch names the life of the log: after a backup is restored, numbers are given
a second time to other messages; a client that kept its position would pass over them silently. A foreign epoch
tells it to start from a snapshot instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from roost.model.message import Change, Entry, Extra, Message


class Author(msgspec.Struct, frozen=True, gc=False):
    """Who acts, on which device: the integers of the database, and the names on the wire.

    `address` is where they are on the network, for the audit log; empty where nobody knows. `bot`: it is a program.
    `did` 0 is no device: all of the user's are told. `uid` 0 is no user but a back end, which may do everything.
    """

    uid: int
    did: int
    user_id: str
    device_id: str
    address: str = ""
    bot: bool = False


class Draft(msgspec.Struct, gc=False):
    """A message that asks for its place. `to` is set for private messages: the receiver's user id.

    `system`: it comes from the server, whose author need not belong to the conversation.

    `message_id` None lets the server make one. Times are milliseconds. `via` is whatever hands the receipt over;
    the journal carries it along. `flagged`: the listed words for which it is to be looked at.

    `reply_to`: what it replies to, by the server's id or one of the author's own; there is an `extra` then, which has
    the server's when the message gets its place.
    """

    author: Author
    conversation_id: str
    to: str | None
    message_id: str | None
    message_type: int
    content: str
    create_time: int
    extra: Extra | None = None
    via: Any = None
    system: bool = False
    flagged: tuple[str, ...] = ()
    reply_to: str | None = None


Place = tuple[int, int]
"""An entry's place, `(uid, seq)`. Plain, because a group message has thousands."""


class Committed(msgspec.Struct):
    """A draft that is on disk. `places` has every log it was entered in; none for a duplicate.

    `pushes` were put into the outbox with it. `large`: the conversation (cid), where its own log tells its members;
    `places` has the author's then.
    """

    message: Message
    author_seq: int
    places: list[Place]
    duplicate: bool = False
    pushes: int = 0
    large: int = 0


class Recorded(NamedTuple):
    """A change, or a message that is another now, entered in logs (`what.seq` is 0: each reader has its own).

    `large`: the conversation (cid) whose own log it was entered in, for its members; or which users (`joined`, uids)
    belong to from now on. `moved`: the users (id, uid) who belong to the conversation since, or no more; None: all who
    did, and they are too many to be named.
    """

    what: Message | Change
    places: list[Place]
    origin: int
    large: int = 0
    joined: Sequence[int] = ()
    moved: Sequence[tuple[str, int]] | None = ()


class LogState(NamedTuple):
    """A log's last seq, and the last one no longer retained: it can be read from `floor` on."""

    head: int
    floor: int


class LogPage(NamedTuple):
    """Entries after a seq, without gaps, and the state of the log when they were read."""

    entries: list[Entry]
    state: LogState
