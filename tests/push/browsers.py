"""A push service and a browser behind it: HTTPS in this process, and the keys that only a browser has."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from typing import Any, NamedTuple

import http_ece
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from roost.push.contract import Keys, WebPush
from roost.push.vapid import base64url, public_point
from tests.push.certificates import Tls


class Received(NamedTuple):
    """A request of a server that pushes; names of headers in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes


class PushService:
    """Answers each request with `answer`, a status and headers and a body; None leaves it without an answer."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str], bytes] | None = (201, {"Location": "/messages/1"}, b"")
        self.requests: list[Received] = []
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, tls: Tls, port: int = 0) -> None:
        """Listens on this machine, with TLS."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls.server)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hangs up on everyone."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def endpoint(self, host: str = "localhost") -> str:
        """An address that a browser may be given."""
        return f"https://{host}:{self.port}/push/abc?d=1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.requests.append(await self._read(reader))
                if self.answer is None:
                    continue
                status, headers, body = self.answer
                sent = {"Content-Length": str(len(body))} | headers
                lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in sent.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
        self._writers.discard(writer)  # what is closed twice can't be aborted
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return Received(first.split(" ")[1], headers, await reader.readexactly(int(headers["content-length"])))


class Browser:
    """A subscription, and what reads the pushes to it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = secrets.token_bytes(16)

    def address(self, endpoint: str) -> WebPush:
        """The subscription at `endpoint`, as `PushSubscription.toJSON()` gives it."""
        point = public_point(self._key.public_key())
        return WebPush(endpoint=endpoint, keys=Keys(p256dh=base64url(point), auth=base64url(self._auth)))

    def read(self, request: Received) -> Any:
        """What a push says (RFC 8291 §4)."""
        plain = http_ece.decrypt(request.body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        return msgspec.json.decode(plain)


def vapid_claims(request: Received, audience: str) -> dict[str, Any]:
    """The claims by which a push service knows who pushes, verified with the key beside them (RFC 8292 §4)."""
    fields = dict(field.split("=", 1) for field in request.headers["authorization"].removeprefix("vapid ").split(", "))
    point = base64.urlsafe_b64decode(fields["k"] + "=")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims: dict[str, Any] = jwt.decode(
        fields["t"], key, algorithms=["ES256"], audience=audience, options={"require": ["aud", "exp", "sub"]}
    )
    return claims | {"key": fields["k"]}
