"""Signing in with a password: a token source for users that have an account on the server."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

from roost.client.errors import NetworkError
from roost.client.http import Success, http_client, refusal_of
from roost.errors import Unauthenticated
from roost.protocol.answers import Session

_decode = msgspec.json.Decoder(Success[Session]).decode


class Password:
    """Gives tokens of one account: `Client(url, token=Password(url, "alice", "secret"), ...)`.

    The first token comes from the password, those after it from the refresh token, as long as it is good.
    """

    def __init__(self, url: str, user_id: str, password: str, *, device_id: str | None = None) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/auth"
        self._asked = {"userID": user_id, "password": password} | ({} if device_id is None else {"deviceID": device_id})
        self._session: Session | None = None

    async def __call__(self) -> str:
        """A fresh token. Raises `BadCredentials`, `NetworkError` or what else the server refuses."""
        if self._session is not None:
            try:
                return await self._enter("/refresh", {"refreshToken": self._session.refresh_token})
            except Unauthenticated:
                self._session = None
        return await self._enter("/login", self._asked)

    async def register(self, display_name: str | None = None) -> str:
        """Makes the account; returns its first token. Raises `UserExists`."""
        more = {} if display_name is None else {"displayName": display_name}
        return await self._enter("/register", self._asked | more)

    async def _enter(self, path: str, body: dict[str, Any]) -> str:
        try:
            async with http_client(self._url) as client:
                answer = await client.post(path, json=body)
        except httpx2.HTTPError as error:
            raise NetworkError(f"{path}: {str(error) or type(error).__name__}") from error
        if answer.is_error:
            raise refusal_of(answer)
        try:
            self._session = _decode(answer.content).data
        except msgspec.DecodeError as error:
            raise NetworkError(f"{path}: the answer is not Roost's: {error}") from error
        return self._session.token
