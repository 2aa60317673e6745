"""A file that a message carries (D9)."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from roost.model.ids import ATTACHMENT_ID
from roost.model.names import Wire

MAX_ATTACHMENTS = 10
"""Files of one message."""


class Attachment(Wire, kw_only=True):
    """What everybody who sees the message is told of a file. `size` is in bytes, and there also as 0.

    `type` is the media type that its content has, whatever its `name` says. `width` and `height` are in pixels, as it
    is shown; 0, and left out, where it is no picture. `thumbnail`: whether it has one.
    """

    id: str
    name: str = ""
    size: int = msgspec.field(default_factory=int)  # which is encoded always, unlike a plain default
    type: str = ""
    width: int = 0
    height: int = 0
    thumbnail: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it can be shown as an image."""
        return self.width > 0


class Stage(IntEnum):
    """How far a file has come. Only one that is `READY` or `SENT` can be read; `SENT`: something uses it."""

    UPLOADING = 0
    READY = 1
    SENT = 2
    GONE = 3


def is_file(avatar: str | None) -> bool:
    """Whether an avatar is the id of a file, and no address or other text."""
    return avatar is not None and ATTACHMENT_ID.fullmatch(avatar) is not None
