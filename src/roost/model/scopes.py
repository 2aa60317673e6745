"""What a key of a back end may do: its scopes. `docs/admin.md` shows the same table.

A scope covers those under it: `users` is `users:read`, `users:write` and the others; `*` is everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from roost.errors import InvalidInput

EVERYTHING = "*"
"""The scope that covers all others."""

SCOPES: dict[str, str] = {
    "users:read": "list users, and look at one and its devices",
    "users:write": "make, change, deactivate and reactivate users, and set their passwords",
    "users:export": "read everything the server has of a user",
    "users:erase": "erase a user's data, for good",
    "tokens": "sign tokens in the name of any user, and revoke all of a user",
    "groups:read": "look at any group and its members",
    "groups:write": "make, change and dissolve groups, and say who belongs to them",
    "messages:send": "send messages as the server, or in the name of any user",
    "messages:recall": "recall any message",
    "stickers": "make, change and remove packs of stickers",
    "reports:read": "list what users have reported",
    "reports:write": "close reports with what was found",
    "metrics": "read the metrics, for the operator's page",
    "audit": "search the audit log",
    "stats": "see how much there is, who is connected, and which devices are behind",
    "keys": "make, list and revoke keys, with no more scopes than one's own",
}
"""What operations ask for, and what it lets a back end do."""


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """These scopes, sorted, each once. Raises `InvalidInput` for none, and for one that is no scope."""
    chosen = sorted(set(scopes))
    known = {EVERYTHING, *SCOPES, *(name.partition(":")[0] for name in SCOPES)}
    if not chosen:
        raise InvalidInput("A key needs a scope.")
    if unknown := [name for name in chosen if name not in known]:
        raise InvalidInput(f"There is no scope {unknown[0]}; there are {', '.join(sorted(known))}.")
    return chosen


def covers(held: Iterable[str], asked: str) -> bool:
    """Whether one of the scopes that are held is the one asked for, or above it."""
    return any(scope in {EVERYTHING, asked} or asked.startswith(f"{scope}:") for scope in held)
