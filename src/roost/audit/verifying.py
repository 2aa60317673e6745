"""Whether the audit log is as it was written: every page follows the one before it in its chain."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection, select

from roost.audit.ledger import Opened
from roost.audit.pages import BEGINNING, OPENED, PRUNED, End, digest_of
from roost.audit.reading import Placed, pages
from roost.audit.retention import Pruned
from roost.db.schema import audit

REMEMBERED = 10_000
"""Pages of which the digests are kept: a new chain names the ends of others that stand shortly before it."""

PRUNINGS = select(audit.c.body).where(audit.c.kind == PRUNED).order_by(audit.c.page_id)


@dataclass
class Verdict:
    """What was looked at, where each chain ends, and what is wrong, in words; nothing, as a rule."""

    pages: int = 0
    ends: dict[str, End] = field(default_factory=dict)
    last: str | None = None
    """The digest of the last page: to be noted elsewhere."""
    noted: bool = False
    """Whether the digest that was asked for is there."""
    faults: list[str] = field(default_factory=list)


def verify(connection: Connection, noted: str | None = None) -> Verdict:
    """Looks at every page, in a transaction that sees one moment. `noted`: a digest that must be there."""
    verdict = Verdict()
    starts = _starts(connection)
    seen: OrderedDict[tuple[str, int], str] = OrderedDict()
    for placed in pages(connection):
        page = placed.page
        verdict.pages += 1
        verdict.last = page.digest
        verdict.noted |= page.digest == noted
        start = starts.get(page.chain)
        if start is not None and page.position <= start.position:  # about to be removed
            continue
        before = verdict.ends.get(page.chain) or start or End(page.chain, 0, BEGINNING)
        verdict.faults += _faults(placed, before)
        if page.kind == OPENED:
            verdict.faults += _missing(placed, seen, starts)
        verdict.ends[page.chain] = page.end
        seen[page.chain, page.position] = page.digest
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
    if noted is not None and not verdict.noted:
        verdict.faults.append(f"no page has the digest {noted}: what was noted is gone.")
    return verdict


def _starts(connection: Connection) -> dict[str, End]:
    """Up to where chains have been removed because they were old."""
    bodies = connection.execute(PRUNINGS).scalars()
    ends = [end for body in bodies for end in msgspec.json.decode(body, type=Pruned).ends]
    return {end.chain: end for end in sorted(ends, key=lambda end: end.position)}


def _faults(placed: Placed, before: End) -> list[str]:
    page_id, page = placed
    if page.position != before.position + 1:
        return [f"page {page_id}: position {page.position} of chain {page.chain} follows {before.position}."]
    if page.digest != digest_of(before.digest, page.chain, page.position, page.kind, page.written_at, page.body):
        return [f"page {page_id}: it is not as it was written, or the one before it in chain {page.chain} is not."]
    return []


def _missing(placed: Placed, seen: OrderedDict[tuple[str, int], str], starts: dict[str, End]) -> list[str]:
    """The ends that a chain named when it began, and that are not there."""
    page_id, page = placed
    try:
        after = msgspec.json.decode(page.body, type=Opened).after
    except msgspec.DecodeError:  # its digest is wrong as well
        return []
    return [
        f"page {page_id}: it follows position {end.position} of chain {end.chain}, which is gone or another."
        for end in after
        if seen.get((end.chain, end.position)) != end.digest
        and not (end.chain in starts and end.position <= starts[end.chain].position)
    ]
