"""A host application that serves its key set."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest


@pytest.fixture
async def serve_text() -> AsyncIterator[Callable[[str | None], Awaitable[tuple[str, list[bytes]]]]]:
    """`url, asked = await serve_text(text)`: an address that answers `text`, or (None) nothing; and its requests."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(text: str | None) -> tuple[str, list[bytes]]:
            asked: list[bytes] = []

            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                if text is None:
                    await reader.read()
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text.encode())
                writer.close()

            server = await stack.enter_async_context(await asyncio.start_server(answer, "127.0.0.1", 0))
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys", asked

        yield start
