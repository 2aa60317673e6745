"""The HTTP side of the client: one request, its answer as a struct or its refusal as an error."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast

import httpx2
import msgspec

from roost.client.errors import NetworkError, refusal
from roost.client.tokens import Tokens
from roost.errors import RoostError, Unauthenticated
from roost.protocol.answers import Failure

T = TypeVar("T")

Content = Callable[[], AsyncIterator[bytes]]
"""Makes the body of a request, in pieces."""

TIMEOUT = 30.0
"""Seconds for an answer: a page of 1,000 entries over a slow line takes some."""
WORTH_PACKING = 1024
"""Bytes of a body from which on gzip saves more than it costs (C11)."""


class Success(msgspec.Struct, Generic[T]):
    """What an answer is wrapped in."""

    data: T


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Success[kind])


def http_client(url: str) -> httpx2.AsyncClient:
    """A client for addresses under `url`.

    Where there is no TLS, no certificates are read: that takes some megabytes, and the time of a short script.
    """
    return httpx2.AsyncClient(base_url=url, timeout=TIMEOUT, verify=url.startswith("https"))


class Http:
    """Calls the API at `url` (scheme, host, port) with the token in use."""

    def __init__(self, url: str, tokens: Tokens) -> None:
        self._tokens = tokens
        self._client = http_client(f"{url}/api/v1")

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()

    async def call(
        self, method: str, path: str, kind: type[T], *, body: Any = None, query: dict[str, Any] | None = None
    ) -> T:
        """One request; `kind` is the type of the answer's `data`.

        Raises `NetworkError`, or the server's refusal. Where a token is refused, another is tried once.
        """
        try:
            return await self._call(method, path, kind, body, query)
        except Unauthenticated:
            if not self._tokens.renew():
                raise
        return await self._call(method, path, kind, body, query)

    async def raw_call(
        self, method: str, path: str, kind: type[T], *, headers: dict[str, str], content: Content | None = None
    ) -> T:
        """As `call`, with headers and a body of any kind."""
        return _data(await self.raw(method, path, headers=headers, content=content), kind)

    async def raw(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, content: Content | None = None
    ) -> httpx2.Response:
        """One request with a body of any kind, made anew for each attempt; the whole answer. Raises as `call` does."""
        for last in (False, True):
            try:
                token = {"Authorization": f"Bearer {await self._tokens.get()}"}
                answer = await self._client.request(
                    method, path, content=None if content is None else content(), headers=token | (headers or {})
                )
            except httpx2.HTTPError as error:
                raise NetworkError(f"{method} {path}: {str(error) or type(error).__name__}") from error
            if answer.status_code < HTTPStatus.BAD_REQUEST:
                return answer
            refused = refusal_of(answer)
            if last or not isinstance(refused, Unauthenticated) or not self._tokens.renew():
                raise refused
        raise AssertionError  # the last attempt has returned or raised

    @asynccontextmanager
    async def stream(self, path: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of an answer as they come. Raises as `call` does, also while they come."""
        try:
            own = {"Authorization": f"Bearer {await self._tokens.get()}", "Accept-Encoding": "identity"}
            async with self._client.stream("GET", path, headers=own | headers) as answer:
                if answer.status_code >= HTTPStatus.BAD_REQUEST:
                    await answer.aread()
                    raise refusal_of(answer)
                if "Range" in headers and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                    raise NetworkError(f"GET {path}: the answer is not the part that was asked for")
                yield answer.aiter_bytes()
        except httpx2.HTTPError as error:
            raise NetworkError(f"GET {path}: {str(error) or type(error).__name__}") from error

    async def _call(self, method: str, path: str, kind: type[T], body: Any, query: dict[str, Any] | None) -> T:
        headers = {"Authorization": f"Bearer {await self._tokens.get()}"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
            if len(content) >= WORTH_PACKING:
                headers["Content-Encoding"] = "gzip"
                content = gzip.compress(content, 4)
        try:
            answer = await self._client.request(method, path, content=content, params=query, headers=headers)
        except httpx2.HTTPError as error:
            raise NetworkError(f"{method} {path}: {str(error) or type(error).__name__}") from error
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise refusal_of(answer)
        return _data(answer, kind)


def _data(answer: httpx2.Response, kind: type[T]) -> T:
    return data_of(answer.content, kind, f"{answer.request.method} {answer.request.url.path}")


def data_of(content: bytes | msgspec.Raw, kind: type[T], asked: str) -> T:
    """What an answer is wrapped around. Raises `NetworkError`, with what was `asked`, where it is another."""
    try:
        found: T = _decoder(cast("Hashable", kind)).decode(content).data
    except msgspec.DecodeError as error:
        raise NetworkError(f"{asked}: the answer is not Roost's: {error}") from error
    return found


def refusal_of(answer: httpx2.Response) -> RoostError:
    """The error that an answer tells."""
    waits = answer.headers.get("Retry-After", "")
    retry_after = float(waits) if waits.isdigit() else None
    try:
        failure = msgspec.json.decode(answer.content, type=Failure)
    except msgspec.DecodeError:  # a proxy's own page
        text = f"{answer.status_code} {answer.reason_phrase}"
        return refusal(answer.status_code * 100, text, retry_after=retry_after)
    return failed(failure, retry_after)


def failed(failure: Failure, retry_after: float | None = None) -> RoostError:
    """The error of a failure. What it says itself of how long to wait is more exact than a header."""
    exact = (failure.data or {}).get("retryAfter", retry_after)
    return refusal(failure.code, failure.message, data=failure.data, retry_after=exact, request_id=failure.request_id)
