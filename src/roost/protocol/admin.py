"""What the API of back ends takes and answers, as structs that server and SDK share (`docs/admin.md`).

Times are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from roost.model.message import Message
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
    """Users in the order of coming, or of their ids. `next` asks for the page after; left out where there is none."""

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


class Sample(Wire, kw_only=True):
    """A number of a metric, in the names of `GET /metrics`."""

    name: str
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    value: float


class Samples(Wire, kw_only=True):
    """The metrics of one node; behind a balancer each answer may be of another. `time` is in milliseconds."""

    node: str
    time: int
    samples: list[Sample]


class AuditRecord(Wire, kw_only=True):
    """A message or an act of the audit log. `time` is in milliseconds."""

    time: int
    act: str
    actor: str
    device: str | None = None
    address: str | None = None
    conversation: str | None = None
    target: str | None = None
    message: str | None = None
    message_type: int | None = None
    content: str | None = None
    details: dict[str, Any] | None = None


class AuditRecords(Wire, kw_only=True):
    """In the order in which they were written. `next` is the `after` of the next request; left out at the end."""

    records: list[AuditRecord]
    next: int | None = None


RESOLUTIONS = ("upheld", "dismissed")
"""What operators find of a report."""


class ReportRecord(Wire, kw_only=True, omit_defaults=True):
    """A report of a message, for operators. `message` is as it was when it was reported, empty if its sender is erased.

    `reporter_id` is left out where that user was erased.
    `resolution` is one of `RESOLUTIONS`, with a `note`, by a back end's key or the operator; left out while it is open.
    """

    report_id: str
    reporter_id: str | None = None
    reason: str
    comment: str = ""
    message: Message
    create_time: int
    resolution: str | None = None
    note: str = ""
    closed_by: str | None = None
    close_time: int = 0


class ReportPage(Wire, kw_only=True):
    """Reports, the oldest first. `next` asks for the page after; left out where there is none."""

    reports: list[ReportRecord]
    next: str | None = None
