"""The door: what every HTTP exchange passes, as one ASGI middleware.

Inwards, a body has a bound, packed and unpacked: gzip is unpacked as it comes and no further than the bound, so
a few kilobytes that would become gigabytes are refused after one megabyte (C11). Outwards, an answer gets its
request id and is packed for clients that take gzip. Each exchange is counted by its route.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import zlib
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from roost.errors import MalformedInput, TooLarge, UnsupportedMedia
from roost.metrics import HTTP_REQUESTS
from roost.model import ids

WORTH_PACKING = 1024
"""Bytes of an answer from which on gzip saves more than it costs."""
PACK_IN_THREAD = 32 * 1024
"""Bytes of an answer from which on packing it would hold up the event loop for about a millisecond."""
PACK_LEVEL = 4
GZIP = 31
"""zlib's name for the gzip format with its largest window."""

Headers = list[tuple[bytes, bytes]]


class Door:
    """Wraps the application. `max_body` is in bytes."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body
        self._start = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One exchange."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        own = ids.REQUEST_ID.fullmatch(given) is not None
        request_id = given if own else f"{self._start}-{next(self._numbers):x}"
        scope["state"]["request_id"] = request_id
        answer = _Answer(send, request_id.encode(), packs=_takes_gzip(headers.get(b"accept-encoding", b"")))
        body = _Body(receive, headers, scope, self._max_body)
        try:
            await self._app(scope, body.receive, answer.send)
        finally:
            HTTP_REQUESTS.labels(scope["state"].get("route", "none"), answer.status).inc()


def allow_body(scope: Scope, size: int) -> None:
    """Lets the body of this request have so many bytes: for uploads, which stream it. Said before it is read."""
    scope["state"][_ALLOWED] = size


_ALLOWED = "max_body"


class _Body:
    """The body of a request, with its bound; errors come out of `receive`, so out of whoever reads the body."""

    def __init__(self, receive: Receive, headers: dict[bytes, bytes], scope: Scope, limit: int) -> None:
        self._receive = receive
        self._scope = scope
        self._usual = limit
        self._announced = headers.get(b"content-length", b"")
        self._encoding = headers.get(b"content-encoding", b"").strip().lower()
        self._unpacker = zlib.decompressobj(GZIP) if self._encoding in {b"gzip", b"x-gzip"} else None
        self._is_whole = False
        self._packed = 0
        self._unpacked = 0

    @property
    def _limit(self) -> int:
        return int(self._scope["state"].get(_ALLOWED, self._usual))

    async def receive(self) -> Any:
        """The next piece, unpacked. Raises `TooLarge`, `MalformedInput` or `UnsupportedMedia`."""
        if self._announced.isdigit() and int(self._announced) > self._limit:
            raise TooLarge(f"A body has at most {self._limit} bytes.")
        if self._unpacker is None and self._encoding not in {b"", b"identity"}:
            raise UnsupportedMedia("Content-Encoding must be gzip, or none.")
        message: Any = await self._receive()
        if message["type"] == "http.disconnect":
            if self._is_whole:
                return message  # whoever streams an answer wants to know
            raise MalformedInput("The request ended before its body did.")
        self._is_whole = not message.get("more_body", False)
        piece = message.get("body", b"")
        self._packed += len(piece)
        if self._packed > self._limit:
            raise TooLarge(f"A body has at most {self._limit} bytes.")
        if self._unpacker is None:
            return message
        return {**message, "body": self._unpack(piece, last=self._is_whole)}

    def _unpack(self, piece: bytes, *, last: bool) -> bytes:
        unpacker = self._unpacker
        assert unpacker is not None
        room = self._limit - self._unpacked
        try:
            found = unpacker.decompress(piece, room + 1)
        except zlib.error:
            raise MalformedInput("The body is not gzip.") from None
        self._unpacked += len(found)
        if len(found) > room:
            raise TooLarge(f"A body has at most {self._limit} bytes once it is unpacked.")
        if unpacker.unused_data or (last and self._packed and not unpacker.eof):
            raise MalformedInput("The body is not one whole gzip file.")
        return found


class _Answer:
    """An answer on its way out. Ours are one piece each; what comes in several passes through as it is."""

    def __init__(self, send: Send, request_id: bytes, *, packs: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._packs = packs
        self._start: Any = None
        self.status = 0

    async def send(self, message: Message) -> None:
        """Takes the next ASGI message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            headers: Headers = [
                *start["headers"],
                (b"x-request-id", self._request_id),
                (b"x-content-type-options", b"nosniff"),
            ]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            if whole:
                message, headers = await self._pack(message, headers)
            await self._send(cast("Message", {**start, "headers": headers}))
        await self._send(message)

    async def _pack(self, message: Any, headers: Headers) -> tuple[Any, Headers]:
        body = message["body"]
        if len(body) < WORTH_PACKING:
            return message, headers
        headers.append((b"vary", b"Accept-Encoding"))
        if not self._packs:
            return message, headers
        packed = _pack(body) if len(body) < PACK_IN_THREAD else await asyncio.to_thread(_pack, body)
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers += [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(packed))]
        return {**message, "body": packed}, headers


def _pack(body: bytes) -> bytes:
    packer = zlib.compressobj(PACK_LEVEL, zlib.DEFLATED, GZIP)
    return packer.compress(body) + packer.flush()


def _takes_gzip(accepted: bytes) -> bool:
    """Whether an `Accept-Encoding` has gzip, and not with the weight 0 (RFC 9110 §12.5.3)."""
    for choice in accepted.lower().split(b","):
        name, _, weight = choice.partition(b";")
        if name.strip() in {b"gzip", b"x-gzip"}:
            return weight.replace(b" ", b"").rstrip(b"0") not in {b"q=", b"q=0."}
    return False
