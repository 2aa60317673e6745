"""Spam (D7): who sends as no person does is slowed down, more each time, and forgiven by itself.

Beyond what (the constants below) a message is a **strike**: nothing more is taken from its sender for 5 seconds, 10
after the next strike, then 20, up to a quarter of an hour. Who waits as long as told is let in. A strike is forgotten
after ten minutes without another.

Receivers have no part in it: whoever many people write to is popular. A message that is sent again with the same
message id is no repeat, nor is one that was refused.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NoReturn

from roost.errors import SpamSuspected

MINUTE = 60.0
"""Seconds for which is counted."""
REPEATS, MORE_REPEATS = 1000, 30
"""The same text, again and again: so many, and after that so many a minute. The first is more than the default rate
limit lets through at once; the second is one every two seconds."""
COPIES = 30
"""The same text to different conversations, in a minute: a greeting to all friends is slower by hand."""
CONVERSATIONS = 100
"""Different conversations in a minute."""
REFUSALS = 1000
"""Refusals by the rate limit in a minute. The outbox of our SDK meets some 70 and then waits; a user has several."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0
"""Seconds after the first strike; each further one doubles them, up to the longest."""
FORGIVEN_AFTER = 600.0
"""Seconds without a strike after which one is forgotten."""

SENDERS = 10_000
"""Senders remembered, those of the last minutes; beyond it the one whose minute began first is forgotten."""
TEXTS, REPEATED, IDS = 16, 32, 64
"""What is remembered of each: the last texts that were sent once; those that were sent more often; and the last ids
under which they were, as many as our SDK has messages on their way. Some 5 KB for a person, 100 KB for the worst."""
COMPARED = 500
"""Characters of a text that are compared."""


class Spam:
    """Counts what senders do. `now` is in seconds, of a clock that never goes back."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, _Sender] = OrderedDict()

    def check(self, sender: str, conversation: str, folded: str, message_id: str | None, now: float) -> None:
        """Counts a message that is about to be taken, by its folded text (`admit.folding`).

        Raises `SpamSuspected`, whose `retry_after` is in seconds.
        """
        self._record(sender, now).count(folded, conversation, message_id, now)

    def refused(self, sender: str, now: float) -> None:
        """Counts a refusal by the rate limit. Raises `SpamSuspected` instead, where there are too many."""
        record = self._record(sender, now)
        record.refusals += 1
        if record.refusals > REFUSALS:
            record.strike(now)

    def _record(self, sender: str, now: float) -> _Sender:
        """What is known of a sender. Raises `SpamSuspected` while nothing is taken from it."""
        record = self._senders.get(sender)
        if record is None:
            record = self._senders[sender] = _Sender(now)
            self._forget(now)
        elif now >= record.until:
            record.next_minute(now)
            self._senders.move_to_end(sender)
        if now < record.paused_until:
            record.refuse(now)
        return record

    def _forget(self, now: float) -> None:
        """Forgets the first two, if they are over or there is no room: so their number follows the traffic."""
        for _ in range(2):
            name, first = next(iter(self._senders.items()))
            if len(self._senders) <= SENDERS and not first.is_over(now):
                return
            del self._senders[name]


class _Repeated:
    """A text that was sent before: how often, to which conversations in this minute, and under which ids."""

    __slots__ = ("ids", "places", "times")

    def __init__(self, place: int, key: int) -> None:
        self.times = 1
        self.places = {place}
        self.ids: dict[int, None] = {key: None}


class _Sender:
    """What a sender did in this minute, and before."""

    __slots__ = ("conversations", "paused_until", "refusals", "repeated", "strikes", "struck_at", "texts", "until")

    def __init__(self, now: float) -> None:
        self.until = now + MINUTE
        self.texts: dict[int, tuple[int, int]] = {}
        """What was sent once, by its hash: to which conversation, under which id. Most texts never are repeated."""
        self.repeated: dict[int, _Repeated] = {}
        self.conversations: set[int] = set()
        self.refusals = 0
        self.paused_until = now
        self.strikes = 0
        self.struck_at = now

    def next_minute(self, now: float) -> None:
        """Counting begins anew, but for texts that were sent very often."""
        minutes = 1 + int((now - self.until) / MINUTE)
        self.until = now + MINUTE
        self.conversations.clear()
        self.refusals = 0
        for key, text in list(self.repeated.items()):
            text.times -= minutes * MORE_REPEATS
            text.places.clear()
            if text.times <= 0:
                del self.repeated[key]
        self._forgive(now)

    def _forgive(self, now: float) -> None:
        forgiven = int((now - self.struck_at) / FORGIVEN_AFTER)
        if forgiven:
            self.strikes = max(0, self.strikes - forgiven)
            self.struck_at += forgiven * FORGIVEN_AFTER

    def is_over(self, now: float) -> bool:
        """Whether forgetting this changes nothing, or as good as nothing."""
        return now >= self.until and now >= self.paused_until and now >= self.struck_at + self.strikes * FORGIVEN_AFTER

    def refuse(self, now: float) -> NoReturn:
        """Says how long the pause still is. Raises `SpamSuspected`."""
        raise SpamSuspected(retry_after=math.ceil((self.paused_until - now) * 1000) / 1000)

    def strike(self, now: float) -> NoReturn:
        """Begins the next pause. Raises `SpamSuspected`."""
        self._forgive(now)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.strikes)
        self.strikes += pause < LONGEST_PAUSE
        self.paused_until = self.struck_at = now + pause
        self.conversations.clear()
        self.refusals = 0
        for text in self.repeated.values():
            text.times = min(text.times, REPEATS - MORE_REPEATS)
            text.places.clear()
        self.refuse(now)

    def count(self, folded: str, conversation: str, message_id: str | None, now: float) -> None:
        """Counts a message. Raises `SpamSuspected` where it is one too many; then it is not counted."""
        text, place = hash(_essence(folded[:COMPARED])), hash(conversation)
        once = self.texts.get(text)
        if once is not None or text in self.repeated:
            self._repeat(text, once, place, hash(message_id), now)
            return
        self._visit(place, now)
        self.texts[text] = place, hash(message_id)
        if len(self.texts) > TEXTS:
            del self.texts[next(iter(self.texts))]

    def _repeat(self, text: int, once: tuple[int, int] | None, place: int, key: int, now: float) -> None:
        if once is not None:
            del self.texts[text]
            self.repeated[text] = _Repeated(*once)
            if len(self.repeated) > REPEATED:
                del self.repeated[next(iter(self.repeated))]
        known = self.repeated[text]
        if key in known.ids and key != NO_ID:  # sent again
            return
        if known.times >= REPEATS or (len(known.places) >= COPIES and place not in known.places):
            self.strike(now)
        self._visit(place, now)
        known.times += 1
        known.places.add(place)
        known.ids[key] = None
        if len(known.ids) > IDS:
            del known.ids[next(iter(known.ids))]

    def _visit(self, place: int, now: float) -> None:
        if place not in self.conversations:
            if len(self.conversations) >= CONVERSATIONS:
                self.strike(now)
            self.conversations.add(place)


NO_ID = hash(None)


def _essence(folded: str) -> str:
    """A folded text without spaces at the ends, and with no two together."""
    return " ".join(folded.split()) if "  " in folded or not folded.isprintable() else folded.strip()
