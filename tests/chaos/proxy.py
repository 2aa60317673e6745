"""A TCP proxy between a client and a server, which does to connections what bad networks do to them.

    async with Proxy(server.port) as proxy:
        client = Client(proxy.url, ...)
        proxy.cut_after(Way.DOWN, 100, Manner.RST)

It cuts (FIN or RST, at once or at a byte offset, either direction), delays, stalls, splits, refuses, and leaves
one half of a connection alive: `linger` takes a connection from the client, while the server goes on with it and is
still given what was on its way, so that the client's next connection stands beside its last; `vanish` takes it from
the server, while the client hears nothing of it.

TCP keeps the order of bytes, so no proxy reorders frames of one connection. What comes twice or in another order
comes by several connections: a lingering one and its successor, a socket and HTTP pages with other delays.

Every command counts for the connections that are open; `delay`, `split` and `refuse` also for those to come.
`weather`, if set, draws the fate of each new connection. `heal` ends it all.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import NamedTuple, Self

CHUNK = 65536
"""Bytes read at once."""
ON_THE_WAY = 64
"""Chunks that one direction holds: the buffers of the routers. When it is full, the sender feels it."""


class Manner(Enum):
    """How a connection ends."""

    FIN = "in good order"
    RST = "broken"


class Way(Enum):
    """A direction."""

    UP = "to the server"
    DOWN = "to the client"


class Fate(NamedTuple):
    """What happens to one direction: seconds before each chunk, bytes a write, bytes until the connection is cut."""

    delay: float = 0.0
    piece: int | None = None
    cut_after: int | None = None
    manner: Manner = Manner.RST


FAIR = Fate()


class Weather:
    """Draws fates, always the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def fate(self) -> Fate:
        """The fate of one direction of a new connection; half of them are fair."""
        chance = self._chance
        if chance.random() < 0.5:
            return FAIR
        return Fate(
            delay=chance.choice((0.0, 0.0, 0.002, 0.01)),
            piece=chance.choice((None, None, 1, 3, 100)),
            cut_after=chance.choice((None, int(chance.expovariate(1 / 1500)))),
            manner=chance.choice(tuple(Manner)),
        )


class Lane:
    """One direction of a line: what was read waits until it may be written."""

    def __init__(self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: Fate) -> None:
        self._line = line
        self._reader = reader
        self._writer = writer
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(ON_THE_WAY)
        self.open = asyncio.Event()
        self.open.set()
        self.fate = fate
        self.lost = False
        """Nobody is there to write to: what comes is read and forgotten."""
        self.kept_open = False
        """The end of what is read is not passed on."""

    async def read(self) -> None:
        """Takes what comes, as long as there is room for it."""
        with suppress(ConnectionError):
            while chunk := await self._reader.read(CHUNK):
                await self._queue.put(chunk)
            await self._queue.put(None)
            return
        self._line.broken(self)

    async def write(self) -> None:
        """Passes on what was taken."""
        try:
            while (chunk := await self._queue.get()) is not None:
                if self.fate.delay:
                    await asyncio.sleep(self.fate.delay)
                await self._pass_on(chunk)
            if not self.kept_open:
                self._writer.write_eof()
        except (ConnectionError, OSError):
            self._line.broken(self)

    async def _pass_on(self, chunk: bytes) -> None:
        while chunk:
            await self.open.wait()
            if self.lost:
                return
            size = len(chunk) if self.fate.piece is None else self.fate.piece
            left = self.fate.cut_after
            if left is not None:
                size = min(size, left)
                self.fate = self.fate._replace(cut_after=left - min(size, len(chunk)))
            piece, chunk = chunk[:size], chunk[size:]
            if piece:
                self._writer.write(piece)
                await self._writer.drain()
            if self.fate.cut_after == 0:
                self._line.cut(self.fate.manner)
                return
            if chunk:
                await asyncio.sleep(0)  # each piece is a packet


class Line:
    """One connection: two sockets and a lane each way."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        up: Fate,
        down: Fate,
    ) -> None:
        self._client, self._server = client[1], server[1]
        self.lanes = {Way.UP: Lane(self, client[0], server[1], up), Way.DOWN: Lane(self, server[0], client[1], down)}
        self.halved = False

    async def run(self) -> None:
        """Passes bytes both ways until the connection is over."""
        up, down = self.lanes.values()
        try:
            async with asyncio.TaskGroup() as group:
                for lane in (up, down):
                    group.create_task(lane.read())
                    group.create_task(lane.write())
        finally:
            end(self._client, Manner.FIN)
            end(self._server, Manner.FIN)

    def broken(self, lane: Lane) -> None:
        """One side has broken it: the other learns of it, unless that is what was asked for."""
        if self.halved:
            lane.lost = True
        else:
            self.cut(Manner.RST)

    def cut(self, manner: Manner) -> None:
        """Ends both sides; what is on its way is lost."""
        for lane in self.lanes.values():
            lane.lost = lane.kept_open = True
            lane.open.set()
        end(self._client, manner)
        end(self._server, manner)

    def linger(self) -> None:
        """Ends the client's side alone. The server is still given what was on its way, and hears of no end."""
        self._halve(keep=Way.UP)
        end(self._client, Manner.RST)

    def vanish(self) -> None:
        """Ends the server's side alone. The client is still given what was on its way, and hears of no end."""
        self._halve(keep=Way.DOWN)
        end(self._server, Manner.RST)

    def _halve(self, *, keep: Way) -> None:
        self.halved = True
        for way, lane in self.lanes.items():
            lane.kept_open = True
            if way is not keep:
                lane.lost = True
                lane.open.set()


def end(writer: asyncio.StreamWriter, manner: Manner) -> None:
    """Closes a socket; harmless if it is closed."""
    if manner is Manner.RST and not writer.is_closing():
        linger = struct.pack("ii", 1, 0)
        with suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    if manner is Manner.RST:
        writer.transport.abort()
    else:
        writer.close()


class Proxy:
    """Listens on a free port of the loopback and passes on to `port` there."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[Line, None] = {}
        self._always = FAIR
        self.weather: Weather | None = None
        self.refusing = False
        self.accepted = 0
        """Connections so far."""

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._listener is not None
        return f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    @property
    def lines(self) -> list[Line]:
        """The connections that are there, halved ones among them; the oldest first."""
        return list(self._lines)

    # --- commands ---

    def cut(self, manner: Manner = Manner.RST) -> None:
        """Ends every connection."""
        for line in self.lines:
            line.cut(manner)

    def cut_after(self, way: Way, count: int, manner: Manner = Manner.RST) -> None:
        """Ends each connection when so many more bytes have gone this way."""
        for lane in self._each(way):
            lane.fate = lane.fate._replace(cut_after=max(1, count), manner=manner)

    def stall(self, *ways: Way) -> None:
        """Nothing more goes this way, and nothing is lost, until `resume`."""
        for lane in self._each(*ways):
            lane.open.clear()

    def resume(self) -> None:
        """What stalled goes on."""
        for lane in self._each(*Way):
            lane.open.set()

    def delay(self, seconds: float) -> None:
        """Every chunk waits so long."""
        self._always = self._always._replace(delay=seconds)
        for lane in self._each(*Way):
            lane.fate = lane.fate._replace(delay=seconds)

    def split(self, size: int | None) -> None:
        """At most so many bytes go at once."""
        self._always = self._always._replace(piece=size)
        for lane in self._each(*Way):
            lane.fate = lane.fate._replace(piece=size)

    def refuse(self) -> None:
        """New connections are broken at once."""
        self.refusing = True

    def linger(self) -> None:
        """Takes every connection from the client; the server keeps it."""
        for line in self.lines:
            line.linger()

    def vanish(self) -> None:
        """Takes every connection from the server; the client keeps it."""
        for line in self.lines:
            line.vanish()

    def heal(self) -> None:
        """Everything is well again; half connections are cut."""
        self.refusing, self.weather, self._always = False, None, FAIR
        for line in self.lines:
            if line.halved:
                line.cut(Manner.RST)
        for lane in self._each(*Way):
            lane.fate = FAIR
            lane.open.set()

    def _each(self, *ways: Way) -> Iterator[Lane]:
        return (line.lanes[way] for line in self.lines for way in ways)

    # --- connections ---

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        line = None
        try:
            if not self.refusing:
                server = await asyncio.open_connection("127.0.0.1", self._target)
                line = Line((reader, writer), server, self._fate(), self._fate())
                self._lines[line] = None
                await line.run()
        except (OSError, asyncio.CancelledError):
            pass  # the server is not there, or the test is over
        finally:
            end(writer, Manner.RST)
            self._tasks.discard(task)
            if line is not None:
                del self._lines[line]

    def _fate(self) -> Fate:
        return self._always if self.weather is None else self.weather.fate()
