"""Verifying tokens (JWT, RFC 7519); `roost.edge.auth.signing` makes our own, and tells their claims.

Our own tokens are HS256 with the secret of the data directory, which a host application may share; with
`auth.jwks` its RS256, ES256 and EdDSA keys count as well. Which algorithm verifies is fixed by the key: a token
signed any other way is refused, whatever its header says.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt
import msgspec
from sqlalchemy import Connection, delete, insert, select

from roost.config import Auth
from roost.db.database import Database
from roost.db.schema import barred_tokens, revoked_tokens
from roost.edge.auth.hostkeys import HostKeys
from roost.edge.auth.secret import load_or_make_secret
from roost.edge.auth.signing import ALGORITHM, Signed, sign
from roost.errors import InvalidID, InvalidToken, TokenExpired, TokenRevoked
from roost.model import ids

__all__ = ["Claims", "Signed", "Tokens", "load_or_make_secret", "sign"]

LONGEST = 8192
"""Characters of a token."""
LONGEST_JTI = 64
HOST_LEEWAY = 10
"""Seconds by which the clock of a host application may differ from ours. Our own tokens are ours to the second."""
REMEMBERED = 10_000
"""Verified tokens kept in memory (some 600 bytes each): a client sends the same one with every request."""
REMEMBERED_FOR = 60_000
"""Milliseconds after which a token is verified anew, so that a key which the host application drops ends to count."""
NEVER = ids.MAX_SERVER_ID
"""Milliseconds: no token is issued so late."""
PURGE_EVERY = 60_000
"""Milliseconds between two removals of revoked tokens that have expired since."""


class Claims(NamedTuple):
    """What a valid token says. `device_id` is None where it names none; `expires_at` is in milliseconds.

    `token_id` names what is revoked with the token: the log-in it is of (`sid`), or itself (`jti`, or a hash of what
    was signed). `issued_at` is in milliseconds, 0 where it is not told.
    """

    user_id: str
    device_id: str | None
    token_id: str
    expires_at: int
    issued_at: int = 0
    bot: bool = False


class _Payload(msgspec.Struct):
    """The claims as they must be typed."""

    sub: str | int
    exp: float
    did: str | int | None = None
    jti: str | int | None = None
    sid: Any = None
    iat: Any = None
    bot: Any = None


class Tokens:
    """Signs and verifies. `clock` gives milliseconds."""

    def __init__(self, secret: bytes, settings: Auth, database: Database, clock: Callable[[], int]) -> None:
        self._secret = secret
        self._issuer = settings.issuer
        self._audience = settings.audience
        self._host_keys = HostKeys(settings.jwks) if settings.jwks else None
        self._database = database
        self._clock = clock
        self._verified: OrderedDict[str, tuple[int, Claims]] = OrderedDict()
        self._revoked: dict[str, int] | None = None
        self._barred: dict[str, int] = {}
        self._bars = 0
        self._purged_at = 0

    def sign(
        self, user_id: str, device_id: str | None, ttl: int, *, bot: bool = False, login: str | None = None
    ) -> Signed:
        """A token of our own; see `sign`."""
        return sign(self._secret, user_id, device_id, ttl, bot=bot, login=login)

    async def verify(self, token: str) -> Claims:
        """What the token says.

        Raises `InvalidToken`, `TokenExpired` or `TokenRevoked`; `Unavailable` while the keys of the host application
        can't be read.
        """
        now = self._clock()
        since, claims = self._verified.get(token, (0, None))
        if claims is None or now - since >= REMEMBERED_FOR or now >= claims.expires_at:
            claims = await self._verify(token)
            self._verified[token] = now, claims
            self._verified.move_to_end(token)
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)
        if self._revoked is None:
            await self._load_revoked()
        if self.is_revoked(claims):
            raise TokenRevoked
        return claims

    def is_revoked(self, claims: Claims) -> bool:
        """Whether the token was revoked, by itself or with all of its user."""
        return claims.token_id in (self._revoked or ()) or claims.issued_at < self._barred.get(claims.user_id, 0)

    async def _verify(self, token: str) -> Claims:
        if len(token) > LONGEST:
            raise InvalidToken("This token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            if self._host_keys is None or header.get("alg") == ALGORITHM:
                payload = self._decode(token, self._secret, ALGORITHM)
            else:
                key, algorithm = await self._host_keys.find(header.get("kid"))
                payload = self._decode(token, key, algorithm, host=True) | {"sid": None}  # logged out here alone
            return _claims(token, msgspec.convert(payload, _Payload))
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except jwt.InvalidAlgorithmError:
            raise InvalidToken("This token is signed with an algorithm that is not accepted.") from None
        except (jwt.PyJWTError, InvalidID, msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidToken(f"This token is not valid: {error}") from None

    def _decode(self, token: str, key: Any, algorithm: str, *, host: bool = False) -> dict[str, Any]:
        """The payload of a token of this key. Only a host application's must name issuer and audience."""
        issuer, audience = (self._issuer, self._audience) if host else (None, None)
        options: Any = {
            "require": ["exp", "sub"],
            "verify_sub": False,  # integers are ids as well
            "verify_jti": False,
            "verify_iat": False,  # tells when it was made, not from when it counts: that is nbf
            "verify_aud": audience is not None,
            "verify_iss": issuer is not None,
        }
        leeway = HOST_LEEWAY if host else 0
        return jwt.decode(token, key, [algorithm], options, audience=audience, issuer=issuer, leeway=leeway)

    async def revoke(self, claims: Claims) -> None:
        """From now on the token is refused, after a restart too, until it expires anyway."""
        revoked = self._revoked if self._revoked is not None else await self._load_revoked()
        revoked[claims.token_id] = claims.expires_at
        now = self._clock()
        purge = now - self._purged_at >= PURGE_EVERY
        if purge:
            self._purged_at = now
            for token_id in [token_id for token_id, expires_at in revoked.items() if _over(expires_at, now)]:
                del revoked[token_id]

        def change(tx: Connection) -> None:
            if purge:
                tx.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now - HOST_LEEWAY * 1000))
            known = select(revoked_tokens.c.jti).where(revoked_tokens.c.jti == claims.token_id)
            if tx.execute(known).first() is None:
                tx.execute(insert(revoked_tokens).values(jti=claims.token_id, expires_at=claims.expires_at))

        await self._database.write(change)

    async def refuse(self, claims: Claims) -> None:
        """Another node has revoked the token: it is refused here, too."""
        revoked = self._revoked if self._revoked is not None else await self._load_revoked()
        revoked[claims.token_id] = claims.expires_at

    def bar(self, user_id: str, since: int) -> None:
        """Of a user's tokens only those issued since then count (milliseconds); the database has it already."""
        self._barred[user_id] = since
        self._bars += 1

    async def learn_revoked(self) -> bool:
        """Learns which tokens other nodes have revoked. Returns whether there were any that were news."""
        revoked, barred = set(self._revoked or ()), self._barred
        return not (await self._load_revoked()).keys() <= revoked or self._barred != barred

    async def _load_revoked(self) -> dict[str, int]:
        def query(connection: Connection) -> tuple[list[Any], dict[str, int]]:
            single = connection.execute(select(revoked_tokens.c.jti, revoked_tokens.c.expires_at)).all()
            barred = connection.execute(select(barred_tokens))
            return list(single), {row.user_id: row.since for row in barred}

        bars = self._bars
        rows, barred = await self._database.read(query)
        while bars != self._bars:  # one that came meanwhile may not be among what was read
            bars = self._bars
            rows, barred = await self._database.read(query)
        self._barred = barred
        now = self._clock()
        revoked = {token_id: end for token_id, end in (self._revoked or {}).items() if not _over(end, now)}
        revoked |= {row.jti: row.expires_at for row in rows if not _over(row.expires_at, now)}
        self._revoked = revoked
        return revoked


def _over(expires_at: int, now: int) -> bool:
    return expires_at < now - HOST_LEEWAY * 1000


def _issued_at(iat: Any) -> int:
    """Milliseconds; below `NEVER`, whatever a token claims."""
    told = isinstance(iat, int | float) and not isinstance(iat, bool)
    return max(0, min(round(iat * 1000), NEVER - 1)) if told else 0


def _claims(token: str, payload: _Payload) -> Claims:
    """Raises `InvalidID`, `ValueError` or `OverflowError`."""
    named = payload.sid if isinstance(payload.sid, str) and payload.sid else payload.jti
    token_id = "" if named is None else str(named)
    if not 1 <= len(token_id) <= LONGEST_JTI:
        # Of what is signed, not of the signature, which may have several spellings.
        token_id = hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()
    return Claims(
        user_id=ids.user_id(payload.sub, "sub"),
        device_id=None if payload.did is None else ids.device_id(payload.did),
        token_id=token_id,
        expires_at=min(int(payload.exp * 1000), ids.MAX_SERVER_ID),
        issued_at=_issued_at(payload.iat),
        bot=payload.bot is True,
    )
