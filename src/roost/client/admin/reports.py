"""Reports of messages: listing and closing them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from roost.client.admin.asking import PAGE, Asking
from roost.protocol.admin import ReportPage, ReportRecord


class Reports(Asking):
    """What a back end does with what users have reported."""

    async def reports(self, state: str = "open", *, page: int = PAGE) -> AsyncIterator[ReportRecord]:
        """Reports in a state (`open`, `closed`, `all`), the oldest first; `page` are asked for at once."""
        query: dict[str, Any] = {"state": state, "limit": page}
        while True:
            found = await self._http.call("GET", "/admin/reports", ReportPage, query=query)
            for each in found.reports:
                yield each
            if found.next is None:
                return
            query["after"] = found.next

    async def close_report(self, report_id: str | int, resolution: str, note: str = "") -> ReportRecord:
        """Closes a report: it was `upheld` or `dismissed`. Raises `NotFound`, and `Conflict` where it was the other."""
        body = {"resolution": resolution, "note": note}
        return await self._http.call("POST", f"/admin/reports/{report_id}/close", ReportRecord, body=body)
