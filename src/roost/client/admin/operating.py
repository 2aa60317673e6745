"""Operating: figures, metrics, the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from roost.client.admin.asking import PAGE, Asking
from roost.protocol.admin import AuditRecord, AuditRecords, DeviceBehind, DevicesBehind, Samples, Stats


class Operating(Asking):
    """What an operator looks at."""

    async def stats(self) -> Stats:
        """How much there is, and how the node that answers is."""
        return await self._http.call("GET", "/admin/stats", Stats)

    async def behind(self, limit: int = 10) -> list[DeviceBehind]:
        """The devices furthest behind their logs."""
        return (await self._http.call("GET", "/admin/stats/behind", DevicesBehind, query={"limit": limit})).devices

    async def metrics(self) -> Samples:
        """The metrics of the node that answers."""
        return await self._http.call("GET", "/admin/metrics", Samples)

    async def audit(
        self, user: str | None = None, *, since: int | None = None, until: int | None = None, page: int = PAGE
    ) -> AsyncIterator[AuditRecord]:
        """What stands in the audit log, in the order in which it was written.

        With `user`: what this user did, and what was done to it; from `since` on and before `until` (milliseconds).
        """
        asked = {"user": user, "since": since, "until": until, "limit": page}
        query: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        while True:
            found = await self._http.call("GET", "/admin/audit", AuditRecords, query=query)
            for each in found.records:
                yield each
            if found.next is None:
                return
            query["after"] = found.next
