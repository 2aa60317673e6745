"""The outbox of webhooks: which events are due, whose turn they are, and what became of them.

Events of one topic (a conversation) are sent one after the other, those of different topics side by side. Who sends
claims events first: a claim is a lease, `due_at` says when it ends, and a node that is killed does not renew it, so the
others take over. An event whose topic has an older one that is not done waits for that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from roost.db.database import Database
from roost.db.schema import webhook_failures, webhook_outbox

LEASE = 60_000
"""Milliseconds that a claim lasts; who has it begins nothing more after half of it."""
BATCH = 200
"""Events claimed at once."""
SOON = 1_000
"""Milliseconds until an event is looked at again that waits for an older one, at least."""
KEPT = 30 * 86_400_000
"""Milliseconds that what was given up is kept."""
PRUNED = 1000
"""Failures removed at once."""

_of_hook = webhook_outbox.c.hook == bindparam("of_hook")
_of_ids = webhook_outbox.c.event_id.in_(bindparam("ids", expanding=True))
_of_topic = webhook_outbox.c.topic == bindparam("of_topic")
_due = webhook_outbox.c.due_at <= bindparam("now")
_ROW = (
    webhook_outbox.c.event_id,
    webhook_outbox.c.topic,
    webhook_outbox.c.event,
    webhook_outbox.c.body,
    webhook_outbox.c.created_at,
    webhook_outbox.c.attempt,
)
DUE = (
    select(webhook_outbox.c.event_id)
    .where(_of_hook, _due)
    .order_by(webhook_outbox.c.due_at, webhook_outbox.c.event_id)
    .limit(bindparam("most"))
)
NEXT = select(func.min(webhook_outbox.c.due_at)).where(_of_hook)
LOCKED = select(*_ROW).where(_of_ids, _due).order_by(webhook_outbox.c.event_id).with_for_update(skip_locked=True)
OLDEST = (
    select(func.min(webhook_outbox.c.event_id))
    .where(_of_hook, webhook_outbox.c.topic.in_(bindparam("topics", expanding=True)))
    .group_by(webhook_outbox.c.topic)
)
WHEN = select(webhook_outbox.c.topic, webhook_outbox.c.event_id, webhook_outbox.c.due_at).where(_of_ids)
LATER = update(webhook_outbox).where(_of_ids).values(due_at=bindparam("due"))
TOPIC_LATER = update(webhook_outbox).where(_of_hook, _of_topic).values(due_at=bindparam("due"))
TRIED = update(webhook_outbox).where(_of_ids).values(attempt=webhook_outbox.c.attempt + 1)
DONE = delete(webhook_outbox).where(_of_ids)
GIVE_UP = insert(webhook_failures)
BACKLOG = select(webhook_outbox.c.hook, func.count()).group_by(webhook_outbox.c.hook)
_oldest_failures = (
    select(webhook_failures.c.event_id)
    .where(webhook_failures.c.given_up_at < bindparam("before"))
    .order_by(webhook_failures.c.given_up_at)
    .limit(PRUNED)
    .subquery()
)
PRUNE = delete(webhook_failures).where(webhook_failures.c.event_id.in_(select(_oldest_failures)))


class Due(NamedTuple):
    """An event to be sent. `attempt`: how often it was tried before."""

    event_id: int
    topic: str
    event: str
    body: str
    created_at: int
    attempt: int


class Ended(NamedTuple):
    """What became of the events of a topic that were tried. Times in ms.

    `failed` was the last one; tried again at `due`, or given up with an `error`. The topic goes on at `due`.
    """

    topic: str
    done: list[int]
    failed: Due | None
    due: int
    error: str | None


class HookOutbox:
    """The events of one webhook. `clock` gives milliseconds."""

    def __init__(self, database: Database, hook: str, clock: Callable[[], int]) -> None:
        self._database = database
        self._hook = hook
        self._clock = clock

    async def take(self, most: int) -> list[list[Due]]:
        """Claims what is due: for each topic its events, in their order."""
        now = self._clock()
        wanted = {"of_hook": self._hook, "now": now, "most": most}
        ids = await self._database.read(lambda connection: list(connection.execute(DUE, wanted).scalars()))
        return await self._database.write(lambda tx: self._claim(tx, ids, now)) if ids else []

    def _claim(self, tx: Connection, ids: list[int], now: int) -> list[list[Due]]:
        topics: dict[str, list[Due]] = {}
        for row in tx.execute(LOCKED, {"ids": ids, "now": now}):
            topics.setdefault(row.topic, []).append(Due(*row))
        if not topics:
            return []
        for topic, due_at in self._behind(tx, topics):
            waiting = [event.event_id for event in topics.pop(topic)]
            tx.execute(LATER, {"ids": waiting, "due": max(due_at, now + SOON)})
        claimed = [event.event_id for events in topics.values() for event in events]
        if claimed:
            tx.execute(LATER, {"ids": claimed, "due": now + LEASE})
        return list(topics.values())

    def _behind(self, tx: Connection, topics: dict[str, list[Due]]) -> list[tuple[str, int]]:
        """The topics that have an older event, and when that is due."""
        oldest = list(tx.execute(OLDEST, {"of_hook": self._hook, "topics": list(topics)}).scalars())
        first = {topic: events[0].event_id for topic, events in topics.items()}
        rows: Sequence[Any] = tx.execute(WHEN, {"ids": oldest}).all()
        return [(row.topic, row.due_at) for row in rows if row.event_id < first[row.topic]]

    async def end(self, ended: Ended) -> None:
        """Records what became of events, and when the rest of their topic is due."""

        def change(tx: Connection) -> None:
            gone = list(ended.done)
            if ended.failed is not None and ended.error is not None:
                tx.execute(GIVE_UP, self._failure(ended.failed, ended.error))
                gone.append(ended.failed.event_id)
            elif ended.failed is not None:
                tx.execute(TRIED, {"ids": [ended.failed.event_id]})
            if gone:
                tx.execute(DONE, {"ids": gone})
            tx.execute(TOPIC_LATER, {"of_hook": self._hook, "of_topic": ended.topic, "due": ended.due})

        await self._database.write(change)

    def _failure(self, event: Due, error: str) -> dict[str, Any]:
        return {
            "event_id": event.event_id,
            "hook": self._hook,
            "topic": event.topic,
            "event": event.event,
            "body": event.body,
            "created_at": event.created_at,
            "given_up_at": self._clock(),
            "attempts": event.attempt + 1,
            "error": error,
        }

    async def next_due(self) -> int | None:
        """When there is something to do (ms), if there is."""
        return await self._database.read(lambda tx: tx.execute(NEXT, {"of_hook": self._hook}).scalar())
