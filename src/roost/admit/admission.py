"""May this sender send now? Rate limits for user, device and address, and spam (D7)."""

from __future__ import annotations

from collections.abc import Callable

from roost.admit.ratelimit import RateLimit
from roost.admit.spam import Spam
from roost.errors import RateLimited

Sender = tuple[str, int, str]
"""Who sends, on which device, from where: user id, did, address. Plain, because every message makes one."""


class Admission:
    """The limits on sending. `limits` are those of a user, a device, an address; `spam` None does not look for it.

    Bots have the limit `bots`, each, and no other: they write as no person does. `clock` gives seconds.
    """

    def __init__(
        self,
        limits: tuple[RateLimit, RateLimit, RateLimit],
        spam: Spam | None,
        clock: Callable[[], float],
        bots: RateLimit | None = None,
    ) -> None:
        self._bots = bots
        self._limits = [(limit, field) for field, limit in enumerate(limits) if limit.is_on]
        self._spam = spam
        self._clock = clock

    def admit(
        self, sender: Sender, conversation: str, folded: str, message_id: str | None, *, bot: bool = False
    ) -> None:
        """Counts a message that is about to be taken; `folded` is its text as `admit.folding` gives it.

        Raises `RateLimited`, or its kind `SpamSuspected`. What one rate limit refuses counts for none.
        """
        if bot:
            self._admit_bot(sender)
            return
        now = self._clock()
        spam = self._spam
        try:
            self._take(sender, now)
        except RateLimited:
            if spam is not None:
                spam.refused(sender[0], now)
            raise
        if spam is not None:
            spam.check(sender[0], conversation, folded, message_id, now)

    def admit_change(self, sender: Sender, *, bot: bool = False) -> None:
        """Counts a change of a message, which fills as many logs as a message does. Raises `RateLimited`."""
        if bot:
            self._admit_bot(sender)
        else:
            self._take(sender, self._clock())

    def _admit_bot(self, sender: Sender) -> None:
        if self._bots is not None:
            self._bots.take(sender[0])

    def _take(self, sender: Sender, now: float) -> None:
        for limit, field in self._limits:
            try:
                limit.take_at(sender[field], now)
            except RateLimited:
                self._give_back(sender, limit)
                raise

    def _give_back(self, sender: Sender, refused: RateLimit) -> None:
        """What was taken before one was refused."""
        for limit, field in self._limits:
            if limit is refused:
                return
            limit.give_back(sender[field])
