"""The settings: defaults < `config.yaml` < environment (`ROOST_SECTION__KEY`) < flags (CONTRACT §1).

Each section is a struct of `roost.config.sections`. An unknown key or a value of the wrong type is a `ConfigError` that
names it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, get_origin

import msgspec
import yaml

from roost.config.sections import (
    S3,
    Admin,
    Apns,
    Audit,
    Auth,
    Email,
    Fanout,
    Fcm,
    Files,
    Limits,
    Log,
    Messages,
    Moderation,
    Presence,
    Push,
    Redis,
    Search,
    Section,
    Server,
    Sync,
    WebPush,
)

__all__ = [
    "LARGEST_BATCH",
    "S3",
    "Admin",
    "Apns",
    "Audit",
    "Auth",
    "Config",
    "ConfigError",
    "Email",
    "Fanout",
    "Fcm",
    "Files",
    "Limits",
    "Log",
    "Messages",
    "Moderation",
    "Presence",
    "Push",
    "Redis",
    "Search",
    "Section",
    "Server",
    "Sync",
    "WebPush",
    "check_settings",
    "load",
]
from roost.config.webhooks import Webhooks, check_webhooks

LARGEST_BATCH = 100
"""Entries in one batch on a socket (A6)."""


class ConfigError(Exception):
    """The settings can't be used; the message names the key."""


class Config(Section, kw_only=True):
    """All settings."""

    server: Server = msgspec.field(default_factory=Server)
    auth: Auth = msgspec.field(default_factory=Auth)
    limits: Limits = msgspec.field(default_factory=Limits)
    messages: Messages = msgspec.field(default_factory=Messages)
    files: Files = msgspec.field(default_factory=Files)
    admin: Admin = msgspec.field(default_factory=Admin)
    fanout: Fanout = msgspec.field(default_factory=Fanout)
    moderation: Moderation = msgspec.field(default_factory=Moderation)
    audit: Audit = msgspec.field(default_factory=Audit)
    search: Search = msgspec.field(default_factory=Search)
    webhooks: Webhooks = msgspec.field(default_factory=Webhooks)
    redis: Redis = msgspec.field(default_factory=Redis)
    presence: Presence = msgspec.field(default_factory=Presence)
    sync: Sync = msgspec.field(default_factory=Sync)
    push: Push = msgspec.field(default_factory=Push)
    log: Log = msgspec.field(default_factory=Log)

    @property
    def data(self) -> Path:
        """The data directory."""
        return Path(self.server.data)

    @property
    def files_folder(self) -> Path:
        """Where files are kept on this machine, and where uploads grow."""
        return Path(self.files.folder) if self.files.folder else self.data / "files"

    @property
    def database(self) -> Path:
        """The database file in the data directory."""
        return self.data / "roost.db"


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """The settings of a file (or of the defaults) and the environment. Raises `ConfigError`."""
    values = _from_file(path) if path else {}
    for name, value in sorted(environment.items()):
        if name.startswith("ROOST_") and "__" in name:
            _set(values, name, value)
    try:
        config = msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path or 'settings'}: {_with_key(error)}") from None
    check_settings(config)
    return config


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(values, dict | None):
        raise ConfigError(f"{path}: expected sections such as 'server:' at the top.")
    return {section: keys for section, keys in (values or {}).items() if keys is not None}


def _set(values: dict[str, Any], name: str, value: str) -> None:
    *sections, key = name.removeprefix("ROOST_").lower().split("__")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise ConfigError(f"{name}: {section} is not a section.")
    target[key] = _read(value, _kind_of([*sections, key]))


def _kind_of(path: list[str]) -> Any:
    """The type of a setting; None where there is no such."""
    kind: Any = Config
    for name in path:
        fields = msgspec.structs.fields(kind) if isinstance(kind, type) and issubclass(kind, Section) else ()
        kind = next((field.type for field in fields if field.name == name), None)
    return kind


def _read(value: str, kind: Any) -> Any:
    """A value of the environment: text as it stands, where the setting is text; else as YAML reads it."""
    optional = kind == str | None
    if kind is str or optional or get_origin(kind) is Literal:
        return None if not value or (optional and value == "null") else value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _with_key(error: msgspec.ValidationError) -> str:
    return str(error).replace("Object contains unknown field", "unknown key").replace("`$.", "`")


BOUNDS: dict[str, tuple[float, float]] = {
    "server.port": (0, 65535),
    "server.readers": (1, 64),
    "server.drain": (0, 600),
    "limits.messages_per_minute": (0, math.inf),
    "limits.bot_messages_per_minute": (0, math.inf),
    "limits.device_messages_per_minute": (0, math.inf),
    "limits.address_messages_per_minute": (0, math.inf),
    "limits.login_attempts_per_minute": (0, math.inf),
    "limits.max_content": (1, math.inf),
    "limits.max_frame": (1024, math.inf),
    "limits.max_body": (1024, math.inf),
    "limits.auth_timeout": (0.1, 3600),
    "messages.edit_window": (0, math.inf),
    "messages.recall_window": (0, math.inf),
    "messages.max_pins": (1, 1000),
    "files.max_size": (1, 1 << 40),
    "files.quota": (0, math.inf),
    "files.uploads_per_minute": (0, math.inf),
    "files.unused_ttl": (60, 366 * 86400),
    "files.keep_free": (0, math.inf),
    "files.max_pixels": (1, 1_000_000_000),
    "files.thumbnail": (16, 4096),
    "messages.read_receipts_members": (2, 200),
    "fanout.max_members": (1, 100_000),
    "moderation.reload": (0.1, 3600),
    "audit.keep_days": (0, 36_500),
    "search.per_minute": (0, math.inf),
    "webhooks.attempts": (1, 1000),
    "webhooks.timeout": (0.1, 300),
    "webhooks.at_once": (1, 1000),
    "redis.recent": (1, 100_000),
    "redis.recent_ttl": (60, 366 * 86400),
    "presence.ttl": (1, 366 * 86400),
    "sync.save_interval": (0.1, 3600),
    "sync.state_ttl": (60, math.inf),
    "sync.window": (1, math.inf),
    "sync.batch": (1, LARGEST_BATCH),
    "auth.access_ttl": (1, math.inf),
    "auth.refresh_ttl": (1, math.inf),
    "push.grace": (0, 86400),
    "push.ttl": (60, 28 * 86400),
    "push.at_once": (1, 1000),
    "push.email.port": (1, 65535),
    "push.email.wait": (0, 7 * 86400),
}
"""The lowest and the highest value that a setting may have."""


DATABASES = ("postgresql://", "mysql://", "mariadb://")
"""The beginnings of a database server's address."""
ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?")
"""An origin as a content security policy names it: without a path, and without a `*` that would let in more."""
REDIS = ("redis://", "rediss://", "unix://")
"""The beginnings of an address of Redis."""


def check_settings(config: Config) -> None:
    """Raises `ConfigError` for values of the right type that can't work, in words that begin with the key."""
    if config.server.database and not config.server.database.startswith(DATABASES):
        raise ConfigError(f"server.database must be empty or begin with one of {', '.join(DATABASES)}.")
    if config.redis.url and not config.redis.url.startswith(REDIS):
        raise ConfigError(f"redis.url must be empty or begin with one of {', '.join(REDIS)}.")
    if config.files.store == "s3" and not config.files.s3.bucket:
        raise ConfigError("files.s3.bucket must be named where files.store is s3.")
    _check_hosts(config.server)
    try:
        check_webhooks(config.webhooks)
    except ValueError as error:
        raise ConfigError(f"webhooks.endpoints: {error}") from None
    for key, (lowest, highest) in BOUNDS.items():
        value = attrgetter(key)(config)
        if not lowest <= value <= highest:
            above = "" if highest == math.inf else f" and at most {highest}"
            raise ConfigError(f"{key} must be at least {lowest}{above}, not {value}.")


def _check_hosts(server: Server) -> None:
    for origin in server.images:
        if not ORIGIN.fullmatch(origin):
            raise ConfigError(f"server.images: {origin!r} is no origin such as https://stickers.example.com.")
    for proxy in server.trusted_proxies:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            raise ConfigError(f"server.trusted_proxies: {proxy!r} is no address and no network.") from None
