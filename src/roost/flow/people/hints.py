"""Hints to the authors of messages: others have got them, or have read them in a larger group.

A hint is told to who is connected and stored nowhere; who missed it asks (`roost.flow.people.marks`). So they are
collected for a moment and told together, and what is collected is bounded. Finding out whose messages a device has
stored takes a look into its log. That is done beside everything else, after the fact, and in a small part of the time:
neither a send nor an `ack` waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import structlog
from sqlalchemy import Connection

from roost.db.database import Database
from roost.journal import delivered
from roost.journal.contract import Author
from roost.journal.delivered import Stored
from roost.protocol.frames import Mark, ReceiptsNotice

COLLECT = 0.2
"""Seconds in which hints are collected."""
SHARE = 0.05
"""Of the time, at most, that goes into hints."""
USERS = 50
"""Users whose logs are looked into at once."""
LOOK = 100
"""Entries of a log that are looked at, the newest of what was stored since the last look."""
REMEMBERED = 50_000
"""Users of whom it is remembered how far was looked, and who wait to be looked at."""
MAX_MARKS = 500
"""Marks in one frame."""
MAX_WAITING = 5000
"""Authors and conversations with hints that wait; what is beyond them is dropped."""

Tell = Callable[[ReceiptsNotice, int], None]
"""Tells a user (uid), wherever connected."""

logger = structlog.get_logger()


class Hints:
    """Collects hints, and tells them in turn."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked: OrderedDict[int, int] = OrderedDict()
        """How far in each user's log the authors know of it."""
        self._moved: OrderedDict[int, tuple[str, int]] = OrderedDict()
        """Users (uid) whose devices have stored more since: the user id, and how far."""
        self._waiting: dict[tuple[int, str], dict[str, Mark]] = {}
        """For each author (uid) and conversation the marks of others."""
        self._news = asyncio.Event()

    def stored(self, author: Author, seq: int) -> None:
        """A device of `author` has stored the log up to `seq`."""
        uid = author.uid
        if seq > self._looked.get(uid, 0) and (uid in self._moved or len(self._moved) < REMEMBERED):
            self._moved[uid] = (author.user_id, max(seq, self._moved.get(uid, ("", 0))[1]))
            self._news.set()

    def read(self, authors: Iterable[int], conversation_id: str, user_id: str, seq: int) -> None:
        """A user has read a conversation up to `seq`, with messages of these authors (uids)."""
        for uid in authors:
            self._put(uid, conversation_id, user_id, read_seq=seq)

    def _put(self, uid: int, conversation_id: str, user_id: str, *, read_seq: int = 0, delivered_seq: int = 0) -> None:
        key = (uid, conversation_id)
        if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
            return
        found = self._waiting.setdefault(key, {})
        mark = found.setdefault(user_id, Mark(user_id=user_id))
        mark.read_seq = max(mark.read_seq, read_seq)
        mark.delivered_seq = max(mark.delivered_seq, delivered_seq, read_seq)
        self._news.set()

    async def run(self, tell: Tell) -> None:
        """Tells what was collected, again and again, until cancelled. A fault is logged: hints may be lost."""
        while True:
            await self._news.wait()
            await asyncio.sleep(COLLECT)
            started = time.perf_counter()
            try:
                await self.once(tell)
            except Exception:
                logger.exception("hints were lost")
            spent = time.perf_counter() - started
            await asyncio.sleep(max(0, spent / SHARE - COLLECT - spent))

    async def once(self, tell: Tell) -> None:
        """Looks into the logs of some users who have stored more, and tells all that is known."""
        self._news.clear()
        moved = [self._moved.popitem(last=False) for _ in range(min(USERS, len(self._moved)))]
        if self._moved:
            self._news.set()
        if moved:
            for (_, (user_id, _)), messages in zip(moved, await self._look(moved), strict=True):
                for one in messages:
                    self._put(one.sender, one.conversation_id, user_id, delivered_seq=one.conversation_seq)
        waiting, self._waiting = self._waiting, {}
        for (uid, conversation_id), marks in waiting.items():
            found = list(marks.values())
            for first in range(0, len(found), MAX_MARKS):
                tell(ReceiptsNotice(conversation_id=conversation_id, marks=found[first : first + MAX_MARKS]), uid)

    async def _look(self, moved: Sequence[tuple[int, tuple[str, int]]]) -> list[list[Stored]]:
        places = [(uid, self._looked.get(uid, 0), through) for uid, (_, through) in moved]

        def query(connection: Connection) -> list[list[Stored]]:
            return [
                delivered.stored(connection, uid, max(before, through - LOOK), through, LOOK)
                for uid, before, through in places
            ]

        found = await self._database.read(query)
        for uid, _, through in places:
            self._looked[uid] = max(through, self._looked.get(uid, 0))
            self._looked.move_to_end(uid)
        while len(self._looked) > REMEMBERED:
            self._looked.popitem(last=False)
        return found
