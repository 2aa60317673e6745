"""Connections to a real node that say frames and hear them, and ask for operations."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
from websockets.asyncio.client import connect

from tests.edge.people import Answer, Town

PATIENCE = 20.0
"""Seconds until an answer must have come; a machine may be busy."""
NO_HEADERS = httpx2.Headers()


class Socket:
    """A connection in JSON."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self._numbers = itertools.count(1)

    async def say(self, kind: str, **fields: Any) -> None:
        await self.line.send(msgspec.json.encode({"type": kind, **fields}).decode())

    async def hear(self, *kinds: str) -> Any:
        """The next frame of these kinds; others are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = msgspec.json.decode(await self.line.recv())
                if frame["type"] in kinds:
                    return frame

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """The answer to a request, as HTTP has it; `path` is as in the table of operations."""
        request_id = f"r{next(self._numbers)}"
        await self.say("request", requestID=request_id, method=method, path=f"/api/v1{path}", body=body)
        frame = await self.hear("response", "error")
        assert frame["type"] == "response", frame
        assert frame["requestID"] == request_id
        return Answer(frame["status"], NO_HEADERS, frame["body"])


@contextlib.asynccontextmanager
async def socket(town: Town, token: str | None = None) -> AsyncIterator[Socket]:
    """A connection; with a token, one that is ready."""
    async with connect(str(town.http.base_url).replace("http", "ws") + "/ws") as line:
        opened = Socket(line)
        if token is not None:
            await opened.say("auth", token=token)
            await opened.hear("ready")
        yield opened
