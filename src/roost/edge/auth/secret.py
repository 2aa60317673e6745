"""The secret that signs this server's tokens: one line of text in the data directory."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from roost.config import ConfigError

FILE = "jwt.secret"
SHORTEST = 32
"""Bytes of a secret at least: HS256 is no stronger than its key (RFC 7518 §3.2)."""


def load_or_make_secret(data: Path) -> bytes:
    """The key of the data directory `data`, made on the first call (mode 0600, 256 bits as hexadecimal digits).

    The key is the file's text without the white space around it, as bytes: other programs use it as it stands.
    Raises `OSError`, or `ConfigError` for a file that holds no text, or too little to be a secret.
    """
    path = data / FILE
    with contextlib.suppress(FileNotFoundError):
        return _read(path)
    data.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: then its secret counts
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    return _read(path)


def load_secret(data: Path) -> bytes:
    """The key that a server has made. Raises `FileNotFoundError` where none has, and as `load_or_make_secret`."""
    path = data / FILE
    if not path.exists():
        raise FileNotFoundError(f"there is no {FILE} in {data}; name the server's data directory with --data.")
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        secret = path.read_text(encoding="utf-8").strip().encode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: put back the secret that was there.") from None
    if len(secret) < SHORTEST:
        raise ConfigError(f"{path} must hold at least {SHORTEST} characters.")
    return secret
