"""Users of a test, and many messages in a short time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx2
from bench.client import Template
from bench.load import Sender

from roost.client import Client
from roost.testing import LocalServer

_numbers = itertools.count(1)


class Cast:
    """Names of users on one server; `cast["ann"]` is a user that only this test knows."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self._suffix = next(_numbers)

    def __getitem__(self, name: str) -> str:
        return f"{name}{self._suffix}"

    def token(self, name: str, device: str | None = None, **more: Any) -> str:
        return self.server.token(self[name], device, **more)

    def conversation(self, one: str, other: str) -> str:
        return "p:" + ":".join(sorted((self[one], self[other])))

    async def call(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """One request of a user; returns `data`."""
        async with httpx2.AsyncClient(base_url=f"{self.server.url}/api/v1") as http:
            headers = {"Authorization": f"Bearer {self.token(name)}"}
            answer = await http.request(method, path, json=body, headers=headers)
            assert answer.is_success, answer.text
            return answer.json()["data"]

    async def make(self, *names: str) -> None:
        """These users exist: a token of theirs was used."""
        for name in names:
            await self.call(name, "GET", "/conversations")

    async def send_many(self, sender: str, to: str, count: int, *, first: int = 0) -> list[str]:
        """A user sends another (who exists) that many messages; returns their contents in order."""
        template = Template("private", self[to], next(_numbers), padding=" from " + self[sender])
        line = Sender(self.token(sender), template, window=200, first=first)
        await line.connect(self.server.port)
        line.start(count)
        async with asyncio.timeout(60):
            await line.finished
        await line.close()
        return [f"{number:012d} from {self[sender]}" for number in range(first, first + count)]


async def until(true: Callable[[], Any], *, timeout: float = 10.0) -> None:
    """Waits until something is so; asks every few milliseconds."""
    async with asyncio.timeout(timeout):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def take(source: AsyncGenerator[Any, None], count: int, *, timeout: float = 20.0) -> list[Any]:
    """The next `count` of an iterator; the iterator is closed."""
    found = []
    async with asyncio.timeout(timeout):
        async for one in source:
            found.append(one)
            if len(found) == count:
                break
    await source.aclose()
    return found


async def received(client: Client, count: int) -> list[str]:
    """The contents of the next messages."""
    return [message.content for message in await take(client.messages(), count)]


async def stored(client: Client, conversation: str) -> list[str]:
    """The contents of a conversation as the store alone has it, oldest first."""
    return [one.content for one in await client.store.history(conversation, None, 1_000_000)]


async def count_messages(client: Client) -> int:
    return await client.store.read(lambda book: book.execute("SELECT count(*) FROM messages").fetchone()[0])
