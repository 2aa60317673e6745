"""Accounts of our own: register, log in, refresh, log out (CONTRACT §3).

A session is an access token, short-lived and checked without the database, and a refresh token, long-lived and
known to the database by its hash alone. A refresh token is good once: using it gives the next. Each device has
one session; logging in on it again ends the one before. All its tokens name the log-in that it began with, so
that logging out ends them together.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select

from roost.admit.ratelimit import RateLimit
from roost.audit import Act, record
from roost.config import Config
from roost.db.database import Database
from roost.db.schema import devices, refresh_tokens, users
from roost.edge.auth.passwords import Passwords
from roost.edge.auth.tokens import Claims, Tokens
from roost.errors import BadCredentials, Forbidden, InvalidInput, InvalidToken, TokenExpired, UserDeactivated
from roost.journal.contract import Author
from roost.model import ids
from roost.protocol.answers import Session
from roost.roster.users import Users

MAX_DISPLAY_NAME = 100
"""Characters in a display name."""


class Accounts:
    """`closed(author, claims)` is called when a device has logged out, with which token: its sockets close.

    `clock` gives milliseconds.
    """

    def __init__(
        self, database: Database, users: Users, tokens: Tokens, config: Config, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._users = users
        self._tokens = tokens
        self._settings = config.auth
        self._clock = clock
        self._passwords = Passwords()
        self._attempts = RateLimit(config.limits.login_attempts_per_minute, time.monotonic, "attempts to log in")
        self.closed: Callable[[Author, Claims], None] = lambda _author, _claims: None

    async def register(
        self,
        user_id: str | int,
        password: str,
        display_name: str | None = None,
        device_id: str | int | None = None,
        *,
        address: str = "",
    ) -> Session:
        """Makes an account and logs it in. Raises `Forbidden` (no open registration), `UserExists`, `InvalidInput`."""
        if not self._settings.open_registration:
            raise Forbidden("Registration is not open on this server.")
        user, device = ids.user_id(user_id), _device(device_id)
        check_display_name(display_name)
        password_hash = await self._passwords.hash(password)

        def change(tx: Connection) -> None:
            self._users.create(tx, user, password_hash=password_hash, display_name=display_name)
            record(tx, Act("account.registered", user, address=address))

        await self._database.write(change)
        return await self._open(user, device, address)

    async def login(
        self, user_id: str | int, password: str, device_id: str | int | None = None, *, address: str
    ) -> Session:
        """A new session. Raises `BadCredentials`, or `RateLimited` per user and per network address."""
        user, device = ids.user_id(user_id), _device(device_id)
        self._attempts.take(f"address {address}")
        self._attempts.take(f"user {user}")
        account = await self._users.account(user)
        if not await self._passwords.matches(account and account.password_hash, password):
            failed = Act("account.login_failed", user, address=address, details={"known": account is not None})
            await self._database.write(lambda tx: record(tx, failed))
            raise BadCredentials
        if account is not None and account.deactivated_at:
            raise UserDeactivated
        return await self._open(user, device, address)

    async def refresh(self, refresh_token: str) -> Session:
        """The next session of the device. Raises `InvalidToken` (unknown, used, logged out) or `TokenExpired`."""
        login = refresh_token.rpartition(".")[0] or secrets.token_hex(12)
        used, new = _hash(refresh_token), _refresh_token(login)
        now = self._clock()
        query = (
            select(refresh_tokens, users.c.user_id, devices.c.device_id)
            .join(users, users.c.uid == refresh_tokens.c.uid)
            .join(devices, devices.c.did == refresh_tokens.c.did)
            .where(refresh_tokens.c.token_hash == used)
        )

        def change(tx: Connection) -> tuple[str, str]:
            row = tx.execute(query).first()
            if row is None:
                raise InvalidToken("This refresh token is not valid, or was used before; log in again.")
            if row.expires_at <= now:
                raise TokenExpired("This refresh token has expired; log in again.")
            self._store(tx, row.uid, row.did, new, now)
            return row.user_id, row.device_id

        user, device = await self._database.write(change)
        return self._session(user, device, login, new)

    async def logout(self, author: Author, claims: Claims) -> None:
        """Ends the session of the author's device: all its tokens are refused, its sockets close."""
        last = self._clock() + self._settings.access_ttl * 1000
        ended = claims._replace(expires_at=max(claims.expires_at, last))  # as long as any token of it might count
        mine = (refresh_tokens.c.uid == author.uid) & (refresh_tokens.c.did == author.did)

        def change(tx: Connection) -> None:
            tx.execute(delete(refresh_tokens).where(mine))
            record(tx, Act("account.logged_out", author))

        await self._tokens.revoke(ended)
        await self._database.write(change)
        self.closed(author, ended)

    async def _open(self, user: str, device: str, address: str) -> Session:
        identity = await self._users.identify(user, device)
        author = Author(identity.uid, identity.did, user, device, address)
        login, now = secrets.token_hex(12), self._clock()
        new = _refresh_token(login)

        def change(tx: Connection) -> None:
            self._store(tx, author.uid, author.did, new, now)
            record(tx, Act("account.logged_in", author))

        await self._database.write(change)
        return self._session(user, device, login, new)

    def _store(self, tx: Connection, uid: int, did: int, new: str, now: int) -> None:
        """The device's refresh token is now `new`; what has expired of the user's other devices goes as well."""
        old = (refresh_tokens.c.did == did) | (refresh_tokens.c.expires_at <= now)
        tx.execute(delete(refresh_tokens).where(refresh_tokens.c.uid == uid, old))
        expires_at = now + self._settings.refresh_ttl * 1000
        tx.execute(insert(refresh_tokens).values(token_hash=_hash(new), uid=uid, did=did, expires_at=expires_at))

    def _session(self, user: str, device: str, login: str, refresh_token: str) -> Session:
        signed = self._tokens.sign(user, device, self._settings.access_ttl, login=login)
        return Session(
            token=signed.token,
            refresh_token=refresh_token,
            expire_time=signed.expires_at,
            user_id=user,
            device_id=device,
        )


def check_display_name(name: str | None) -> None:
    """Raises `InvalidInput` for a name that can't be one."""
    if name is not None and not (1 <= len(name) <= MAX_DISPLAY_NAME and name.isprintable()):
        raise InvalidInput(f"displayName must be 1-{MAX_DISPLAY_NAME} printable characters.")


def _device(device_id: str | int | None) -> str:
    return secrets.token_hex(8) if device_id is None else ids.device_id(device_id)


def _refresh_token(login: str) -> str:
    return f"{login}.{secrets.token_urlsafe(32)}"


def _hash(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()
