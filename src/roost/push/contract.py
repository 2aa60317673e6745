"""What the parts of push give each other, and what they promise.

The road of a push: a row in the outbox, written in the message's own transaction → the queue → a worker, which looks
at how things are *now* and decides (`plan`) → a channel → the outcome, which is recorded and ends the row.

1. **Nothing is lost.** The row stays until an outcome is recorded. A queue, a worker or a push service that goes
   away delays it; the row is given out again.
2. **Mostly once.** A push is sent twice where a worker or the broker dies between sending and reporting, and where a
   service takes it and its answer is lost; the second then replaces the first on the device (`collapse`).
3. **Only what is news.** What any device of the user has stored or read meanwhile is dropped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

T = TypeVar("T")


# --- where to ---


class Apns(msgspec.Struct, frozen=True, tag="apns", tag_field="platform"):
    """A device of Apple's: the token its app got, in hexadecimal."""

    token: str


class Fcm(msgspec.Struct, frozen=True, tag="fcm", tag_field="platform"):
    """A device that Firebase Cloud Messaging reaches: its registration token."""

    token: str


class Keys(msgspec.Struct, frozen=True):
    """What a browser's subscription encrypts with (RFC 8291 §2): its public key and secret, base64url."""

    p256dh: str
    auth: str


class WebPush(msgspec.Struct, frozen=True, tag="webpush", tag_field="platform"):
    """A browser: its `PushSubscription` as `toJSON()` gives it."""

    endpoint: str
    keys: Keys


class Email(msgspec.Struct, frozen=True, tag="email", tag_field="platform"):
    """A mailbox."""

    email: str


Address = Apns | Fcm | WebPush | Email


# --- what ---


class Missed(msgspec.Struct, frozen=True):
    """A message as a notification shows it. `text` is empty where the user wants no preview; `time` in ms.

    `seq` is its place in the receiver's log, so that the application can sync straight away.
    """

    conversation_id: str
    conversation_name: str
    sender_id: str
    sender_name: str
    server_msg_id: str
    seq: int
    text: str
    time: int


class Notification(msgspec.Struct, frozen=True):
    """What a channel shows: messages that were missed, the newest last; phones and browsers show that one alone.

    `badge` is the user's total unread. `title` and `body` are ready to be shown. Notifications with the same
    `collapse` replace each other. `expires_at` in ms: not worth delivering afterwards.
    """

    user_id: str
    title: str
    body: str
    badge: int
    collapse: str
    expires_at: int
    missed: tuple[Missed, ...]
    """Empty for a test push."""


# --- what became of it ---


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """The service has it. `detail`: the id it gave, if any."""

    detail: str = ""


class Retry(msgspec.Struct, frozen=True, tag="retry"):
    """Not now: the service is away, overloaded or asks for patience. `after`: seconds it asks for, if it does."""

    reason: str
    after: float | None = None


class Dead(msgspec.Struct, frozen=True, tag="dead"):
    """The address is no more, and is removed."""

    reason: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Refused, and would be again: a wrong key, a notification the service does not take."""

    reason: str


Outcome = Sent | Retry | Dead | Failed


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """Not sent, because it is no news any more or is not wanted; the reason is for a person."""

    reason: str


class Postponed(msgspec.Struct, frozen=True, tag="postponed"):
    """Not tried yet: its channel is away. `until` in ms."""

    until: int


class Channel(Protocol):
    """A way to one kind of address. Safe to be used by many tasks at once; opens its connection when needed."""

    async def send(self, address: Address, notification: Notification) -> Outcome:
        """Sends once, within seconds; never raises for what the network or the service does (that is `Retry`)."""

    async def close(self) -> None:
        """Closes its connections."""


# --- the queue ---


class Task(msgspec.Struct, frozen=True):
    """One push of one message to one address (`aid`) of a device; `seq`: its place in the user's log; times in ms.

    `seq` is 0 for a mention in a large conversation that is not in the user's log yet; its row learns when it is.

    `taken_at`: when it was claimed. Claimed once more, by whichever node, only the later task is done.
    """

    task_id: int
    aid: int
    uid: int
    did: int
    mid: int
    seq: int
    attempt: int
    created_at: int
    taken_at: int
    again: bool = False
    """A worker had it before and went away, or the broker did, before that was settled: it may have been sent."""


class Report(msgspec.Struct, frozen=True):
    """What became of a task, `at` (ms). `told`: of a mail that was sent, the seqs that it tells of."""

    task: Task
    user_id: str
    device_id: str
    platform: str
    at: int
    outcome: Outcome | Dropped | Postponed
    told: tuple[int, ...] = ()


TRIES = 5
"""How often a thing is handed out whose `handle` raises each time, before it is put aside."""


class Queue(Protocol[T]):
    """Takes things from one side to the other, through restarts of either: durable where its backend is.

    Each thing arrives at least once, at one worker at a time; in no particular order.
    """

    lasting: bool
    """Whether its things outlive the process that put them, and other processes see them."""

    async def room(self) -> int:
        """How many things it takes at once now; waits until there is a good deal of room."""

    def held(self) -> list[T]:
        """The things that are gone with this process, those in hand included; none where it is `lasting`."""

    async def put(self, things: Sequence[T]) -> None:
        """Returns when the queue has them all. Raises `Unavailable` within seconds if not: some may still arrive."""

    async def work(self, handle: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
        """Hands things to `handle`, so many at once, until cancelled; goes on by itself when the backend is back.

        A thing whose `handle` raises, or whose worker dies, is handed out again; after some times it is put aside.
        """

    async def backlog(self) -> int:
        """How many things wait for a worker. Raises `Unavailable`."""

    async def close(self) -> None:
        """Lets go of connections; what was not handled stays in the queue where the backend keeps it."""
