"""Operating: what the metrics say now, and what stands in the audit log."""

from __future__ import annotations

import os
import socket
from typing import Annotated

import msgspec
from prometheus_client import REGISTRY
from sqlalchemy import Connection

from roost.audit.reading import search
from roost.edge.api.operations import DEFAULT_PAGE_SIZE, BackEndCall, PageSize, operation
from roost.model.names import Wire
from roost.protocol.admin import AuditRecord, AuditRecords, Sample, Samples

OURS = ("roost_", "process_")
"""How the names begin that are told: those of Python itself tell operators little."""


class AuditQuery(Wire, kw_only=True):
    """What to look for: from `since` on, before `until` (milliseconds), done by or to `user`; after page `after`."""

    user: str | None = None
    since: int | None = None
    until: int | None = None
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: PageSize = DEFAULT_PAGE_SIZE


async def list_metrics(call: BackEndCall) -> Samples:
    """Read the metrics of the node that answers. Values that are no numbers (NaN, infinite) are left out."""
    samples = [
        Sample(name=sample.name, labels=dict(sample.labels), value=sample.value)
        for metric in REGISTRY.collect()
        if metric.name.startswith(OURS)
        for sample in metric.samples
        if not sample.name.endswith("_created") and abs(sample.value) < float("inf")
    ]
    return Samples(node=f"{socket.gethostname()}:{os.getpid()}", time=call.roads.clock(), samples=samples)


async def search_audit(call: BackEndCall, asked: AuditQuery) -> AuditRecords:
    """Look into the audit log. A request reads a bounded piece of it, and may find nothing there and have a `next`."""

    def read(connection: Connection) -> tuple[list[AuditRecord], int | None]:
        return search(connection, asked.since, asked.until, asked.user, after=asked.after, limit=asked.limit)

    found, after = await call.roads.database.read(read)
    return AuditRecords(records=found, next=after)


OPERATIONS = (
    operation("GET", "/admin/metrics", list_metrics, scope="metrics"),
    operation("GET", "/admin/audit", search_audit, scope="audit"),
)
