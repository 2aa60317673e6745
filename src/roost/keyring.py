"""`roost key`: making, listing and revoking the keys of back ends.

Straight in the database, where that can be written to; a server that has its file open is asked instead, as the
operator, by the secret of the data directory.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection

from roost.audit import OPERATOR, Act, record
from roost.config import Config
from roost.edge.auth import keys
from roost.edge.auth.keys import KeyState
from roost.errors import InvalidInput
from roost.operations import ask_as_operator, columns, moment, write_or_ask

T = TypeVar("T")

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
"""Seconds."""
SPAN = re.compile(r"(\d{1,6})([mhdwy])", re.ASCII)


def milliseconds(span: str) -> int:
    """How long `90d` is. Raises `InvalidInput`."""
    found = SPAN.fullmatch(span)
    if found is None or not int(found[1]):
        raise InvalidInput(f"{span!r} is no time: write 12h, 90d, 26w or 1y.")
    return int(found[1]) * UNITS[found[2]] * 1000


@dataclass(frozen=True)
class Keyring:
    """The keys of the deployment that `settings` name. `url` is where its server answers, if it has the file open.

    Its methods raise `OSError` where neither can be reached, and what the server refuses as `RoostError`.
    """

    settings: Config
    url: str

    def create(self, name: str, scopes: list[str], span: str | None) -> str:
        """A new key. It is told this once."""
        now = _now()
        expires_at = None if span is None else now + milliseconds(span)
        body = {"name": name, "scopes": scopes} | ({} if expires_at is None else {"expireTime": expires_at})

        def asked() -> str:
            return str(self._ask("POST", "", body)["key"])

        def change(tx: Connection) -> str:
            text, made = keys.create(tx, name, scopes, expires_at, now)
            details = {"prefix": made.prefix, "name": made.name, "scopes": made.scopes}
            record(tx, Act("key.created", OPERATOR, details=details))
            return text

        return self._do(change, asked)

    def listed(self) -> list[str]:
        """All keys, as lines for a person."""
        found = self._do(keys.listed, lambda: [_state(each) for each in self._ask("GET", "")["keys"]])
        rows = [
            (key.prefix, key.name, " ".join(key.scopes), moment(key.created_at), _standing(key), moment(key.last_used))
            for key in found
        ]
        return columns([("KEY", "NAME", "SCOPES", "MADE", "UNTIL", "LAST USED"), *rows])

    def revoke(self, name: str) -> list[str]:
        """Ends a key, by its prefix or name."""

        def change(tx: Connection) -> KeyState:
            gone = keys.revoke(tx, name, _now())
            record(tx, Act("key.revoked", OPERATOR, details={"prefix": gone.prefix, "name": gone.name}))
            return gone

        gone = self._do(change, lambda: _state(self._ask("DELETE", f"/{quote(name, safe='')}")))
        return [f"{gone.name} ({gone.prefix}) is revoked."]

    def _do(self, change: Callable[[Connection], T], otherwise: Callable[[], T]) -> T:
        return write_or_ask(self.settings, change, otherwise)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return ask_as_operator(self.settings, self.url, method, f"/keys{path}", body)


def _standing(key: KeyState) -> str:
    if key.revoked_at:
        return f"revoked {moment(key.revoked_at)}"
    return moment(key.expires_at) if key.expires_at else "it is revoked"


def _state(found: dict[str, Any]) -> KeyState:
    times = (found.get(name, 0) for name in ("createTime", "expireTime", "revokeTime", "lastUsed"))
    return KeyState(found["prefix"], found["name"], found["scopes"], *times)


def _now() -> int:
    return time.time_ns() // 1_000_000
