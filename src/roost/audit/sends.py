"""The messages of a batch in the audit log: pages that the batch's own transaction stores with it.

Everything else about a batch is a few statements of many rows, and so is this: one page has hundreds of messages.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from roost.audit.ledger import Ledger
from roost.audit.pages import SENDS, Page, page_after
from roost.protocol.codec import encode_json

AT_MOST = 256
"""Messages on a page: 256 of the longest that are allowed by default take some megabytes with their content."""


class Send(msgspec.Struct, array_like=True):
    """A message as it stands in its page: a JSON array, in this order. `content` None where it is not kept."""

    message: int
    actor: str
    device: str
    address: str
    conversation: str
    message_type: int
    content: str | None = None


SendRow = tuple[int, str, str, str, str, int, str | None]
"""The same as it is written. Plain, because every message has one."""


def pages_of(ledger: Ledger, tx: Connection, sends: Sequence[SendRow], now: int) -> list[Page]:
    """The pages for the messages of a batch; the caller stores them, and calls `Ledger.written` with the last."""
    if not sends:
        return []
    end, pages = ledger.end(tx), []
    for first in range(0, len(sends), AT_MOST):
        page = page_after(end, SENDS, now, encode_json(sends[first : first + AT_MOST]).decode())
        pages.append(page)
        end = page.end
    return pages
