"""The settings: defaults < `config.yaml` < environment (`ROOST_SECTION__KEY`) < flags (CONTRACT §1).

Each section is a struct; `config.yaml` in the repository explains every key. An unknown key or a value of the
wrong type is a `ConfigError` that names it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin

import msgspec
import yaml

LARGEST_BATCH = 100
"""Entries in one batch on a socket (A6)."""


class ConfigError(Exception):
    """The settings can't be used; the message names the key."""


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A section of the settings."""


class Server(Section, kw_only=True):
    """Where to listen and keep data. `origins`: pages that may open a WebSocket; `*` is any, `self` this host."""

    host: str = "127.0.0.1"
    port: int = 8080
    data: str = "data"
    origins: list[str] = msgspec.field(default_factory=lambda: ["self"])
    readers: int = 2


class Auth(Section, kw_only=True):
    """Tokens. Times in seconds. `jwks` is a file or http(s) address of a host application's public keys."""

    access_ttl: int = 3600
    refresh_ttl: int = 30 * 86400
    open_registration: bool = True
    jwks: str | None = None
    issuer: str | None = None
    audience: str | None = None


class Limits(Section, kw_only=True):
    """Bounds on what clients send. 0 switches a rate limit off."""

    messages_per_minute: int = 600
    login_attempts_per_minute: int = 10
    max_content: int = 5000
    max_frame: int = 65536
    max_body: int = 1 << 20
    auth_timeout: float = 10.0


class Presence(Section, kw_only=True):
    """`ttl`: seconds after which a user who is not heard of is offline (D3)."""

    ttl: float = 300.0


class Sync(Section, kw_only=True):
    """Catching up. `save_interval` and `state_ttl` in seconds (B1, B2); `window` and `batch` in entries."""

    save_interval: float = 5.0
    state_ttl: int = 30 * 86400
    window: int = 500
    batch: int = 100


class Channel(Section, kw_only=True):
    """A push channel."""

    enabled: bool = False


class Push(Section, kw_only=True):
    """The switches of document A (A1)."""

    enabled: bool = True
    apns: Channel = msgspec.field(default_factory=Channel)
    fcm: Channel = msgspec.field(default_factory=Channel)
    email: Channel = msgspec.field(default_factory=Channel)


class Log(Section, kw_only=True):
    """How much the server writes to stderr, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Config(Section, kw_only=True):
    """All settings."""

    server: Server = msgspec.field(default_factory=Server)
    auth: Auth = msgspec.field(default_factory=Auth)
    limits: Limits = msgspec.field(default_factory=Limits)
    presence: Presence = msgspec.field(default_factory=Presence)
    sync: Sync = msgspec.field(default_factory=Sync)
    push: Push = msgspec.field(default_factory=Push)
    log: Log = msgspec.field(default_factory=Log)

    @property
    def data(self) -> Path:
        """The data directory."""
        return Path(self.server.data)

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
    _check(config)
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
    "limits.messages_per_minute": (0, math.inf),
    "limits.login_attempts_per_minute": (0, math.inf),
    "limits.max_content": (1, math.inf),
    "limits.max_frame": (1024, math.inf),
    "limits.max_body": (1024, math.inf),
    "limits.auth_timeout": (0.1, 3600),
    "presence.ttl": (1, 366 * 86400),
    "sync.save_interval": (0.1, 3600),
    "sync.state_ttl": (60, math.inf),
    "sync.window": (1, math.inf),
    "sync.batch": (1, LARGEST_BATCH),
    "auth.access_ttl": (1, math.inf),
    "auth.refresh_ttl": (1, math.inf),
}
"""The lowest and the highest value that a setting may have."""


def _check(config: Config) -> None:
    for key, (lowest, highest) in BOUNDS.items():
        section, name = key.split(".")
        value = getattr(getattr(config, section), name)
        if not lowest <= value <= highest:
            above = "" if highest == math.inf else f" and at most {highest}"
            raise ConfigError(f"{key} must be at least {lowest}{above}, not {value}.")
