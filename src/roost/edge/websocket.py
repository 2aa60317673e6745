"""WebSocket inside uvicorn: a thin adapter that gives picows' protocol the shape uvicorn expects (decision 0002).

uvicorn speaks HTTP on the port; when a request asks for an upgrade it makes this protocol, hands it the request
as bytes and then the transport. What the adapter adds to picows: the constructor, `data_received` for those
bytes, a `Connection` header as picows wants it, and `shutdown`, which uvicorn calls when the server ends.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Protocol

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not public

READ_BUFFER = 2048
"""Bytes of read buffer a connection starts with: most of what an idle connection costs. It grows as needed."""

_CONNECTION = re.compile(rb"(?im)^connection:[^\r\n]*")


class _Quiet:
    """A logger that costs nothing: picows would make and keep a child of a real one for every connection."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the name logging gives it
        return False

    def _ignore(self, *_: Any, **__: Any) -> None:
        """What happens on a connection is counted and logged by the gateway."""

    debug = info = warning = error = log = _ignore

    def exception(self, message: str, *arguments: Any, **_: Any) -> None:
        """Only reached by a bug in our own listener: worth a trace."""
        logging.getLogger("roost.edge").error(message, *arguments, exc_info=sys.exc_info())


class Door(Protocol):
    """Who decides about an upgrade request; see `roost.edge.gateway`."""

    @property
    def max_frame(self) -> int:
        """Bytes of a frame at most."""

    def open(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        """The answer, with a listener where it is 101."""


def protocol_class(door: Door) -> Any:
    """The class uvicorn makes an instance of for each upgrade."""

    class UpgradedProtocol(WSProtocol):  # type: ignore[misc]
        """One upgraded connection."""

        def __init__(self, config: Any, server_state: Any, app_state: Any) -> None:  # noqa: ARG002
            """The arguments are uvicorn's; `config` and `app_state` are for ASGI, which is not spoken here."""
            super().__init__(
                None,  # host_port: of clients
                None,  # ws_path: of clients
                False,  # is_client_side
                door.open,
                _Quiet(),
                True,  # disconnect_on_exception
                None,  # websocket_handshake_timeout: the request is here already
                False,  # enable_auto_ping: the gateway's sweep does it
                60,
                60,
                WSAutoPingStrategy.PING_WHEN_IDLE,
                False,  # enable_auto_pong: it would answer frames that are none (reserved bits)
                door.max_frame,
                None,  # extra_headers
                READ_BUFFER,
            )
            self._connections = server_state.connections
            self._connections.add(self)

        def data_received(self, data: bytes) -> None:
            """The upgrade request, as uvicorn writes it out again."""
            rest = memoryview(_CONNECTION.sub(b"Connection: Upgrade", data, count=1))
            while rest:
                buffer = self.get_buffer(-1)
                size = min(len(buffer), len(rest))
                buffer[:size] = rest[:size]
                rest = rest[size:]
                self.buffer_updated(size)

        def connection_lost(self, exc: Exception | None) -> None:
            self._connections.discard(self)
            super().connection_lost(exc)

        def shutdown(self) -> None:
            """The server ends: the gateway tells its sessions; who has not got that far leaves."""
            if self.listener is None:
                self.transport.disconnect()

    return UpgradedProtocol
