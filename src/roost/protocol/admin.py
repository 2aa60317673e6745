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


class UserRecord(Wire, kw_only=True):
    """A user as back ends see them. `hasPassword`: may log in with one. Times that never were are left out."""

    user_id: str
    display_name: str | None = None
    bot: bool = False
    has_password: bool
    create_time: int
    deactivate_time: int = 0
    erase_time: int = 0


class UserPage(Wire, kw_only=True):
    """Users in the order of coming. `next` asks for the page after; left out where there is none."""

    users: list[UserRecord]
    next: str | None = None


class UserToken(Wire, kw_only=True):
    """A user's token, valid until `expireTime`. Without `deviceID` a socket names the device, or it is `default`."""

    token: str
    expire_time: int
    user_id: str
    device_id: str | None = None


class ErasureState(Wire, kw_only=True):
    """How far the erasing of a user's data is: `emptied` messages, all of them where `done`."""

    user_id: str
    ask_time: int
    emptied: int
    done: bool
    done_time: int = 0


class Stats(Wire, kw_only=True):
    """How much there is, as of `countTime`; and this node: sockets, their users, and what waits for the database."""

    version: str
    epoch: str
    users: int
    devices: int
    conversations: int
    messages: int
    log_entries: int
    pushes_waiting: int
    count_time: int
    connections: int
    users_here: int
    writes_waiting: int


class DeviceBehind(Wire, kw_only=True):
    """A device, and how many entries it is behind its log; `lastSeen` is null if it never was."""

    user_id: str
    device_id: str
    lag: int
    last_seen: int | None


class DevicesBehind(Wire, kw_only=True):
    """The devices furthest behind, the furthest first."""

    devices: list[DeviceBehind]
