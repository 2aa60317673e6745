"""Signing tokens (JWT, RFC 7519): what the server, and `roost token` beside it, make of the secret.

Claims: `sub` the user id, `did` the device id if the token is for one device, `jti` the token's own id, `iat` and
`exp` in seconds, `iat` with milliseconds behind the point; `sid` the log-in it is of; `bot` is true for a bot. The
algorithm is HS256. `roost.edge.auth.tokens` verifies.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, NamedTuple

import jwt

ALGORITHM = "HS256"


class Signed(NamedTuple):
    """A new token, and when it expires (milliseconds)."""

    token: str
    expires_at: int


def sign(
    secret: bytes, user_id: str, device_id: str | None, ttl: int, *, bot: bool = False, login: str | None = None
) -> Signed:
    """A token of `user_id`, for any device or one, valid for `ttl` seconds from now."""
    now = time.time_ns() // 1_000_000
    expires_at = now // 1000 + ttl
    claims: dict[str, Any] = {"sub": user_id, "jti": secrets.token_hex(12), "iat": now / 1000, "exp": expires_at}
    if device_id is not None:
        claims["did"] = device_id
    if login is not None:
        claims["sid"] = login
    if bot:
        claims["bot"] = True
    return Signed(jwt.encode(claims, secret, ALGORITHM), expires_at * 1000)
