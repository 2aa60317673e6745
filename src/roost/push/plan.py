"""Whether a push is to be sent, when, and what it says. Pure: facts in; a notification, a reason or a time out."""

from __future__ import annotations

import msgspec

from roost.model.message import MessageType
from roost.push.contract import Address, Dropped, Missed, Notification, Postponed, Task

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 600.0
"""Seconds until a push is tried again: the first time, and at most."""
LONGEST_ASKED = 86_400.0
"""Seconds that a service may ask for. One that asks for more is broken, and its pushes would stay for ever."""

WORDS = {MessageType.IMAGE: "Image", MessageType.FILE: "File"}
"""What is shown of a message whose content is no text."""
WITHOUT_PREVIEW = "New message"


class Facts(msgspec.Struct, frozen=True):
    """How things are now for one task. `sent_at` in ms."""

    open: bool
    """It has no recorded outcome yet."""
    user_id: str = ""
    device_id: str = ""
    platform: str = ""
    address: Address | None = None
    muted: bool = False
    """The device wants no push at all."""
    told: int = 0
    """A mail has told of what was new up to this seq."""
    cleared: bool = False
    """The message is no longer in the user's log."""
    sent_at: int = 0
    recalled: bool = False
    member: bool = False
    """The user still belongs to the conversation."""
    conversation_muted: bool = False
    stored: bool = False
    """One of the user's devices has it."""
    read: bool = False
    connected: bool = False
    """One of the user's devices is connected, to whichever node."""
    badge: int = 0
    missed: tuple[Missed, ...] = ()
    """The message itself; for a mail, all that was missed since, the newest last."""


def decide(task: Task, facts: Facts, *, now: int, ttl: int, grace: int) -> Notification | Dropped | Postponed:
    """What to send, why not, or when to look again. `now`, `ttl` and `grace` in ms."""
    if (reason := _reason(task, facts, now, ttl)) is not None:
        return Dropped(reason)
    if facts.connected and in_grace(facts, now, grace):
        return Postponed(facts.sent_at + grace)
    return notification(facts.user_id, facts.missed, facts.badge, facts.sent_at + ttl)


def in_grace(facts: Facts, now: int, grace: int) -> bool:
    """Whether a connected device would still have time to store the message before anybody is told of it."""
    return now < facts.sent_at + grace


def _reason(task: Task, facts: Facts, now: int, ttl: int) -> str | None:
    """The first thing that speaks against a push."""
    against = (
        (facts.address is None, "the address was removed"),
        (facts.cleared, "the message was cleared from the log"),
        (facts.muted, "the device is muted"),
        (facts.recalled, "the message was recalled"),
        (not facts.member, "the user has left the conversation"),
        (facts.conversation_muted, "the conversation is muted"),
        (facts.stored, "a device of the user has stored it"),
        (facts.read, "the user has read it"),
        (0 < task.seq <= facts.told, "a mail has gone out since"),
        (now > facts.sent_at + ttl, "it is too old to be news"),
    )
    return next((reason for holds, reason in against if holds), None)


def notification(user_id: str, missed: tuple[Missed, ...], badge: int, expires_at: int) -> Notification:
    """What is shown of the newest of the missed messages; `missed` is not empty."""
    last = missed[-1]
    group = last.conversation_id.startswith("g:")
    text = last.text or WITHOUT_PREVIEW
    return Notification(
        user_id=user_id,
        title=last.conversation_name if group else last.sender_name,
        body=f"{last.sender_name}: {text}" if group else text,
        badge=badge,
        collapse=last.conversation_id,
        expires_at=expires_at,
        missed=missed,
    )


def text_of(message_type: int, content: str) -> str:
    """What is shown of a message."""
    return WORDS.get(MessageType(message_type), content)


def pause(attempt: int, asked: float | None, chance: float) -> float:
    """Seconds until the next attempt after number `attempt` (from 0): doubling, spread by `chance` (0 to 1).

    What the service `asked` for is kept, up to a day, and is not spread to less.
    """
    longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 20))
    return max(longest * (0.5 + chance / 2), min(asked or 0.0, LONGEST_ASKED))
