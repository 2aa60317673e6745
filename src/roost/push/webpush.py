"""Browsers: Web Push (RFC 8030), encrypted for the browser alone (RFC 8291), signed by this server (RFC 8292).

What the push service in between gets to see: when, how much, and a topic that tells it nothing. What is in the
notification, only the browser can read.

The endpoint is an address that a user gave. It is called by https only, on the public internet only
(`roost.push.internet`), redirects are not followed, and little of an answer is read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import http_ece  # type: ignore[import-untyped]
import httpcore2
import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from roost.config import WebPush as Settings
from roost.errors import InvalidInput
from roost.push.addresses import Subscriber, subscriber
from roost.push.contract import Address, Dead, Failed, Notification, Outcome, Retry, Sent, WebPush
from roost.push.http import LONGEST_REASON, retry_after
from roost.push.internet import Internet, NotPublic
from roost.push.payload import fitted, identifiers
from roost.push.text import one_line
from roost.push.vapid import Vapid, base64url

TIMEOUT = 10.0
"""Seconds for a push, all in all; half of them to connect."""
CONNECTIONS = 100
"""Open at once: an endpoint that never answers holds one for as long as it may."""
IDLE_CONNECTIONS, IDLE_SECONDS = 20, 60.0
"""Kept for the next push, and how long. There are a handful of push services."""
LARGEST_PAYLOAD = 3072
"""Bytes before encryption. A push service must take 4,096 encrypted (RFC 8030 §7.2), of which 103 are not ours."""
LONGEST_TTL = 28 * 86400
"""Seconds that push services keep a message at most; some refuse more."""
TOPIC_BYTES = 24
"""32 characters of base64url, the most that a topic may have (RFC 8030 §5.4)."""
LARGEST_ANSWER = 1024
"""Bytes of an answer that are read: what a refusal says about itself."""
LONGEST_DETAIL = 500
"""Characters of the address that a push service gave the message."""

ACCEPTED = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED})
GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""The subscription is no more (RFC 8030 §7.3)."""
PATIENCE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebPushChannel:
    """Browsers (a `Channel`). `data` is the data directory, `clock` in ms, `timeout` in seconds.

    `vapid.public_key` is what they subscribe with. `loopback`, for tests, lets endpoints be on this machine.
    Raises `ConfigError` where the settings or the key file can't be used.
    """

    def __init__(
        self,
        settings: Settings,
        data: Path,
        clock: Callable[[], int],
        *,
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | bool = True,
        loopback: bool = False,
    ) -> None:
        self.vapid = Vapid.open(settings, data)
        self._clock = clock
        self._timeout = timeout
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(verify=verify),
            max_connections=CONNECTIONS,
            max_keepalive_connections=IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Internet(loopback=loopback),
        )

    async def send(self, address: Address, notification: Notification) -> Outcome:
        """Sends once, in time; what the network does is a `Retry`, what the push service says its outcome."""
        assert isinstance(address, WebPush)
        try:
            receiver = subscriber(address)
        except InvalidInput as error:  # checked when it was given; such an address was never one
            return Dead(str(error))
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(receiver, notification)
        except NotPublic as error:
            return Failed(str(error))
        except TimeoutError:
            return Retry(f"no answer within {self._timeout:g} s")
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            return Retry(f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Closes its connections."""
        await self._pool.aclose()

    async def _post(self, receiver: Subscriber, notification: Notification) -> Outcome:
        now = self._clock()
        headers = {
            "Host": receiver.origin.removeprefix("https://"),
            "Authorization": self.vapid.authorization(receiver.origin, now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(min(max(0, (notification.expires_at - now) // 1000), LONGEST_TTL)),
            "Urgency": "high",
        }
        if notification.collapse:
            headers["Topic"] = topic(receiver, notification.collapse)
        async with self._pool.stream(
            "POST",
            receiver.endpoint,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=encrypt(payload(notification), receiver),
            extensions={"timeout": {"connect": self._timeout / 2}},
        ) as response:
            body = await _beginning(response)
        answered = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        return outcome(response.status, answered, body, now)


def payload(notification: Notification) -> bytes:
    """What the service worker gets, as JSON; it names the newest message, except in a test push.

    The body, and then the title, give way to make it `LARGEST_PAYLOAD` bytes.
    """
    rest = {"badge": notification.badge, "tag": notification.collapse}
    if notification.missed:
        rest |= identifiers(notification.missed[-1])

    def encode(title: str, body: str) -> bytes:
        return msgspec.json.encode({"title": title, "body": body} | rest)

    def fits(title: str, body: str) -> bool:
        return len(encode(title, body)) <= LARGEST_PAYLOAD

    return encode(*fitted(notification.title, notification.body, fits))


def encrypt(content: bytes, receiver: Subscriber) -> bytes:
    """`content` for the eyes of one browser: one record, with a key of its own (RFC 8291 §3)."""
    encrypted: bytes = http_ece.encrypt(
        content,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=receiver.point,
        auth_secret=receiver.auth,
        version="aes128gcm",
    )
    return encrypted


def topic(receiver: Subscriber, collapse: str) -> str:
    """The topic under which a message replaces an older one that still waits (RFC 8030 §5.4).

    Keyed with the browser's secret: the push service does not learn which conversation it is.
    """
    return base64url(hmac.digest(receiver.auth, collapse.encode(), hashlib.sha256)[:TOPIC_BYTES])


def outcome(status: int, headers: Mapping[str, str], body: bytes, now: int) -> Outcome:
    """What an answer of a push service means; names of `headers` in small letters, `now` in milliseconds.

    401 and 403 say that the server's token or key is not the one the subscription is tied to (RFC 8292 §4.2). That
    is `Failed`, although such a subscription may never work again: a wrong clock or a key file put back from another
    server gives the same answer for everyone, and taking the addresses of all users away could not be undone.
    A redirect is `Failed`, too: it is not followed.
    """
    said = one_line(f"{status} {body.decode(errors='replace')}", LONGEST_REASON)
    if status in ACCEPTED:
        return Sent(headers.get("location", "")[:LONGEST_DETAIL])
    if status in GONE:
        return Dead(said)
    if status in PATIENCE or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(said, retry_after(headers.get("retry-after"), now))
    return Failed(said)


async def _beginning(response: httpcore2.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_stream():
        content += chunk
        if len(content) >= LARGEST_ANSWER:
            break
    return content[:LARGEST_ANSWER]
