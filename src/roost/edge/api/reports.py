"""Reports of messages (D7)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.changing import Named
from roost.edge.api.operations import Call, operation
from roost.flow.moderation.reporting import MAX_COMMENT
from roost.protocol.answers import REASONS, ReportTaken


class Reported(Named, kw_only=True):
    """A message, why it is reported, and what there is to say of it."""

    reason: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(REASONS)})]
    comment: Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_COMMENT})] = ""


async def report(call: Call, asked: Reported) -> ReportTaken:
    """Have the operators look at a message that one may read. Only the first report of it counts."""
    return await call.roads.reporting.report(
        call.author, asked.server_msg_id, asked.reason, asked.comment, address=call.address
    )


OPERATIONS = (operation("POST", "/messages/{server_msg_id}/report", report),)
