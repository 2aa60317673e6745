"""The keys of back ends: `roost_{prefix}_{secret}`, sent as a bearer token.

A key is shown once, when it is made. The database has its SHA-256, found by the prefix; the secret has 256 bits, so a
slow hash would protect nothing. A key is looked up with every request and remembered nowhere, so one that is revoked
ends at once, on all nodes.

The operator needs none: whoever can read `jwt.secret` can sign an `operator_key`, which is good for a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from roost import audit
from roost.db.database import Database
from roost.db.schema import api_keys
from roost.errors import Conflict, InvalidInput, InvalidToken, MissingScope, NotFound, TokenExpired, TokenRevoked
from roost.model.scopes import EVERYTHING, check_scopes, covers

BEGINNING = "roost_"
"""Every key begins so, and no JWT does."""
KEY = re.compile(r"roost_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)
OPERATOR = re.compile(r"roost_operator_(\d{1,15})_([0-9a-f]{64})", re.ASCII)
OPERATOR_MS = 60_000
"""Milliseconds for which an operator's key is good."""
MAX_NAME = 100
"""Characters in the name of a key."""
NOTE_USE_EVERY = 60_000
"""Milliseconds between two notes of when a key was last used."""


class Key(NamedTuple):
    """A key that is good, as its holder may use it."""

    prefix: str
    name: str
    scopes: tuple[str, ...]


class KeyState(NamedTuple):
    """A key in a list. Times in milliseconds; 0 is never."""

    prefix: str
    name: str
    scopes: list[str]
    created_at: int
    expires_at: int
    revoked_at: int
    last_used: int


class Keys:
    """Verifies. `secret` is that of the data directory; `clock` gives milliseconds."""

    def __init__(self, secret: bytes, database: Database, clock: Callable[[], int]) -> None:
        self._secret = secret
        self._database = database
        self._clock = clock

    async def verify(self, text: str, scope: str) -> Key:
        """The key that `text` is. Raises `InvalidToken`, `TokenExpired`, `TokenRevoked`; `MissingScope`."""
        key = self._operator(text) or await self._find(text)
        if not covers(key.scopes, scope):
            raise MissingScope(f"This key may not do this: it needs the scope {scope}.", scope=scope)
        return key

    def _operator(self, text: str) -> Key | None:
        found = OPERATOR.fullmatch(text)
        if found is None:
            return None
        expires_at, now = int(found[1]), self._clock()
        if not hmac.compare_digest(text, _sign(self._secret, expires_at)) or expires_at > now + 2 * OPERATOR_MS:
            raise InvalidToken("This key was not signed with the jwt.secret of this server.")
        if expires_at < now:
            raise TokenExpired("This key has expired.")
        return Key(audit.OPERATOR, audit.OPERATOR, (EVERYTHING,))

    async def _find(self, text: str) -> Key:
        named = KEY.fullmatch(text)
        if named is None:
            raise InvalidToken("This is no key of a back end; `roost key create` makes one.")
        query = select(api_keys).where(api_keys.c.prefix == named[1])
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None or not hmac.compare_digest(row.key_hash, _hash(text)):
            raise InvalidToken("This key is not known here.")
        now = self._clock()
        if row.revoked_at is not None:
            raise TokenRevoked("This key was revoked.")
        if row.expires_at is not None and row.expires_at <= now:
            raise TokenExpired("This key has expired.")
        if now - row.last_used >= NOTE_USE_EVERY:
            note = update(api_keys).where(api_keys.c.prefix == row.prefix).values(last_used=now)

            def change(tx: Connection) -> None:
                tx.execute(note)

            await self._database.write(change)
        return Key(row.prefix, row.name, tuple(row.scopes.split()))


def operator_key(secret: bytes, now: int) -> str:
    """A key that may do everything for a minute from `now` (milliseconds)."""
    return _sign(secret, now + OPERATOR_MS)


def _sign(secret: bytes, expires_at: int) -> str:
    signature = hmac.new(secret, b"roost operator %d" % expires_at, hashlib.sha256).hexdigest()
    return f"{BEGINNING}operator_{expires_at}_{signature}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def create(
    tx: Connection, name: str, scopes: list[str], expires_at: int | None, now: int, by: Key | None = None
) -> tuple[str, KeyState]:
    """Makes a key; returns it, and what is known of it. `by` may give no scope that it has not itself.

    Raises `InvalidInput`, `MissingScope`, or `Conflict` where a key of this name is in use.
    """
    if not (1 <= len(name) <= MAX_NAME and name.isprintable()):
        raise InvalidInput(f"name must be 1-{MAX_NAME} printable characters.")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("expireTime must lie ahead.")
    chosen = check_scopes(scopes)
    if by is not None and (missing := [scope for scope in chosen if not covers(by.scopes, scope)]):
        raise MissingScope(f"A key gives no scope that it has not itself: {missing[0]}.", scope=missing[0])
    if any(_is_named(row, name) and _is_good(row, now) for row in tx.execute(select(api_keys))):
        raise Conflict(f"A key {name} is in use; revoke it first, or name this one otherwise.")
    prefix = secrets.token_hex(8)
    text = f"{BEGINNING}{prefix}_{secrets.token_hex(32)}"
    row = insert(api_keys).values(
        prefix=prefix,
        key_hash=_hash(text),
        name=name,
        scopes=" ".join(chosen),
        created_at=now,
        expires_at=expires_at,
        last_used=0,
    )
    tx.execute(row)
    return text, KeyState(prefix, name, chosen, now, expires_at or 0, 0, 0)


def listed(connection: Connection) -> list[KeyState]:
    """All keys, the oldest first, also those that are over."""
    return sorted(map(_state, connection.execute(select(api_keys))), key=lambda key: (key.created_at, key.prefix))


def revoke(tx: Connection, name: str, now: int) -> KeyState:
    """Ends the key that is named so, by its prefix or name. Again it changes nothing. Raises `NotFound`."""
    found = [row for row in tx.execute(select(api_keys)) if row.prefix == name or _is_named(row, name)]
    if not found:
        raise NotFound(f"There is no key {name}.")
    chosen = next((row for row in found if _is_good(row, now)), found[-1])
    if chosen.revoked_at is None:
        tx.execute(update(api_keys).where(api_keys.c.prefix == chosen.prefix).values(revoked_at=now))
    return _state(chosen)._replace(revoked_at=chosen.revoked_at or now)


def _is_named(row: Row[tuple[object, ...]], name: str) -> bool:
    return bool(row.name == name)


def _is_good(row: Row[tuple[object, ...]], now: int) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now)


def _state(row: Row[tuple[object, ...]]) -> KeyState:
    return KeyState(
        row.prefix,
        row.name,
        row.scopes.split(),
        row.created_at,
        row.expires_at or 0,
        row.revoked_at or 0,
        row.last_used,
    )
