"""The settings of webhooks: who is told what, and the secrets that sign it (see `roost.config`)."""

from __future__ import annotations

import base64
import re
from typing import Literal, get_args
from urllib.parse import urlsplit

import msgspec

PREFIX = "whsec_"
"""How the secret of a webhook begins; base64 follows, of at least so many bytes:"""
SHORTEST_SECRET = 24
HOOK_NAME = re.compile(r"[A-Za-z0-9._-]{1,50}", re.ASCII)

EventKind = Literal["message", "edit", "recall", "membership", "moderation"]
"""What webhooks are told of."""


class Webhook(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A receiver of events: its `url`, and the `secrets` that sign what it gets, the newest first."""

    name: str
    url: str
    secrets: list[str]
    events: list[EventKind] = msgspec.field(default_factory=lambda: list(get_args(EventKind)))


class Webhooks(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who is told what happens. `attempts`: how often an event is sent before it is given up; `timeout` in seconds.

    `private`: whether receivers may have addresses that are not of the public internet. `at_once`: requests on their
    way to each receiver.
    """

    endpoints: list[Webhook] = msgspec.field(default_factory=list)
    attempts: int = 20
    timeout: float = 10.0
    at_once: int = 8
    private: bool = False


def secret_bytes(secret: str) -> bytes:
    """The key that the secret of a webhook stands for. Raises `ValueError` where it is none."""
    if not secret.startswith(PREFIX):
        raise ValueError(secret)
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    if len(key) < SHORTEST_SECRET:
        raise ValueError(secret)
    return key


def check_webhooks(webhooks: Webhooks) -> None:
    """Raises `ValueError` for what can't work, in words."""
    names = [endpoint.name for endpoint in webhooks.endpoints]
    for endpoint in webhooks.endpoints:
        where = repr(endpoint.name)
        if HOOK_NAME.fullmatch(endpoint.name) is None or names.count(endpoint.name) > 1:
            raise ValueError(f"{where} must be a name of its own, of 1-50 characters of A-Z a-z 0-9 . _ -")
        url = urlsplit(endpoint.url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.username is not None:
            raise ValueError(f"{where}: url must be an address such as https://example.com/hooks.")
        if not endpoint.secrets:
            raise ValueError(f"{where} needs one secret at least.")
        for secret in endpoint.secrets:
            try:
                secret_bytes(secret)
            except ValueError:
                wanted = f"{PREFIX} and base64 of {SHORTEST_SECRET} bytes or more"
                raise ValueError(f"{where}: a secret must be {wanted}; make one with `roost webhook secret`.") from None
