"""Where a page of a list begins."""

from __future__ import annotations

from roost.errors import InvalidInput
from roost.model import ids


def cursor(after: str | None) -> int:
    """The key after which a page begins, 0 for the first one. Raises `InvalidInput`."""
    if after is None:
        return 0
    number = ids.server_id(after)
    if number is None:
        raise InvalidInput("after must be the `next` of a page.")
    return number
