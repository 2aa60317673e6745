"""The ends of all logs, conversations and logs of large conversations, and that nothing is missing before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, literal_column, select

from roost.db.schema import conversation_log, log, logs, messages
from roost.transfer.rows import Seen, batches

_FLOOR = select(logs.c.floor).where(logs.c.uid == log.c.uid).correlate(log).scalar_subquery()
LOGS = select(log.c.uid, func.coalesce(_FLOOR, 0), func.max(log.c.seq), func.count()).group_by(log.c.uid)
"""Per log: the user, the floor, the head, the entries in between."""
CONVERSATIONS = select(
    messages.c.cid, literal_column("0"), func.max(messages.c.conversation_seq), func.count()
).group_by(messages.c.cid)
"""Per conversation: the same; its floor is 0."""
LARGE = select(conversation_log.c.cid, literal_column("0"), func.max(conversation_log.c.place), func.count()).group_by(
    conversation_log.c.cid
)
"""Per large conversation: the same of its own log."""


class Heads(NamedTuple):
    """All logs, all conversations, all logs of large ones, and the highest number in each."""

    logs: Seen
    longest_log: int
    conversations: Seen
    longest_conversation: int
    large: Seen
    longest_large: int


def heads(connection: Connection, name: str) -> Heads:
    """Reads them. Raises `OSError` for a gap: an entry or message is not there that was."""
    return Heads(
        *_look(connection, LOGS, f"{name}: the log of uid {{}}"),
        *_look(connection, CONVERSATIONS, f"{name}: the conversation cid {{}}"),
        *_look(connection, LARGE, f"{name}: the log of the large conversation cid {{}}"),
    )


def _look(connection: Connection, statement: Select[Any], what: str) -> tuple[Seen, int]:
    seen, longest = Seen(), 0
    with batches(connection, statement) as found:
        for rows in found:
            seen = seen.with_(rows)
            longest = max(longest, *(_whole(row, what) for row in rows))
    return seen, longest


def _whole(row: Sequence[int], what: str) -> int:
    key, floor, head, count = row
    if head - floor != count:
        raise OSError(f"{what.format(key)} has a gap: {count:,} numbers from {floor + 1:,} to {head:,}. Don't use it.")
    return head
