"""Values of the right type that can't work: what settings are bounded by, and what addresses look like."""

from __future__ import annotations

import math
import re
from ipaddress import ip_network
from operator import attrgetter
from typing import TYPE_CHECKING

from roost.config.errors import SettingError
from roost.config.sections import Server
from roost.config.webhooks import check_webhooks

if TYPE_CHECKING:
    from roost.config import Config

LARGEST = 2**31 - 1
"""What `ready` can tell in Protobuf."""
LARGEST_BATCH = 100
"""Entries in one batch on a socket (A6)."""

BOUNDS: dict[str, tuple[float, float]] = {
    "server.port": (0, 65535),
    "server.readers": (1, 64),
    "server.drain": (0, 600),
    "limits.messages_per_minute": (0, math.inf),
    "limits.bot_messages_per_minute": (0, math.inf),
    "limits.device_messages_per_minute": (0, math.inf),
    "limits.address_messages_per_minute": (0, math.inf),
    "limits.login_attempts_per_minute": (0, math.inf),
    "limits.max_content": (1, LARGEST),
    "limits.max_frame": (1024, LARGEST),
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
    "sync.window": (1, LARGEST),
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
NO_HOST = frozenset({"self", "*", "null"})
"""What `server.origins` may name that is no scheme and host."""
PAGE = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#A-Z]*")
"""An origin as a browser or an app's web view sends it: in small letters, without a path (RFC 6454 §6.2)."""
REDIS = ("redis://", "rediss://", "unix://")
"""The beginnings of an address of Redis."""


def check_settings(config: Config) -> None:
    """Raises `SettingError` for values of the right type that can't work."""
    if config.server.database and not config.server.database.startswith(DATABASES):
        raise SettingError("server.database", f"must be empty or begin with one of {', '.join(DATABASES)}.")
    if config.redis.url and not config.redis.url.startswith(REDIS):
        raise SettingError("redis.url", f"must be empty or begin with one of {', '.join(REDIS)}.")
    if config.files.store == "s3" and not config.files.s3.bucket:
        raise SettingError("files.s3.bucket", "must be named where files.store is s3.")
    _check_hosts(config.server)
    try:
        check_webhooks(config.webhooks)
    except ValueError as error:
        raise SettingError("webhooks.endpoints", f"can't be used: {error}") from None
    for key, (lowest, highest) in BOUNDS.items():
        value = attrgetter(key)(config)
        if not lowest <= value <= highest:
            above = "" if highest == math.inf else f" and at most {highest}"
            raise SettingError(key, f"must be at least {lowest}{above}, not {value}.")


def _check_hosts(server: Server) -> None:
    for origin in server.origins:
        if origin not in NO_HOST and not PAGE.fullmatch(origin):
            raise SettingError(
                "server.origins", f"has {origin!r}, which is no origin such as https://chat.example.com, nor self or *."
            )
    for origin in server.images:
        if not ORIGIN.fullmatch(origin):
            raise SettingError(
                "server.images", f"has {origin!r}, which is no origin such as https://stickers.example.com."
            )
    for proxy in server.trusted_proxies:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            raise SettingError(
                "server.trusted_proxies", f"has {proxy!r}, which is no address and no network."
            ) from None
