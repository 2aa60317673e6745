"""What the API of back ends takes and answers, as structs that server and SDK share (`docs/admin.md`).

Times are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from roost.model.names import Wire


class ApiKey(Wire, kw_only=True):
    """A back end's key. `prefix` names it; `lastUsed` is to the minute. Times that never were are left out."""

    prefix: str
    name: str
    scopes: list[str]
    create_time: int
    expire_time: int = 0
    revoke_time: int = 0
    last_used: int = 0


class MadeKey(ApiKey, kw_only=True):
    """A key that was just made. `key` is told this once."""

    key: str


class ApiKeys(Wire, kw_only=True):
    """All keys, the oldest first, also those that are over."""

    keys: list[ApiKey]
