"""A WebSocket client that is as cheap as can be, so that a measurement is of the server and not of it.

Three savings over a usual client, all within RFC 6455 and CONTRACT §4:

- frames are masked with the key 0, which leaves the payload as it is (§5.3 asks the client for *a* key), so a
  frame is a template with numbers filled in, and many frames go out in one write;
- of what arrives, only the fields of `Frame` are decoded;
- the answer to a read (more sends, an ack) is written once, after the last frame of that read.

Nothing here reconnects or stores anything: that is the SDK's work.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jwt
import msgspec
import picows

HANDSHAKE_TIMEOUT = 60
"""Seconds; thousands connect at once, and the last must not give up before its turn."""

PADDING = "The quick brown fox jumps over the lazy dog, and back. "
"""Fills a message up to a usual length; a chat message has some fifty characters."""

NUMBER_WIDTH = 12
"""Digits at the start of a content that tell its number; decimal."""


class RefusedError(ConnectionError):
    """The server answered with an `error` frame or closed the connection; the text says which."""


class Entry(msgspec.Struct, gc=False, rename="camel"):
    """What the generator looks at in a message: of a live one, or inside a batch."""

    seq: int
    content: str


def _wire_name(name: str) -> str:
    """`message_id` is `messageID` on the wire (CONTRACT §2)."""
    first, *words = name.split("_")
    return first + "".join("ID" if word == "id" else word.title() for word in words)


class Frame(msgspec.Struct, gc=False, rename="camel"):
    """The fields of a server frame that the generator reads; others are skipped unread."""

    type: str
    seq: int = 0
    content: str = ""
    messages: tuple[Entry, ...] = ()
    through_seq: int = 0


class Message(msgspec.Struct, gc=False, rename=_wire_name):
    """A message with what identifies it, for runs that check every one."""

    seq: int
    message_id: str
    server_msg_id: str
    conversation_id: str
    conversation_seq: int
    content: str = ""


class Change(msgspec.Struct, gc=False):
    """An entry that is no message; only its place is looked at."""

    seq: int


class FullFrame(msgspec.Struct, gc=False, rename=_wire_name):
    """A server frame with the fields of `Message`, flat as the wire has them, and of `offline` and `sent`."""

    type: str
    seq: int = 0
    message_id: str = ""
    server_msg_id: str = ""
    conversation_id: str = ""
    conversation_seq: int = 0
    content: str = ""
    messages: tuple[Message, ...] = ()
    changes: tuple[Change, ...] = ()
    from_seq: int = 0
    through_seq: int = 0
    duplicate: bool = False


def text_frame(payload: bytes) -> bytes:
    """One whole client text frame, masked with the key 0; `payload` is shorter than 64 KB."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + payload


def json_frame(fields: dict[str, Any]) -> bytes:
    """`fields` as a text frame."""
    return text_frame(msgspec.json.encode(fields))


def sign(data: Path, user: str, device: str, *, lifetime: int = 86_400) -> str:
    """A token for `user` on `device`, signed with the secret in the server's data directory; seconds to live."""
    now = int(time.time())
    claims = {"sub": user, "did": device, "jti": uuid.uuid4().hex, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, (data / "jwt.secret").read_bytes().strip(), algorithm="HS256")


class Template:
    """The send frames of one sender to one receiver: all of one length, the n-th differs in its number only.

    The message ids have the form and the length of a UUIDv7 and end in the number.
    """

    def __init__(self, kind: str, to: str, sender: int, *, padding: str = PADDING) -> None:
        stamp = f"{time.time_ns() // 1_000_000:012x}"
        self.id_prefix = f"{stamp[:8]}-{stamp[8:]}-7{sender >> 12 & 0xFFF:03x}-8{sender & 0xFFF:03x}-"
        fields = {"type": kind, "to": to, "messageID": self.id_prefix + "\0", "content": "\1" + padding}
        body = json.dumps(fields, separators=(",", ":")).replace("%", "%%")
        self._pattern = body.replace("\\u0000", "%012x").replace("\\u0001", "%012d").encode()
        sample = self._pattern % (0, 0)
        self._pattern = text_frame(sample)[: -len(sample)].replace(b"%", b"%%") + self._pattern

    def frames(self, numbers: Iterable[int]) -> bytes:
        """The frames of these numbers, to be written as one."""
        pattern = self._pattern
        return b"".join([pattern % (n, n) for n in numbers])

    def message_id(self, number: int) -> str:
        """The messageID of that frame."""
        return f"{self.id_prefix}{number:012x}"


class Connection(picows.WSListener):
    """One authenticated WebSocket. What arrives after `ready` goes to `received`, which a subclass writes.

    With `last_seq` it follows the log from there (CONTRACT §4). `closed` is done when the connection has ended,
    and holds the reason if it ended by a refusal or by an exception raised in `received`.
    """

    decode: Callable[[bytes], Any] = staticmethod(msgspec.json.Decoder(Frame).decode)
    """What a frame becomes for `received`; a subclass that needs more fields sets another."""

    def __init__(self, token: str, *, last_seq: int | None = None) -> None:
        fields = {"type": "auth", "token": token}
        self._auth = json_frame(fields if last_seq is None else {**fields, "lastSeq": last_seq})
        self._greeted = False
        self._failure: Exception | None = None
        self._transport: Any = None
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.write: Any = None

    async def connect(self, port: int, *, read_buffer: int = 4096) -> dict[str, Any]:
        """Connects and authenticates; returns the `ready` frame."""
        await picows.ws_connect(
            lambda: self,
            f"ws://127.0.0.1:{port}/ws",
            websocket_handshake_timeout=HANDSHAKE_TIMEOUT,
            read_buffer_init_size=read_buffer,
            use_aiofastnet=False,  # under uvloop it may never tell that a connection was reset
        )
        return await self.ready

    def received(self, frame: Any, last: bool) -> None:  # noqa: FBT001 - called for every frame; no keywords
        """Takes one frame; `last` tells that nothing more of this read follows."""

    def send(self, fields: dict[str, Any]) -> None:
        """Writes one frame."""
        self.write(json_frame(fields))

    def fail(self, reason: Exception) -> None:
        """Ends the connection for this reason."""
        self._failure = self._failure or reason
        self._transport.disconnect(False)

    async def close(self) -> None:
        """Closes as a well-behaved client does, and waits until it is done."""
        if not self._transport.is_disconnected:
            self._transport.send_close(picows.WSCloseCode.OK)
            await self._transport.wait_disconnected()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Authenticates."""
        self._transport = transport
        self.write = transport.underlying_transport.write
        self.write(self._auth)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:  # noqa: ARG002
        """Decodes and hands on; whatever goes wrong ends the connection and is kept as the reason."""
        payload = frame.get_payload_as_bytes()
        try:
            if payload[:1] != b"{":
                self._controlled(frame, payload)
            elif self._greeted:
                decoded = self.decode(payload)
                if decoded.type == "error":
                    self.refused(json.loads(payload))
                else:
                    self.received(decoded, frame.last_in_buffer)
            else:
                self._greet(json.loads(payload))
        except Exception as reason:  # noqa: BLE001 - picows would log it and go on
            self.fail(reason)

    def refused(self, error: dict[str, Any]) -> None:
        """An `error` frame. A benchmark expects none."""
        raise RefusedError(f"{error.get('error')}: {error.get('message')}")

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:  # noqa: ARG002
        """Tells whoever waits."""
        reason = self._failure or RefusedError("the server closed the connection")
        if not self.ready.done():
            self.ready.set_exception(reason)
            self.ready.exception()  # retrieved: nobody may be waiting yet
        if not self.closed.done():
            if self._failure is None:
                self.closed.set_result(None)
            else:
                self.closed.set_exception(self._failure)
                self.closed.exception()  # retrieved: a waiter still gets it, and nobody else must

    def _greet(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "error":
            self.refused(frame)
        if frame["type"] != "ready":
            raise RefusedError(f"the first frame is {frame['type']}, not ready")
        self._greeted = True
        self.ready.set_result(frame)

    def _controlled(self, frame: picows.WSFrame, payload: bytes) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            code = int.from_bytes(payload[:2], "big")
            if code >= 4000:
                raise RefusedError(f"closed with {code} {payload[2:].decode()}")
            self._transport.disconnect(False)
