"""Who may ask, and what each is expected to get: the columns of the table, and rows of cells that come often.

`owner`, `admin`, `member` and `former` are, or were, in the group of a `World`; `other` is whom the owner writes to in
private, `blocked` whom the owner has blocked, `stranger` neither. `key` is a back end's key with every scope, `narrow`
one with none that is asked for. `expired` has a token of the owner that was good once, `none` has none.
"""

from __future__ import annotations

OK = "ok"
"""It is done. Whatever else stands in a cell is the error that refuses it."""

OUTSIDE = ("stranger", "blocked", "former", "other")
INSIDE = ("member", "admin", "owner")
USERS = (*OUTSIDE, *INSIDE)
OTHERS = {"key": "invalid_token", "narrow": "invalid_token", "expired": "token_expired", "none": "unauthenticated"}
"""Who has no token of a user, and what that gets where one is needed."""
ROLES = (*USERS, *OTHERS)

Cells = dict[str, str]


def everybody(**but: str) -> Cells:
    """It is asked without a token."""
    return dict.fromkeys(ROLES, OK) | but


def users(**but: str) -> Cells:
    """Every user, about what is the user's own."""
    return dict.fromkeys(USERS, OK) | OTHERS | but


def members(outside: str = "not_a_member", **but: str) -> Cells:
    """Every member of the group; to the others it says `outside`."""
    return users(**dict.fromkeys(OUTSIDE, outside) | but)


def leaders(outside: str = "not_a_member", **but: str) -> Cells:
    """The owner and admins of the group."""
    return members(outside, **{"member": "forbidden"} | but)


def pair(outside: str = "not_a_member", **but: str) -> Cells:
    """The owner and the other, who write to each other in private."""
    return dict.fromkeys(USERS, outside) | {"owner": OK, "other": OK} | OTHERS | but


def only_owner(others: str) -> Cells:
    """The owner, about what is the owner's own; every other user is told `others`."""
    return users(**{name: others for name in USERS if name != "owner"})


def no_user(refused: str) -> Cells:
    """Nobody of these: it is somebody else's."""
    return dict.fromkeys(USERS, refused) | OTHERS


def back_ends(**but: str) -> Cells:
    """Whoever has the key of a back end with the scope."""
    others = {"key": OK, "narrow": "missing_scope", "expired": "invalid_token", "none": "unauthenticated"}
    return dict.fromkeys(USERS, "invalid_token") | others | but
