"""The key that push services and browsers know this server by (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from roost.config import ConfigError
from roost.config import WebPush as Settings
from roost.push.settings import required

LIFETIME = 12 * 3600
"""Seconds that a token is valid: RFC 8292 §2 allows 24 hours, and clocks differ."""
SUBJECT = re.compile(r"(mailto:[^\s@]+@[^\s@]+|https://\S+)", re.ASCII)


def base64url(data: bytes) -> str:
    """`data` in base64url without padding, as RFC 8291 and 8292 write keys (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Vapid:
    """A key and whom its tokens name as responsible. `public_key` is what a browser subscribes with: base64url."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, subject: str) -> None:
        """`subject` is a `mailto:` or `https:` address (RFC 8292 §2.1)."""
        self._key = key
        self._subject = subject
        self.public_key = base64url(public_point(key.public_key()))

    @classmethod
    def open(cls, settings: Settings, data: Path) -> Vapid:
        """The key of the settings, in the data directory `data` where its path is relative; made where it is missing.

        Raises `ConfigError` for a subject or a file that can't be used.
        """
        subject, key_file = required("push.webpush", settings, "subject", "key_file")
        if SUBJECT.fullmatch(subject) is None:
            raise ConfigError(f"push.webpush.subject must be a mailto: or https: address, not {subject!r}.")
        try:
            return cls(load_or_make_key(data / key_file), subject)
        except OSError as error:
            raise ConfigError(f"push.webpush.key_file can't be used: {error}.") from None

    def authorization(self, origin: str, now: int) -> str:
        """The `Authorization` for a push service at `origin` (RFC 8292 §3); `now` in milliseconds."""
        claims = {"aud": origin, "exp": now // 1000 + LIFETIME, "sub": self._subject}
        return f"vapid t={jwt.encode(claims, self._key, 'ES256')}, k={self.public_key}"


def public_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as an uncompressed point: 65 bytes."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def load_or_make_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in the PEM file `path`, made on the first call (mode 0600) and kept ever after.

    Browsers tie their subscriptions to it: with another key, each of them must subscribe anew.
    Raises `OSError`, or `ConfigError` for a file that holds something else.
    """
    with contextlib.suppress(FileNotFoundError):
        return _read(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(_new_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: then its key counts
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    return _read(path)


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key is behind a password
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"push.webpush.key_file: {path} must hold a P-256 private key in PEM, without a password.")
    return key
