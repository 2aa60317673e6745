"""What every part of `AdminClient` asks with."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from roost.client.http import Http

PAGE = 500
"""Rows of a list asked for at once."""


class Unchanged:
    """What is left as it is."""


UNCHANGED: Final = Unchanged()


class Asking:
    """Asks the server's API for back ends."""

    _http: Http


def user_path(user_id: str, what: str = "") -> str:
    """The path of a user, or of something about it."""
    return f"/admin/users/{quote(user_id, safe='')}{what and '/'}{what}"


def group_path(group_id: str, what: str = "") -> str:
    """The path of a group, by its id or its conversation's, or of something about it."""
    return f"/admin/groups/{quote(group_id.removeprefix('g:'), safe='')}{what and '/'}{what}"
