"""One WebSocket from the client's side: frames out, frames in, and how it ended. It stores and repeats nothing."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import picows

from roost.client.errors import NetworkError
from roost.client.frames import ServerFrame, decode_server_frame
from roost.protocol.codec import encode_json
from roost.protocol.frames import ClientFrame

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for TCP, TLS and the upgrade."""
IDLE, REPLY = 25.0, 20.0
"""Seconds of silence before the server is pinged, and for its answer: a dead line is noticed within their sum."""
NO_CLOSE_FRAME = 1006
"""The code of a connection that broke (RFC 6455 §7.1.5)."""
CLOSED_HERE = 1000
"""The code of a connection that we closed in good order."""
SUBPROTOCOL = "roost.v1.json"

logger = logging.getLogger("roost.client.link")


class Ending(NamedTuple):
    """How a connection ended: the server's close code, or 1006."""

    code: int
    reason: str


class Link(picows.WSListener):
    """A connection. `receive` is called for every frame, on the event loop; it must not wait."""

    def __init__(self, receive: Callable[[ServerFrame], None]) -> None:
        self._receive = receive
        self._transport: picows.WSTransport | None = None
        self._partial: bytearray | None = None
        self._code, self._reason = NO_CLOSE_FRAME, "the connection broke"
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def open(self, url: str) -> None:
        """Connects to the server at `url` (http or https). Raises `NetworkError`."""
        address = f"ws{url.removeprefix('http')}/ws"
        try:
            await picows.ws_connect(
                lambda: self,
                address,
                websocket_handshake_timeout=HANDSHAKE_TIMEOUT,
                logger_name=logger,
                enable_auto_ping=True,
                auto_ping_idle_timeout=IDLE,
                auto_ping_reply_timeout=REPLY,
                extra_headers={"Sec-WebSocket-Protocol": SUBPROTOCOL},
            )
        except (OSError, picows.WSError, TimeoutError) as error:
            raise NetworkError(f"{_said(error)} ({address})") from error
        if self._transport is None:  # picows returns as well where the connection ended before the upgrade
            raise NetworkError(f"the connection was closed before it was open ({address})")

    @property
    def is_open(self) -> bool:
        """Whether frames may be sent."""
        return self._transport is not None and not self.ended.done()

    def send(self, frame: ClientFrame) -> bool:
        """Sends a frame; False where the connection is over."""
        if self._transport is None or self.ended.done():
            return False
        self._transport.send(picows.WSMsgType.TEXT, encode_json(frame))
        return True

    async def close(self) -> None:
        """Closes in good order; waits a moment for the server's answer."""
        if self._transport is None or self.ended.done():
            return
        self._code, self._reason = CLOSED_HERE, "closed by the client"
        self._transport.send_close(picows.WSCloseCode.OK)
        try:
            async with asyncio.timeout(1.0):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self.drop("the server did not answer the close")

    def drop(self, reason: str) -> None:
        """Ends the connection at once."""
        if self._transport is not None and not self.ended.done():
            self._reason = reason
            self._transport.disconnect(False)

    # --- picows' listener ---

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """The upgrade is done."""
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """One frame. What can't be read ends the connection: going on would leave something out."""
        kind = frame.msg_type
        if kind is picows.WSMsgType.CLOSE:
            self._closed_by_server(frame.get_payload_as_bytes())
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
            return
        if kind is picows.WSMsgType.CONTINUATION and self._partial is not None:
            self._partial += frame.get_payload_as_bytes()
            if frame.fin:
                payload, self._partial = bytes(self._partial), None
                self._take(payload)
        elif kind is picows.WSMsgType.TEXT:
            if frame.fin:
                self._take(frame.get_payload_as_bytes())
            else:
                self._partial = bytearray(frame.get_payload_as_bytes())

    def _closed_by_server(self, payload: bytes) -> None:
        if self._code == CLOSED_HERE:  # the answer to ours
            return
        self._code = int.from_bytes(payload[:2], "big") or NO_CLOSE_FRAME
        self._reason = payload[2:].decode(errors="replace") or f"closed with {self._code}"

    def _take(self, payload: bytes) -> None:
        try:
            frame = decode_server_frame(payload)
            if frame is not None:
                self._receive(frame)
        except msgspec.DecodeError:
            logger.exception("a frame can't be read")
            self.drop("a frame could not be read")
        except Exception:
            logger.exception("a frame could not be handled")
            self.drop("a frame could not be handled")

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:  # noqa: ARG002 - picows' signature
        """It is over."""
        if not self.ended.done():
            self.ended.set_result(Ending(self._code, self._reason))


def _said(error: Exception) -> str:
    """What went wrong, as a person says it: asyncio's own words name the call and the number."""
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
