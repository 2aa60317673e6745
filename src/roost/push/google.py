"""Who is asking: a service account of Google's, and the access tokens that it is given (RFC 7523).

Source: Google, "Using OAuth 2.0 for server to server applications".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

import httpx2
import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from roost.config import ConfigError
from roost.push.connection import Connection, Unreachable
from roost.push.contract import Failed, Retry
from roost.push.http import LONGEST_REASON, retry_after
from roost.push.settings import contents, web_address

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_AGE = 3600
"""Seconds for which an assertion is good: the most that Google takes."""
MARGIN = 60_000
"""Milliseconds before its end in which an access token is not used any more."""


class ServiceAccount(msgspec.Struct, frozen=True):
    """The file that Google gives for a service account; what of it is needed."""

    project_id: str
    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

    @classmethod
    def read(cls, setting: str, path: str) -> ServiceAccount:
        """The account in the file that `setting` names. Raises `ConfigError`."""
        try:
            account = msgspec.json.decode(contents(setting, path), type=cls)
        except ValueError as error:  # of msgspec, or text that is not UTF-8
            raise ConfigError(f"{setting}: {path} is not the JSON file of a service account: {error}.") from None
        web_address(f"{setting}: the token_uri of {path}", account.token_uri)
        return account

    def key(self, setting: str) -> RSAPrivateKey:
        """What it signs with. Raises `ConfigError`."""
        try:
            key = load_pem_private_key(self.private_key.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise ConfigError(f"{setting}: the private_key of {self.client_email} is not an RSA key.")
        return key


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int = 3600


class _Denied(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class AccessToken:
    """The token that Google takes with each message: fetched when needed, by one for all who wait, and kept."""

    def __init__(
        self, account: ServiceAccount, key: RSAPrivateKey, connection: Connection, clock: Callable[[], int]
    ) -> None:
        self._account = account
        self._key = key
        self._connection = connection
        self._clock = clock
        self._token = ""
        self._good_until = 0
        self._fetching: asyncio.Task[str | Retry | Failed] | None = None

    async def get(self) -> str | Retry | Failed:
        """The token, or why there is none. A caller who is cancelled leaves the others waiting for theirs."""
        if self._token and self._clock() < self._good_until:
            return self._token
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._fetching)

    def forget(self, refused: str) -> None:
        """Drops the token that was refused, unless another has been fetched meanwhile."""
        if refused == self._token:
            self._token = ""

    async def close(self) -> None:
        """Ends a fetch."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _fetch(self) -> str | Retry | Failed:
        form = urlencode({"grant_type": GRANT, "assertion": self._assertion()}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        try:
            return self._keep(await self._connection.post(self._account.token_uri, form, headers))
        except Unreachable as error:
            return Retry(f"access token: {error}")
        finally:
            self._fetching = None

    def _assertion(self) -> str:
        now = self._clock() // 1000
        claims = {
            "iss": self._account.client_email,
            "scope": SCOPE,
            "aud": self._account.token_uri,
            "iat": now,
            "exp": now + ASSERTION_AGE,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._account.private_key_id})

    def _keep(self, response: httpx2.Response) -> str | Retry | Failed:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            after = retry_after(response.headers.get("Retry-After"), self._clock())
            return Retry(f"access token: {status} {response.reason_phrase}", after)
        try:
            if status != HTTPStatus.OK:
                denied = msgspec.json.decode(response.content, type=_Denied)
                told = f"access token: {status} {denied.error}: {denied.error_description}"
                return Failed(told[:LONGEST_REASON])
            granted = msgspec.json.decode(response.content, type=_Granted)
        except ValueError:  # not Google's answer: a proxy's, or a page that wants a login
            return Retry(f"access token: {status}, and the answer can't be read")
        self._token = granted.access_token
        self._good_until = self._clock() + granted.expires_in * 1000 - MARGIN
        return self._token
