"""A WebSocket client without manners: bytes in, bytes out, any frame there can be."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from typing import Any, NamedTuple

from tests.blackbox.line import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Received(NamedTuple):
    """A frame from the server."""

    opcode: int
    payload: bytes


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, length: int | None = None
) -> bytes:
    """A client's frame. `rsv` has three bits; `length` is what its header says where that is not true."""
    size = len(payload) if length is None else length
    mask_bit = 0x80 if masked else 0
    head = bytes(((0x80 if fin else 0) | rsv << 4 | opcode,))
    if size < 126:
        head += bytes((mask_bit | size,))
    elif size < 1 << 16:
        head += bytes((mask_bit | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((mask_bit | 127,)) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[index & 3] for index, byte in enumerate(payload))


def text(**fields: Any) -> bytes:
    """A frame of the contract, as one text frame."""
    return frame(TEXT, json.dumps(fields).encode())


class Raw:
    """A connection past its upgrade."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, *frames: bytes) -> None:
        self._writer.write(b"".join(frames))

    async def read(self) -> Received:
        """The next frame; EOFError (of asyncio's kind) where the connection ends."""
        async with asyncio.timeout(PATIENCE):
            first, second = await self._reader.readexactly(2)
            assert first & 0x80, "the server sends whole messages"
            assert not first & 0x70
            assert not second & 0x80, "a server does not mask"
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            return Received(first & 0x0F, await self._reader.readexactly(size))

    async def hear(self) -> dict[str, Any]:
        """The next text frame's fields."""
        received = await self.read()
        assert received.opcode == TEXT, received
        return dict(json.loads(received.payload))

    async def closed(self) -> int:
        """The code of the close frame that comes, and that the connection ends once it is answered."""
        while (received := await self.read()).opcode != CLOSE:
            pass
        self.write(frame(CLOSE, received.payload[:2]))
        await self.ended()
        return int.from_bytes(received.payload[:2], "big")

    async def ended(self) -> None:
        """The server ends the connection, with or without a close frame."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                await self._reader.read()

    async def close(self) -> None:
        self._writer.close()


async def request(port: int, path: str = "/ws", **headers: str | None) -> tuple[int, dict[str, str], Raw]:
    """An upgrade request as browsers write it; `Connection="..."` changes a header, None leaves it out.

    Returns the status, the headers of the answer in lower case, and the connection.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields: dict[str, str | None] = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
    async with asyncio.timeout(PATIENCE):
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in answer[1:] if line)
    return int(answer[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, Raw(reader, writer)
