"""The public keys of a host application whose tokens are taken as well as our own (`auth.jwks`; RFC 7517).

The algorithm belongs to the key: a token's header only names the key. Symmetric keys are never read from a key
set, so a public key can't be passed off as an HMAC secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from roost.config import ConfigError
from roost.errors import InvalidToken, Unavailable

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
WEAKEST_RSA = 2048
"""Bits of an RSA key at least (RFC 7518 §3.3)."""
FETCH_TIMEOUT = 5.0
"""Seconds for the host application to answer."""
FETCH_PAUSE = 60.0
"""Seconds between two fetches: a token that names an unknown key asks for one, and anyone can write such tokens."""
WEB = ("http://", "https://")
LARGEST = 1 << 20
"""Bytes of a key set."""

logger = structlog.get_logger()


class HostKey(NamedTuple):
    """A key, and the one algorithm it verifies."""

    key: Any
    algorithm: str


class HostKeys:
    """The key set at `source`, a file or an http(s) address: read when first needed, and when a key is unknown."""

    def __init__(self, source: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` gives seconds."""
        self._source = source
        self._monotonic = monotonic
        self._keys: dict[str | None, HostKey] = {}
        self._fetched_at: float | None = None
        self._failed = False
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str | None) -> HostKey:
        """The key that a token names; one that names none is taken to mean the only key.

        Raises `InvalidToken` for an unknown key, `Unavailable` where the key set could not be read.
        """
        key = self._find(key_id)
        if key is None:
            await self._fetch()
            key = self._find(key_id)
        if key is not None:
            return key
        if self._failed:
            raise Unavailable("The keys of the host application can't be read now; try again in a minute.")
        raise InvalidToken("This token names a key that the host application does not have.")

    def _find(self, key_id: str | None) -> HostKey | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch(self) -> None:
        async with self._fetching:
            now = self._monotonic()
            if self._fetched_at is not None and now - self._fetched_at < FETCH_PAUSE:
                return
            self._fetched_at = now
            try:
                self._keys = parse(await asyncio.to_thread(_read, self._source))
            except (OSError, ValueError, msgspec.DecodeError) as error:
                self._failed = True
                logger.warning("the host application's keys could not be read", source=self._source, reason=str(error))
            else:
                self._failed = False


def check_source(source: str) -> None:
    """Raises `ConfigError` for a file that is no key set; an address is not asked."""
    if source.startswith(WEB):
        return
    try:
        keys = parse(_read(source))
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise ConfigError(f"auth.jwks: {source} is not the file of a key set: {error}.") from None
    if not keys:
        raise ConfigError(f"auth.jwks: {source} has no key for {', '.join(sorted(ALGORITHMS))}.")


def _read(source: str) -> bytes:
    if not source.startswith(WEB):
        return Path(source.removeprefix("file://")).read_bytes()
    request = urllib.request.Request(source, headers={"Accept": "application/json"})  # noqa: S310 - http(s), seen above
    with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT) as answer:  # noqa: S310
        data: bytes = answer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    return data


def parse(data: bytes) -> dict[str | None, HostKey]:
    """The usable keys of a JWK set by their ids; others are passed over. Raises `msgspec.DecodeError`."""
    keys: dict[str | None, HostKey] = {}
    for entry in msgspec.convert(msgspec.json.decode(data), _KeySet).keys:
        with contextlib.suppress(jwt.PyJWTError, ValueError):
            key = _usable(entry)
            if key is not None:
                keys[entry.get("kid")] = key
    return keys


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


def _usable(entry: dict[str, Any]) -> HostKey | None:
    if entry.get("kty") not in {"RSA", "EC", "OKP"} or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    parsed = jwt.PyJWK.from_dict(entry)
    if parsed.algorithm_name not in ALGORITHMS:
        return None
    if isinstance(parsed.key, RSAPublicKey) and parsed.key.key_size < WEAKEST_RSA:
        return None
    return HostKey(parsed.key, parsed.algorithm_name)
