"""The settings: defaults < `config.yaml` < environment (`ROOST_SECTION__KEY`) < flags (CONTRACT §1).

Each section is a struct; `config.yaml` in the repository explains every key. An unknown key or a value of the
wrong type is a `ConfigError` that names it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from ipaddress import ip_network
from operator import attrgetter
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
    """Where to listen and keep data. `origins`: pages that may connect; `*` is any, `self` this host.

    `trusted_proxies`: addresses or networks whose `X-Forwarded-For` is believed.

    `database`: the address of a database server; empty is a SQLite file in the data directory. `drain`: seconds for
    which a node that is told to stop still serves everybody, while `/readyz` tells balancers to send nobody.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    data: str = "data"
    database: str = ""
    origins: list[str] = msgspec.field(default_factory=lambda: ["self"])
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])
    readers: int = 2
    drain: float = 0.0


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
    bot_messages_per_minute: int = 6000
    device_messages_per_minute: int = 0
    address_messages_per_minute: int = 0
    login_attempts_per_minute: int = 10
    max_content: int = 5000
    max_frame: int = 65536
    max_body: int = 1 << 20
    auth_timeout: float = 10.0


class Messages(Section, kw_only=True):
    """Changing messages (D9). `edit_window`, `recall_window`: seconds after which it is too late; 0 is never.

    `max_pins`: pinned messages of a conversation.
    """

    edit_window: int = 86400
    recall_window: int = 120
    max_pins: int = 50


class Admin(Section, kw_only=True):
    """What back ends do (D9). `system_user`: the user id that the server's own messages come from."""

    system_user: str = "system"


class Moderation(Section, kw_only=True):
    """What may be written (D7). `mask`, `reject`, `flag`: files of words. `reload`: seconds between looks at them.

    `ignore_separators`: whether `f.u.c.k` is the word, too. `spam`: whether who sends as no person does is slowed down.
    """

    mask: list[str] = msgspec.field(default_factory=list)
    reject: list[str] = msgspec.field(default_factory=list)
    flag: list[str] = msgspec.field(default_factory=list)
    ignore_separators: bool = False
    reload: float = 10.0
    spam: bool = True


class Audit(Section, kw_only=True):
    """The audit log (D7): who sent what to whom (`sends`; with the text: `content`), and every administrative act.

    `keep_days`: days after which what was written is removed; 0 is never.
    """

    sends: bool = True
    acts: bool = True
    content: bool = False
    keep_days: int = 0


class Search(Section, kw_only=True):
    """Full-text search in one's own conversations (D9). `per_minute`: searches of one user; 0 sets no limit."""

    enabled: bool = True
    per_minute: int = 60


class Redis(Section, kw_only=True):
    """What the nodes of a deployment share for speed (A12, B1-B8). `url` empty: a node by itself.

    `recent`: entries of each log kept there. `recent_ttl`: seconds for which they are kept, at most.
    """

    url: str = ""
    recent: int = 1000
    recent_ttl: int = 7 * 86400


class Presence(Section, kw_only=True):
    """`ttl`: seconds after which a user who is not heard of is offline (D3)."""

    ttl: float = 300.0


class Sync(Section, kw_only=True):
    """Catching up. `save_interval` and `state_ttl` in seconds (B1, B2); `window` and `batch` in entries."""

    save_interval: float = 5.0
    state_ttl: int = 30 * 86400
    window: int = 500
    batch: int = 100


class Apns(Section, kw_only=True):
    """Apple's push service. `key_file` is the .p8 of a provider token; `topic` the app's bundle id."""

    enabled: bool = False
    key_file: str | None = None
    key_id: str | None = None
    team_id: str | None = None
    topic: str | None = None
    url: str = "https://api.push.apple.com"


class Fcm(Section, kw_only=True):
    """Firebase Cloud Messaging, HTTP v1. `service_account` is the JSON file of one that may send."""

    enabled: bool = False
    service_account: str | None = None
    url: str = "https://fcm.googleapis.com"


class WebPush(Section, kw_only=True):
    """Browsers. `subject`: whom push services write to (mailto: or https:). `key_file` is made where it is missing."""

    enabled: bool = False
    subject: str | None = None
    key_file: str = "vapid.pem"


class Email(Section, kw_only=True):
    """A digest of what was missed, `wait` seconds after the first of it. `unsubscribe`: a page, for `{user}`."""

    enabled: bool = False
    host: str | None = None
    port: int = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    sender: str | None = None
    wait: float = 900.0
    unsubscribe: str | None = None


class Push(Section, kw_only=True):
    """Push (A1, A9). Times in seconds.

    `grace`: how long a connected device of the user has to store a message before push tells of it. `ttl`: older news
    is not pushed. `rabbitmq` is the broker's address, where `queue` says so; workers are then `roost push-worker`s.
    """

    enabled: bool = True
    grace: float = 10.0
    ttl: float = 86400.0
    preview: bool = True
    queue: Literal["local", "rabbitmq"] = "local"
    rabbitmq: str = "amqp://guest:guest@127.0.0.1/"
    at_once: int = 16
    apns: Apns = msgspec.field(default_factory=Apns)
    fcm: Fcm = msgspec.field(default_factory=Fcm)
    webpush: WebPush = msgspec.field(default_factory=WebPush)
    email: Email = msgspec.field(default_factory=Email)


class Log(Section, kw_only=True):
    """How much the server writes to stderr, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Config(Section, kw_only=True):
    """All settings."""

    server: Server = msgspec.field(default_factory=Server)
    auth: Auth = msgspec.field(default_factory=Auth)
    limits: Limits = msgspec.field(default_factory=Limits)
    messages: Messages = msgspec.field(default_factory=Messages)
    admin: Admin = msgspec.field(default_factory=Admin)
    moderation: Moderation = msgspec.field(default_factory=Moderation)
    audit: Audit = msgspec.field(default_factory=Audit)
    search: Search = msgspec.field(default_factory=Search)
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
    "moderation.reload": (0.1, 3600),
    "audit.keep_days": (0, 36_500),
    "search.per_minute": (0, math.inf),
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
REDIS = ("redis://", "rediss://", "unix://")
"""The beginnings of an address of Redis."""


def _check(config: Config) -> None:
    if config.server.database and not config.server.database.startswith(DATABASES):
        raise ConfigError(f"server.database must be empty or begin with one of {', '.join(DATABASES)}.")
    if config.redis.url and not config.redis.url.startswith(REDIS):
        raise ConfigError(f"redis.url must be empty or begin with one of {', '.join(REDIS)}.")
    for proxy in config.server.trusted_proxies:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            raise ConfigError(f"server.trusted_proxies: {proxy!r} is no address and no network.") from None
    for key, (lowest, highest) in BOUNDS.items():
        value = attrgetter(key)(config)
        if not lowest <= value <= highest:
            above = "" if highest == math.inf else f" and at most {highest}"
            raise ConfigError(f"{key} must be at least {lowest}{above}, not {value}.")
