"""One WebSocket as messages in and messages out: what RFC 6455 leaves to the application, and back-pressure.

What is sent within one turn of the event loop leaves in one write: the receipts and deliveries of a whole commit
are one system call per connection. A client that does not read what it is sent, or sends faster than it is
answered, is not read from: its memory here is bounded (promise 4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, cast

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from roost.edge.address import Proxies
from roost.protocol.close import CloseCode

MAX_TURN = 256 * 1024
"""Bytes written to one connection in one turn of the event loop before it counts as full."""
CLOSE_TIMEOUT = 2.0
"""Seconds a client has to answer a close frame."""
COPIED = 8192
"""Bytes of a payload up to which picows (2.3.1) copies what it is given. Of a longer one it hands the transport a view
of a header that the next frame overwrites: with both waiting in a full buffer, the client reads a wrong length."""
TEXT, BINARY = 1, 2
"""Opcodes (RFC 6455 §11.8)."""
LENGTH_16, LENGTH_64 = 126, 1 << 16
"""Payload sizes from which a frame's header has a 16-bit and a 64-bit length (RFC 6455 §5.2)."""


Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Turn(NamedTuple):
    """What the sockets of a node share: the loop, the list of those to flush, the size of a message, our proxies.

    `spawn` runs something beside; a failure of it is logged.
    """

    loop: asyncio.AbstractEventLoop
    spawn: Spawn
    has_output: Callable[[Socket], None]
    max_frame: int
    proxies: Proxies


class Socket(WSListener):
    """A connection's bytes. Who uses it overrides `opened`, `message`, `gone`, `full` and `room`."""

    __slots__ = (
        "_closing",
        "_out",
        "_partial",
        "_paused",
        "_transport",
        "_turn",
        "_written",
        "address",
        "heard",
        "writable",
    )

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._transport: WSTransport | None = None
        self._partial: tuple[int, bytearray] | None = None
        self._out: list[tuple[int, bytes]] = []
        self._written = 0
        self._paused = False
        self._closing = False
        self.writable = True
        self.heard = turn.loop.time()
        """When the client was last heard of, in the loop's seconds."""
        self.address = ""
        """Where the client is, for limits; known once it is connected."""

    # --- to be overridden ---

    def opened(self) -> None:
        """The upgrade is done."""

    def message(self, opcode: int, data: bytes) -> None:
        """A whole message, TEXT or BINARY."""

    def gone(self) -> None:
        """The connection is over, whoever ended it."""

    def full(self) -> None:
        """The buffer is full: what is written from now on piles up."""

    def room(self) -> None:
        """The buffer has room again."""

    # --- picows' listener ---

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done. Its headers are kilobytes that nobody asks for again."""
        self._transport = transport
        peer = transport.underlying_transport.get_extra_info("peername")
        forwarded = transport.request.headers.getall("X-Forwarded-For", ())
        self.address = self._turn.proxies.client(peer[0] if isinstance(peer, tuple) else "", forwarded)
        for handshake in (transport.request, transport.response):
            handshake.headers.clear()
        self.opened()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        """The connection is over: nothing is read from a log for it any more."""
        self._closing = True
        self.writable = False
        self.gone()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame; a message may be several (RFC 6455 §5.4), up to the size of one."""
        kind = frame.msg_type
        self.heard = self._turn.loop.time()
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(CloseCode.BAD_FRAMES, "no extension was negotiated")
        elif kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            opcode = TEXT if kind is WSMsgType.TEXT else BINARY
            if self._partial is not None:
                self.close(CloseCode.BAD_FRAMES, "expected a continuation")
            elif not frame.fin:
                self._partial = (opcode, bytearray(frame.get_payload_as_bytes()))
            elif not self._closing:
                self.message(opcode, frame.get_payload_as_bytes())
        elif kind is WSMsgType.CONTINUATION:
            self._continue(frame)
        elif kind is WSMsgType.PING:
            if not self._closing:
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            self._closing = True
            code = frame.get_close_code()
            self.flush()
            transport.send_close(WSCloseCode.OK if code is WSCloseCode.NO_INFO else code)
            transport.disconnect()

    def _continue(self, frame: WSFrame) -> None:
        if self._partial is None:
            self.close(CloseCode.BAD_FRAMES, "nothing to continue")
            return
        opcode, parts = self._partial
        parts += frame.get_payload_as_bytes()
        if len(parts) > self._turn.max_frame:
            self.close(CloseCode.TOO_BIG, f"at most {self._turn.max_frame} bytes")
        elif frame.fin:
            self._partial = None
            if not self._closing:
                self.message(opcode, bytes(parts))

    def pause_writing(self) -> None:
        """The transport's buffer is over its high mark."""
        self.writable = False
        self.full()

    def resume_writing(self) -> None:
        """The transport's buffer is below its low mark."""
        self.writable = True
        self.room()

    # --- out ---

    def write(self, opcode: int, payload: bytes) -> None:
        """Sends a message, at the end of this turn of the event loop."""
        out = self._out
        if not out:
            self._turn.has_output(self)
        self._written += len(payload)
        out.append((opcode, payload))

    @property
    def turn_is_full(self) -> bool:
        """Whether enough was written in this turn."""
        return self._written > MAX_TURN

    def flush(self) -> None:
        """Writes what was sent in this turn."""
        out, self._out, turn_was_full, self._written = self._out, [], self.turn_is_full, 0
        transport = self._transport
        if out and transport is not None and not (transport.is_disconnected or transport.is_close_frame_sent):
            opcode, payload = out[0]
            if len(out) == 1 and len(payload) <= COPIED:  # picows has the shorter way to the kernel
                transport.send(WSMsgType.TEXT if opcode == TEXT else WSMsgType.BINARY, payload)
            else:
                framed = [part for opcode, payload in out for part in (frame_header(opcode, len(payload)), payload)]
                transport.underlying_transport.write(b"".join(framed))
        if turn_was_full and self.writable:
            self.room()

    def pause_reading(self, pause: bool) -> None:  # noqa: FBT001 - says itself what it means
        """Stops or goes on taking what the client sends."""
        transport = self._transport
        if pause is not self._paused and transport is not None and not transport.is_disconnected:
            self._paused = pause
            (transport.underlying_transport.pause_reading if pause else transport.underlying_transport.resume_reading)()

    def ping(self) -> None:
        """Asks a silent client whether it is there (RFC 6455 §5.5.2)."""
        self.flush()
        if self._transport is not None:
            self._transport.send_ping()

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken from this connection."""
        return self._closing

    def close(self, code: int, reason: str) -> None:
        """Ends the connection, after what was sent has left; the client has a moment to answer."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        self.flush()
        self._transport.send_close(cast("WSCloseCode", code), reason[:120].encode())
        self._turn.loop.call_later(CLOSE_TIMEOUT, self._transport.disconnect, False)


def frame_header(opcode: int, size: int) -> bytes:
    """The header of an unmasked, unfragmented frame from the server (RFC 6455 §5.2)."""
    if size < LENGTH_16:
        return bytes((0x80 | opcode, size))
    if size < LENGTH_64:
        return bytes((0x80 | opcode, LENGTH_16, size >> 8, size & 255))
    return bytes((0x80 | opcode, LENGTH_16 + 1)) + size.to_bytes(8, "big")
