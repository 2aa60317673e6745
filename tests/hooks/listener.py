"""A receiver of events on this machine, which answers as it is told and remembers what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from roost.config.webhooks import Webhook

SECRET = "whsec_" + "c2VjcmV0" * 5


@dataclass
class Request:
    """What was sent."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def content(self) -> str:
        """Of an event that tells of a message."""
        return str(self.event["data"]["content"])


@dataclass
class Listener:
    """`answers` are given one after the other, then 204; None is no answer at all. `judge` decides by the request."""

    url: str = ""
    heard: list[Request] = field(default_factory=list)
    answers: deque[str | None] = field(default_factory=deque)
    judge: Callable[[Request], str | None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def hook(self, name: str = "one", **fields: Any) -> Webhook:
        return Webhook(name=name, url=self.url, **{"secrets": [SECRET], **fields})

    async def until(self, count: int) -> list[Request]:
        """What it has heard, once that are so many."""
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()
        return self.heard

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
                headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in head)}
                request = Request(headers, await reader.readexactly(int(headers["content-length"])))
                self.heard.append(request)
                self._news.set()
                answer = self.answers.popleft() if self.answers else "204 No Content"
                answer = self.judge(request) if self.judge else answer
                if answer is None:
                    await asyncio.Event().wait()
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await listener.serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield listener
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
