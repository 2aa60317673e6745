"""Telling those who keep order what was refused: in the audit log, and by webhook.

What is refused changes nothing, so it has no transaction of its own: this one comes soon after, and not if the server
dies in between. What was taken and flagged is told in the message's own transaction (`roost.journal.append`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from roost.admit.admission import Admission
from roost.admit.ratelimit import RateLimit
from roost.admit.spam import Spam
from roost.audit import Act, record
from roost.config import Config
from roost.db.database import Database
from roost.flow.moderation.wordlists import WordLists
from roost.hooks.events import Moderation, emit
from roost.journal.contract import Author

SPAM_EVERY = 60_000
"""Milliseconds between two reports that one user is slowed down: each message tried meanwhile is refused."""
REMEMBERED = 10_000
"""Users of whom that is known."""
WAITING = 1_000
"""Reports on their way; what is more is dropped, and counted in `roost_refusals_total` anyway."""

logger = structlog.get_logger()


class Order(NamedTuple):
    """What keeps order: limits, word lists, and those who are told."""

    admission: Admission
    words: WordLists
    moderators: Moderators


class Moderators:
    """Those who keep order. `clock` gives milliseconds."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._spammers: OrderedDict[str, int] = OrderedDict()
        self._telling: set[asyncio.Task[None]] = set()

    def rejected(self, author: Author, conversation: str, content: str) -> None:
        """A message was refused for its words, or the new text of one; then `conversation` is empty."""
        where = conversation or None
        what = Moderation(what="rejected", user_id=author.user_id, conversation_id=where, content=content)
        self._tell(Act("message.rejected", author, where), what)

    def spam(self, author: Author, conversation: str) -> None:
        """A user is slowed down."""
        now = self._clock()
        if now - self._spammers.get(author.user_id, -SPAM_EVERY) < SPAM_EVERY:
            return
        self._spammers[author.user_id] = now
        self._spammers.move_to_end(author.user_id)
        if len(self._spammers) > REMEMBERED:
            self._spammers.popitem(last=False)
        what = Moderation(what="spam", user_id=author.user_id, conversation_id=conversation)
        self._tell(Act("user.slowed_down", author, conversation), what)

    def _tell(self, act: Act, what: Moderation) -> None:
        if len(self._telling) >= WAITING:
            return
        task = asyncio.get_running_loop().create_task(self._write(act, what))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _write(self, act: Act, what: Moderation) -> None:
        def change(tx: Connection) -> None:
            record(tx, act)
            emit(tx, "moderation", what.conversation_id or "", what)

        try:
            await self._database.write(change)
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            logger.warning("a refusal is not told", act=act.name, reason=repr(error))


def admission_of(config: Config) -> Admission:
    """The limits on sending. Where users have none, nobody is slowed down for spam either."""
    limits, seconds = config.limits, time.monotonic
    looks_for_spam = config.moderation.spam and limits.messages_per_minute
    each = (
        RateLimit(limits.messages_per_minute, seconds, "messages"),
        RateLimit(limits.device_messages_per_minute, seconds, "messages from one device"),
        RateLimit(limits.address_messages_per_minute, seconds, "messages from one network address"),
    )
    bots = RateLimit(limits.bot_messages_per_minute, seconds, "messages from a bot")
    return Admission(each, Spam() if looks_for_spam else None, seconds, bots)
