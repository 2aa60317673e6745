"""Events for webhooks: which there are, who wants them, and their rows in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert

from roost.config.webhooks import EventKind, Webhooks
from roost.db.schema import webhook_outbox
from roost.model.names import Wire
from roost.protocol.codec import encode_json

OPTION = "roost_hooks"
"""The execution option by which a change finds the hooks in its transaction."""

WRITE = insert(webhook_outbox)


class EventRow(NamedTuple):
    """A row of `webhook_outbox`, in the order of its columns, but for its key and what is 0 at first."""

    hook: str
    topic: str
    event: str
    body: str
    created_at: int
    due_at: int


class Event(Wire, kw_only=True):
    """What a webhook gets, as JSON. `time` in milliseconds; `data` is a message, a change or a `Moderation`."""

    type: str
    time: int
    data: Any


class Moderation(Wire, kw_only=True):
    """What was said and is looked at: of the kind `moderation`.

    `what`: `flagged` or `rejected` for its `words`, `spam`, `report` (`report_id`, `reporter`, `reason`, `comment`), or
    `report_closed`, which has all that, and `resolution`, `note` and `closed_by`.
    """

    what: str
    user_id: str
    conversation_id: str | None = None
    server_msg_id: str | None = None
    content: str | None = None
    words: list[str] | None = None
    reporter: str | None = None
    reason: str | None = None
    comment: str | None = None
    report_id: str | None = None
    resolution: str | None = None
    note: str | None = None
    closed_by: str | None = None


class Hooks:
    """The webhooks of the settings. `clock` gives milliseconds."""

    def __init__(self, settings: Webhooks, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._wanted: dict[str, list[str]] = {}
        for endpoint in settings.endpoints:
            for kind in endpoint.events:
                self._wanted.setdefault(kind, []).append(endpoint.name)

    @property
    def options(self) -> dict[str, Hooks]:
        """The execution options of a connection whose changes are told."""
        return {OPTION: self}

    def wants(self, kind: EventKind) -> bool:
        """Whether anybody is told of such events."""
        return kind in self._wanted

    def rows(self, kind: EventKind, topic: str, data: Any, now: int) -> list[EventRow]:
        """A row for each webhook that is told of it. Those of a `topic` are sent in their order."""
        hooks = self._wanted.get(kind)
        if hooks is None:
            return []
        body = encode_json(Event(type=kind, time=now, data=data)).decode()
        return [EventRow(hook, topic, kind, body, now, now) for hook in hooks]

    def write(self, tx: Connection, kind: EventKind, topic: str, data: Any) -> None:
        """Writes an event in the caller's transaction."""
        if rows := self.rows(kind, topic, data, self._clock()):
            tx.execute(WRITE, [row._asdict() for row in rows])


def emit(tx: Connection, kind: EventKind, topic: str, data: Any) -> None:
    """Has webhooks told of what a write transaction does, if they want it. `topic` is the conversation, or nothing."""
    hooks = tx.get_execution_options().get(OPTION)
    if isinstance(hooks, Hooks):
        hooks.write(tx, kind, topic, data)
