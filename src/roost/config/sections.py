"""The sections of the settings, each a struct with its defaults. `config.yaml` in the repository explains every key."""

from __future__ import annotations

from typing import Literal

import msgspec


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A section of the settings."""


class Server(Section, kw_only=True):
    """Where to listen and keep data. `origins`: pages that may connect; `*` is any, `self` this host.

    `images`: the https origins of other hosts whose pictures the page shows.

    `trusted_proxies`: addresses or networks whose `X-Forwarded-For` is believed.

    `database`: the address of a database server; empty is a SQLite file in the data directory. `drain`: seconds for
    which a node that is told to stop still serves everybody, while `/readyz` tells balancers to send nobody.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    data: str = "data"
    database: str = ""
    origins: list[str] = msgspec.field(default_factory=lambda: ["self"])
    images: list[str] = msgspec.field(default_factory=list)
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

    `max_pins`: pinned messages of a conversation. `read_receipts_members`: up to how many members of a group all are
    told of each other's read marks by their logs.
    """

    edit_window: int = 86400
    recall_window: int = 120
    max_pins: int = 50
    read_receipts_members: int = 20


class Admin(Section, kw_only=True):
    """What back ends do (D9). `system_user`: the user id that the server's own messages come from."""

    system_user: str = "system"


class S3(Section, kw_only=True):
    """A bucket of an S3-compatible store. `endpoint` empty is Amazon's own; `prefix` begins every key in the bucket.

    Without `access_key` the usual variables of the environment, and the machine's role, are looked at.
    """

    bucket: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = None
    prefix: str = ""


class Files(Section, kw_only=True):
    """Files and pictures (D9). Sizes in bytes; `quota`: for all files of a user, 0 sets none.

    `unused_ttl`: seconds after which what nothing uses is removed. `keep_free`: what uploads leave free on the
    disk. `thumbnail`: the longer side in pixels. `types` and `refused_types`: media types, `*` stands for anything.
    """

    store: Literal["local", "s3"] = "local"
    folder: str = ""
    max_size: int = 100 << 20
    quota: int = 2 << 30
    uploads_per_minute: int = 60
    unused_ttl: int = 86400
    keep_free: int = 1 << 30
    max_pixels: int = 50_000_000
    thumbnail: int = 512
    types: list[str] = msgspec.field(default_factory=lambda: ["*"])
    refused_types: list[str] = msgspec.field(default_factory=list)
    s3: S3 = msgspec.field(default_factory=S3)


class Fanout(Section, kw_only=True):
    """`max_members`: members of a group whose messages are written to each member's log when they are sent.

    A larger group has a log of its own, from which its members' logs are filled when they come.
    """

    max_members: int = 2000


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
