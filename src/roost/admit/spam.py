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
from unicodedata import normalize

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
TEXTS, IDS = 64, 64
"""Texts and message ids remembered of each: some 30 KB for one who uses it all, 2 KB for a person. Our SDK has as many
messages on their way at once."""
COMPARED = 500
"""Characters of a text that are compared."""


class Spam:
    """Counts what senders do. `now` is in seconds, of a clock that never goes back."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, _Sender] = OrderedDict()

    def check(self, sender: str, conversation: str, text: str, message_id: str | None, now: float) -> None:
        """Counts a message that is about to be taken. Raises `SpamSuspected`, whose `retry_after` is in seconds."""
        record = self._record(sender, now)
        if message_id is None:
            record.count(text, conversation, now)
            return
        ids, key = record.ids, hash(message_id)
        if key not in ids:  # else it is sent again
            record.count(text, conversation, now)
            ids[key] = None
            if len(ids) > IDS:
                del ids[next(iter(ids))]

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
    """A text that was sent before: how often, and the conversations it was sent to in this minute."""

    __slots__ = ("places", "times")

    def __init__(self, place: int) -> None:
        self.times = 1
        self.places = {place}


class _Sender:
    """What a sender did in this minute, and before."""

    __slots__ = ("conversations", "ids", "paused_until", "refusals", "strikes", "struck_at", "texts", "until")

    def __init__(self, now: float) -> None:
        self.until = now + MINUTE
        self.texts: dict[int, int | _Repeated] = {}
        """What was sent, by its hash. Most texts are sent once: then only the conversation."""
        self.conversations: set[int] = set()
        self.ids: dict[int, None] = {}
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
        often = [(key, text) for key, text in self.texts.items() if isinstance(text, _Repeated)]
        self.texts.clear()
        for key, text in often:
            text.times -= minutes * MORE_REPEATS
            text.places.clear()
            if text.times > 0:
                self.texts[key] = text
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
        for text in self.texts.values():
            if isinstance(text, _Repeated):
                text.times = min(text.times, REPEATS - MORE_REPEATS)
                text.places.clear()
        self.refuse(now)

    def count(self, content: str, conversation: str, now: float) -> None:
        """Counts a message. Raises `SpamSuspected` where it is one too many; then it is not counted."""
        place, conversations = hash(conversation), self.conversations
        if place not in conversations:
            if len(conversations) >= CONVERSATIONS:
                self.strike(now)
            conversations.add(place)
        key, texts = hash(_essence(content[:COMPARED])), self.texts
        text = texts.get(key)
        if text is None:
            texts[key] = place
            if len(texts) > TEXTS:
                del texts[next(iter(texts))]
            return
        if isinstance(text, int):
            text = texts[key] = _Repeated(text)
        if text.times >= REPEATS or (len(text.places) >= COPIES and place not in text.places):
            self.strike(now)
        text.times += 1
        text.places.add(place)


def _essence(text: str) -> str:
    """A text without what is easily varied: case, width, spaces at the ends and more than one."""
    text = text.lower() if text.isascii() else normalize("NFKC", text).casefold()
    return " ".join(text.split()) if "  " in text or not text.isprintable() else text.strip()
