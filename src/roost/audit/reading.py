"""Reading the audit log: its pages in their order, and what stands on them, message by message and act by act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from roost.audit.act import ActRow
from roost.audit.pages import ACT, SENDS, Page
from roost.audit.sends import Send
from roost.db.schema import audit
from roost.protocol.admin import AuditRecord

AT_ONCE = 20
"""Pages in memory: with long messages and `audit.content` one has some megabytes at most."""
MOST_PAGES = 500
"""Pages read for one search."""
SLACK = 10 * 60_000
"""Milliseconds by which neighbours may be out of order: the clocks of nodes differ, and a transaction takes time."""
SENT = "message.sent"
"""The act of a message."""

NEXT = select(audit).where(audit.c.page_id > bindparam("after")).order_by(audit.c.page_id).limit(AT_ONCE)
FIRST_FROM = (
    select(audit.c.page_id, audit.c.written_at)
    .where(audit.c.page_id >= bindparam("id"))
    .order_by(audit.c.page_id)
    .limit(1)
)
RANGE = select(func.min(audit.c.page_id), func.max(audit.c.page_id))

_acts = msgspec.json.Decoder(ActRow)
_sends = msgspec.json.Decoder(list[Send])


class Placed(NamedTuple):
    """A page, and its key, which is its place among all."""

    page_id: int
    page: Page


def pages(connection: Connection, after: int = 0) -> Iterator[Placed]:
    """The pages whose keys are beyond `after`, a few in memory at a time."""
    while True:
        rows = connection.execute(NEXT, {"after": after}).all()
        for page_id, *page in rows:
            yield Placed(page_id, Page(*page))
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][0]


def last_before(connection: Connection, time: int) -> int:
    """The key of the last page that was written before `time` (ms), 0 if there is none. By halves, without an index."""
    first, last = connection.execute(RANGE).one()
    if first is None:
        return 0
    low, high = first, last + 1
    while low < high:  # all below low were written before, none from high on
        row = connection.execute(FIRST_FROM, {"id": (low + high) // 2}).first()
        if row is not None and row.written_at < time:
            low = row.page_id + 1
        else:
            high = (low + high) // 2
    return int(low) - 1 if low > first else 0


def records(
    connection: Connection, since: int | None = None, until: int | None = None, user: str | None = None
) -> Iterator[AuditRecord]:
    """What was done from `since` on and before `until` (ms), in the order in which it was written.

    With `user`: what this user did, and what was done to this user.
    """
    after = 0 if since is None else last_before(connection, since - SLACK)
    for _, page in pages(connection, after):
        if until is not None and page.written_at >= until + SLACK:
            return
        if (since is not None and page.written_at < since) or (until is not None and page.written_at >= until):
            continue
        for record in records_of(page):
            if user is None or user in {record.actor, record.target}:
                yield record


def search(
    connection: Connection,
    since: int | None,
    until: int | None,
    user: str | None,
    *,
    after: int,
    limit: int,
) -> tuple[list[AuditRecord], int | None]:
    """Records as `records` has them, and the page after which to go on; None at the end.

    Whole pages are taken until there are `limit` records or more, and `MOST_PAGES` at most: what nobody finds costs
    no more than that.
    """
    start = max(after, 0 if since is None else last_before(connection, since - SLACK))
    found: list[AuditRecord] = []
    for number, (page_id, page) in enumerate(pages(connection, start)):
        if until is not None and page.written_at >= until + SLACK:
            return found, None
        if (since is None or page.written_at >= since) and (until is None or page.written_at < until):
            found += [one for one in records_of(page) if user is None or user in {one.actor, one.target}]
        if len(found) >= limit or number + 1 >= MOST_PAGES:
            return found, page_id
    return found, None


def records_of(page: Page) -> Iterator[AuditRecord]:
    """What stands on a page."""
    if page.kind == SENDS:
        for send in _sends.decode(page.body):
            yield AuditRecord(
                time=page.written_at,
                act=SENT,
                actor=send.actor,
                device=send.device,
                address=send.address or None,
                conversation=send.conversation,
                message=str(send.message),
                message_type=send.message_type,
                content=send.content,
            )
    elif page.kind == ACT:
        act = _acts.decode(page.body)
        yield AuditRecord(time=page.written_at, **{name: getattr(act, name) for name in ActRow.__struct_fields__})
