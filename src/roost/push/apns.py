"""Apple's push service: HTTP/2, and a token that says who is pushing.

Source: Apple, "Sending notification requests to APNs", "Establishing a token-based connection to APNs" and "Handling
notification responses from APNs".
"""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Callable
from http import HTTPStatus

import httpx2
import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from roost.config import Apns as Settings
from roost.config import ConfigError
from roost.push.connection import TIMEOUT, Connection, Unreachable
from roost.push.contract import Address, Apns, Dead, Failed, Notification, Outcome, Retry, Sent
from roost.push.http import LONGEST_REASON, retry_after
from roost.push.payload import collapse_id, fitted, identifiers
from roost.push.settings import contents, required, web_address

LARGEST_PAYLOAD = 4096
"""Bytes of a notification."""
TOKEN_AGE = 50 * 60_000
"""Milliseconds that a provider token is used: Apple refuses one of over an hour, and its clock may not be ours."""
RENEWAL_GAP = 20 * 60_000
"""Milliseconds in which Apple takes one new provider token, not more."""
DEVICE_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){1,100}")
"""It goes into the path of the request, so it must be what it says it is."""

EXPIRED = "ExpiredProviderToken"
DEAD = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic", "Unregistered", "ExpiredToken"})
"""Reasons after which Apple says not to try again: the token is of a former installation, or of another app."""
PASSING = frozenset({"IdleTimeout"})
"""Reasons with a status of 400 that are nobody's fault."""


class ApnsChannel:
    """Phones of Apple's (a `Channel`). `clock` in ms; `timeout` in seconds.

    Raises `ConfigError` where the settings can't be used: something is missing, or the key is no key.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        key_file, key_id, team_id, self._topic, url = required(
            "push.apns", settings, "key_file", "key_id", "team_id", "topic", "url"
        )
        self._provider = ProviderToken(_key(key_file), key_id, team_id, clock)
        self._devices = f"{web_address('push.apns.url', url)}/3/device"
        self._clock = clock
        self._connection = Connection(timeout=timeout, verify=verify, http1=False)

    async def send(self, address: Address, notification: Notification) -> Outcome:
        """Sends once; a provider token that has become too old is renewed first, and once."""
        assert isinstance(address, Apns)
        if not DEVICE_TOKEN.fullmatch(address.token):
            return Dead("not a device token of APNs")
        headers, content = self._headers(notification), payload(notification)
        url = f"{self._devices}/{address.token}"
        try:
            token = self._provider.current()
            response = await self._connection.post(url, content, headers | {"authorization": f"bearer {token}"})
            if reason_of(response) == EXPIRED and self._provider.renew(token):
                token = self._provider.current()
                response = await self._connection.post(url, content, headers | {"authorization": f"bearer {token}"})
        except Unreachable as error:
            return Retry(str(error))
        return outcome_of(response, self._clock())

    async def close(self) -> None:
        """Closes the connection."""
        await self._connection.close()

    def _headers(self, notification: Notification) -> dict[str, str]:
        headers = {
            "apns-topic": self._topic,
            "apns-push-type": "alert",
            "apns-priority": "10",  # now, and not when the phone likes to
            "apns-expiration": str(notification.expires_at // 1000),
            "content-type": "application/json",
        }
        if notification.collapse:
            headers["apns-collapse-id"] = collapse_id(notification.collapse)
        return headers


class ProviderToken:
    """The JWT by which Apple knows who is pushing: made when needed, used for `TOKEN_AGE`."""

    def __init__(self, key: EllipticCurvePrivateKey, key_id: str, team_id: str, clock: Callable[[], int]) -> None:
        self._key = key
        self._key_id = key_id
        self._team_id = team_id
        self._clock = clock
        self._token = ""
        self._made_at = 0
        self._renewed_at = -math.inf

    def current(self) -> str:
        """A token that should be taken."""
        now = self._clock()
        if not self._token or not 0 <= now - self._made_at < TOKEN_AGE:  # negative: the clock was set back
            claims = {"iss": self._team_id, "iat": now // 1000}
            self._token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})
            self._made_at = now
        return self._token

    def renew(self, refused: str) -> bool:
        """Whether `current` has another than the one that Apple refused as too old.

        Many sends are refused at once and one of them renews it. If the next is refused as well, this machine's clock
        is wrong, and Apple would answer a renewal with each push by taking none for some time.
        """
        if refused == self._token:
            if self._clock() - self._renewed_at < RENEWAL_GAP:
                return False
            self._renewed_at = self._clock()
            self._token = ""
        return True


def payload(notification: Notification) -> bytes:
    """The body of the request. `mutable-content` lets the app's extension change what is shown, or fetch more."""
    newest = notification.missed[-1] if notification.missed else None

    def encode(title: str, body: str) -> bytes:
        aps = {
            "alert": {"title": title, "body": body},
            "badge": notification.badge,
            "sound": "default",
            "mutable-content": 1,
        }
        if newest is None:
            return msgspec.json.encode({"aps": aps})
        return msgspec.json.encode({"aps": aps | {"thread-id": newest.conversation_id}, "roost": identifiers(newest)})

    def fits(title: str, body: str) -> bool:
        return len(encode(title, body)) <= LARGEST_PAYLOAD

    return encode(*fitted(notification.title, notification.body, fits))


class _Refusal(msgspec.Struct):
    reason: str = ""


def reason_of(response: httpx2.Response) -> str:
    """Apple's word for what is wrong; empty where nothing is, or somebody else answers."""
    try:
        return msgspec.json.decode(response.content, type=_Refusal).reason
    except ValueError:  # of msgspec, or text that is not UTF-8
        return ""


def outcome_of(response: httpx2.Response, now: int) -> Outcome:
    """What an answer of Apple's means. `now` in ms."""
    status, reason = response.status_code, reason_of(response)
    told = f"{status} {reason or response.reason_phrase}"[:LONGEST_REASON]
    if status == HTTPStatus.OK:
        return Sent(response.headers.get("apns-id", ""))
    if status == HTTPStatus.GONE or (status == HTTPStatus.BAD_REQUEST and reason in DEAD):
        return Dead(told)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR or reason in PASSING:
        return Retry(told, retry_after(response.headers.get("Retry-After"), now))
    if reason == EXPIRED:
        return Failed(f"{told}: a new provider token was refused as well; is this machine's clock right?")
    return Failed(told)


def _key(path: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(contents("push.apns.key_file", path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigError(f"push.apns.key_file: {path} is not the .p8 file of a key for APNs.")
    return key
