"""The table of the WebSocket: a row for each frame that a client may send and what it is about, a cell for each role.

Whoever has no good token is refused at `auth`, and is told the error that stands in the cell; `none` sends the frame
without one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.edge.authorisation.cells import Cells, members, pair, users

UNSEEN = "unknown_message"


class Row(NamedTuple):
    """A frame, its fields, and what each role gets. `answer` is the frame that says it is done, if one does."""

    kind: str
    cells: Cells
    fields: dict[str, Any]
    answer: str | None


def row(kind: str, cells: Cells, answer: str | None = None, **fields: Any) -> Row:
    """A row; an error that comes instead of the `answer`, or before what is asked next is answered, refuses it."""
    return Row(kind, cells, fields, answer)


TABLE = [
    row("auth", users(none="invalid_token"), "ready"),
    row("private", users(blocked="forbidden"), "sent", to="owner", content="hi"),
    row("group", members(), "sent", to="{group}", content="hi"),
    row("private", users(blocked="forbidden"), "sent", to="owner", sticker={"packID": "{pack}", "stickerID": "wave"}),
    row("ack", users(), seq=0),
    row("sync", users(), "sync_batch", lastSeq=0, count=1),
    row("read", members(), conversationID="g:{group}", conversationSeq=0),
    row("read", pair(), conversationID="{private}", conversationSeq=0),
    row("edit", members(UNSEEN, admin="forbidden", owner="forbidden"), serverMsgID="{said}", content="ha"),
    row("edit", pair(UNSEEN, other="forbidden"), serverMsgID="{whispered}", content="ha"),
    row("recall", members(UNSEEN), serverMsgID="{said}"),
    row("recall", pair(UNSEEN, other="forbidden"), serverMsgID="{whispered}"),
    row("react", members(UNSEEN), serverMsgID="{said}", emoji="👍"),
    row("react", pair(UNSEEN), serverMsgID="{whispered}", emoji="👍"),
    row("react", pair(UNSEEN, other=UNSEEN, blocked="forbidden"), serverMsgID="{hushed}", emoji="👍"),
    row("typing", members(), conversationID="g:{group}"),
    row("typing", pair(), conversationID="{private}"),
    row("presence", users(), "presence", userIDs=["owner"]),
    row("request", users(), "response", requestID="1", method="GET", path="/api/v1/drafts"),
    row("ping", users(), "pong"),
]
