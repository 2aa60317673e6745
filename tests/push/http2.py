"""A push service's stand-in: real HTTP/2 over real TLS, which answers as the test says, or misbehaves as it says."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from tests.push.certificates import Tls

HOST = "127.0.0.1"


class Request(NamedTuple):
    """What arrived. `connection`: the number of the connection that it came on, from 1."""

    connection: int
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Answer(NamedTuple):
    """An answer; `body` is sent as JSON, unless it is bytes."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Trouble(Enum):
    """What happens instead of an answer."""

    SILENCE = auto()
    CUT = auto()  # the connection
    RESET = auto()  # the stream
    NONSENSE = auto()  # after the answer's head
    NOT_LOOKED_AT = auto()  # GOAWAY: this request and later ones go elsewhere
    ANSWERED_LAST = auto()  # an answer, and then GOAWAY


class PushService:
    """Answers each request to a path with the next that is scripted for it, else with the usual; keeps what came."""

    def __init__(self, most_streams: int) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.connections = 0
        self.usual: dict[str, Answer | Trouble] = {}
        self._most_streams = most_streams
        self._script: dict[str, deque[Answer | Trouble]] = defaultdict(deque)
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Event()
        self._unanswered: list[Callable[[Answer], None]] = []

    @classmethod
    @asynccontextmanager
    async def running(cls, tls: Tls | None, *, most_streams: int = 100, port: int = 0) -> AsyncIterator[PushService]:
        service = cls(most_streams)
        if tls is not None:
            tls.server.set_alpn_protocols(["h2"])
        loop = asyncio.get_running_loop()
        service._server = await loop.create_server(
            lambda: _Connection(service), HOST, port, ssl=tls.server if tls else None
        )
        service.url = f"{'https' if tls else 'http'}://{HOST}:{service._server.sockets[0].getsockname()[1]}"
        try:
            yield service
        finally:
            await service.stop()

    async def stop(self) -> None:
        """Nobody listens any more, and all connections are cut."""
        assert self._server is not None
        self._server.close()
        for connection in list(self._open):
            connection.cut()
        await self._server.wait_closed()

    def will_answer(self, path: str, *answers: Answer | Trouble) -> None:
        """The next answers to requests for `path`."""
        self._script[path].extend(answers)

    def came_to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def has_got(self, count: int) -> None:
        """Returns when so many requests have come."""
        async with asyncio.timeout(30):
            while len(self.requests) < count:
                self._arrived.clear()
                await self._arrived.wait()

    def answer_late(self, answer: Answer) -> None:
        """Answers the newest of the requests that met with silence."""
        self._unanswered.pop()(answer)

    def _take(self, request: Request) -> Answer | Trouble:
        self.requests.append(request)
        self._arrived.set()
        script = self._script[request.path]
        return script.popleft() if script else self.usual.get(request.path, Answer())


class _Connection(asyncio.Protocol):
    """One connection: feeds what comes to h2, and does what the service says."""

    def __init__(self, service: PushService) -> None:
        self._service = service
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._heads: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytes] = defaultdict(bytes)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._service._open.add(self)
        self._service.connections += 1
        self._number = self._service.connections
        self._http.initiate_connection()
        limit = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self._service._most_streams}
        self._http.update_settings(limit)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._service._open.discard(self)

    def cut(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        for event in self._http.receive_data(data):
            match event:
                case h2.events.RequestReceived():
                    self._heads[event.stream_id] = dict(event.headers)
                case h2.events.DataReceived():
                    self._bodies[event.stream_id] += event.data
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    self._answer(event.stream_id)
        self._flush()

    def _answer(self, stream: int) -> None:
        headers = self._heads.pop(stream)
        request = Request(self._number, headers[":path"], headers, self._bodies.pop(stream, b""))
        match self._service._take(request):
            case Answer() as answer:
                self._send(stream, answer)
            case Trouble.SILENCE:
                self._service._unanswered.append(partial(self._send, stream))
            case Trouble.CUT:
                self.cut()
            case Trouble.RESET:
                self._http.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
            case Trouble.NONSENSE:
                self._http.send_headers(stream, [(":status", "200")])
                self._flush()
                self._transport.write(b"\x00\x00\x01\x00\x00\x00\x00\x00\x00?")  # a byte of no stream (RFC 9113 §6.1)
            case Trouble.NOT_LOOKED_AT:
                self._http.close_connection(last_stream_id=stream - 2)
            case Trouble.ANSWERED_LAST:
                self._send(stream, Answer())
                self._http.close_connection(last_stream_id=stream)

    def _send(self, stream: int, answer: Answer) -> None:
        head = [(":status", str(answer.status)), *((name.lower(), value) for name, value in answer.headers.items())]
        self._http.send_headers(stream, head)
        self._http.send_data(stream, answer.content, end_stream=True)
        self._flush()

    def _flush(self) -> None:
        self._transport.write(self._http.data_to_send())
