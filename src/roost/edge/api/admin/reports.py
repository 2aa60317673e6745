"""Reports by users: listing and closing them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from roost.edge.api.admin.paging import cursor
from roost.edge.api.operations import DEFAULT_PAGE_SIZE, BackEndCall, PageSize, operation
from roost.flow.moderation.reports import MAX_NOTE
from roost.model.names import Wire
from roost.protocol.admin import RESOLUTIONS, ReportPage, ReportRecord


class ReportListing(Wire, kw_only=True):
    """Which page: at most `limit` reports in a state, from where `next` of the page before has pointed."""

    state: Literal["open", "closed", "all"] = "open"
    after: str | None = None
    limit: PageSize = DEFAULT_PAGE_SIZE


class Closing(Wire, kw_only=True):
    """A report, and what was found of it."""

    report_id: str
    resolution: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(RESOLUTIONS)})]
    note: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_NOTE})] = ""


async def list_reports(call: BackEndCall, asked: ReportListing) -> ReportPage:
    """List what users have reported, page by page, the oldest first."""
    found = await call.roads.reports.page(asked.state, cursor(asked.after), asked.limit + 1)
    page = found[: asked.limit]
    return ReportPage(reports=page, next=page[-1].report_id if len(found) > len(page) else None)


async def close_report(call: BackEndCall, asked: Closing) -> ReportRecord:
    """Close a report: it was upheld or dismissed. The same again changes nothing; the message stays as it is."""
    return await call.roads.reports.close(call.author, asked.report_id, asked.resolution, asked.note)


OPERATIONS = (
    operation("GET", "/admin/reports", list_reports, scope="reports:read"),
    operation("POST", "/admin/reports/{report_id}/close", close_report, scope="reports:write"),
)
