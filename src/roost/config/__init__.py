"""The settings: defaults < `config.yaml` < environment (`ROOST_SECTION__KEY`) < flags (CONTRACT §1).

Each section is a struct of `roost.config.sections`. An unknown key or a value of the wrong type is a `ConfigError` that
names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from roost.config.checks import LARGEST_BATCH, check_settings
from roost.config.environment import take
from roost.config.errors import ConfigError, SettingError
from roost.config.file import sections
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
from roost.config.webhooks import Webhooks

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
    try:
        config = msgspec.convert(sections(path) if path else {}, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_with_key(error)}") from None
    variables = take(config, environment)
    try:
        check_settings(config)
    except SettingError as error:
        blamed = variables.get(error.key) or path
        raise ConfigError(f"{blamed}: {error}" if blamed else str(error)) from None
    return config


def _with_key(error: msgspec.ValidationError) -> str:
    return str(error).replace("Object contains unknown field", "unknown key").replace("`$.", "`")
