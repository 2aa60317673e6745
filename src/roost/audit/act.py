"""An administrative act, and the one way to record it."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from roost.audit.ledger import ledger_of
from roost.audit.pages import ACT
from roost.model.names import Wire
from roost.protocol.codec import encode_json

OPERATOR = "operator"
"""Who does what is done by a command on the server's machine."""


class Actor(Protocol):
    """Who acts, on which device, at which network address: a `roost.journal.contract.Author`."""

    @property
    def user_id(self) -> str:
        """The user."""

    @property
    def device_id(self) -> str:
        """The user's device."""

    @property
    def address(self) -> str:
        """The network address, or nothing."""


class Act(msgspec.Struct, frozen=True):
    """Something administrative that was done.

    `name` is `<subject>.<what>`, such as `group.renamed`; docs/audit.md lists them. `by` is who did it: an author, or
    a name where it is no user (`OPERATOR`, `key:billing`). `target` is the user it was done to, `message` the server
    id of the message. `details` are JSON values, and nothing secret. `address` where `by` has none.
    """

    name: str
    by: Actor | str
    conversation: str | None = None
    target: str | None = None
    message: str | int | None = None
    details: dict[str, Any] | None = None
    address: str | None = None


class ActRow(Wire, kw_only=True, omit_defaults=True):
    """An act as it stands in its page."""

    act: str
    actor: str
    device: str | None = None
    address: str | None = None
    conversation: str | None = None
    target: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None


def record(tx: Connection, act: Act) -> None:
    """Writes an act into the audit log, in the caller's write transaction, unless `audit.acts` is off."""
    ledger = ledger_of(tx)
    if ledger is None or not ledger.settings.acts:
        return
    by = act.by
    actor, device, address = (by, None, None) if isinstance(by, str) else (by.user_id, by.device_id, by.address)
    row = ActRow(
        act=act.name,
        actor=actor,
        device=device or None,
        address=act.address or address or None,
        conversation=act.conversation,
        target=act.target,
        message=None if act.message is None else str(act.message),
        details=act.details,
    )
    ledger.write(tx, ACT, encode_json(row).decode())
