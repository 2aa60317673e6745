"""What a channel's section of the settings must have, told at the start: not by the first push that fails."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from roost.config import ConfigError, Section


def required(section: str, settings: Section, *keys: str) -> tuple[str, ...]:
    """The values of text settings; `section` is where they stand (`push.apns`). Raises `ConfigError` naming the key."""
    for key in keys:
        if not getattr(settings, key):
            raise ConfigError(f"{section}.{key} must be set where {section}.enabled is true.")
    return tuple(getattr(settings, key) for key in keys)


def contents(key: str, path: str) -> bytes:
    """The file that the setting `key` names. Raises `ConfigError`."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{key}: {path} can't be read: {error.strerror}.") from None


def web_address(key: str, value: str) -> str:
    """An http(s) address without a slash at its end. Raises `ConfigError` where the setting `key` is none."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"{key} must be an address such as https://push.example.org, not {value}.")
    return value.rstrip("/")


def broker_address(key: str, value: str) -> str:
    """An AMQP address. Raises `ConfigError` where the setting `key` is none."""
    try:
        parts = urlsplit(value)
        fine = parts.scheme in {"amqp", "amqps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its port is no number
        fine = False
    if not fine:
        raise ConfigError(f"{key} must be an address such as amqp://user:password@127.0.0.1:5672/.")
    return value
