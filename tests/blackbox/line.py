"""One WebSocket of the contract, as an independent client sees it: frames said, frames heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

PATIENCE = 10.0
"""Seconds to wait for what must come; a machine may be busy."""

Fields = dict[str, Any]


HINTS = {"receipts", "profile"}
"""Frames that come when they like, to who asks for hints."""


class Speech(NamedTuple):
    """How frames become payloads: text for JSON, bytes for Protobuf."""

    write: Callable[[Fields], str | bytes]
    read: Callable[[str | bytes], Fields]


JSON = Speech(json.dumps, json.loads)


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something is so that takes its time and tells nobody."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await check():
                return
            await asyncio.sleep(0.02)


class Line:
    """An open connection. `ready` is the server's answer to `auth`, once there is one."""

    def __init__(self, socket: ClientConnection, speech: Speech = JSON) -> None:
        self.socket = socket
        self.ready: Fields = {}
        self.hints = False
        self.speech = speech

    async def say(self, kind: str, **fields: Any) -> None:
        """Sends one frame; a trailing underscore keeps a field apart from a Python word."""
        await self.write({"type": kind} | {name.rstrip("_"): value for name, value in fields.items()})

    async def write(self, frame: Fields) -> None:
        await self.socket.send(self.speech.write(frame))

    async def hear(self, *kinds: str) -> Fields:
        """The next frame, which must be of one of these kinds if any are named. Hints that were asked for are passed
        over unless they are meant."""
        async with asyncio.timeout(PATIENCE):
            frame = self.speech.read(await self.socket.recv())
            while self.hints and frame["type"] in HINTS and frame["type"] not in kinds:
                frame = self.speech.read(await self.socket.recv())
        assert not kinds or frame["type"] in kinds, f"heard {frame}, not {' or '.join(kinds)}"
        return frame

    async def hear_many(self, kind: str, count: int) -> list[Fields]:
        """The next `count` frames, all of one kind."""
        return [await self.hear(kind) for _ in range(count)]

    async def nothing(self) -> None:
        """Fails if anything was under way to this client: what is asked now must be answered next."""
        await self.say("ping")
        await self.hear("pong")

    async def refused(self, error: str) -> Fields:
        """The next frame must be this error; the connection must still be open."""
        frame = await self.hear("error")
        assert frame["error"] == error, frame
        assert isinstance(frame["code"], int)
        assert frame["message"]
        return frame

    async def send(self, to: str | int, content: str = "hello", *, kind: str = "private", **fields: Any) -> Fields:
        """Sends a message; returns its receipt, which must be the next frame."""
        await self.say(kind, to=to, content=content, **fields)
        return await self.hear("sent")

    async def send_many(self, to: str, count: int, *, kind: str = "private", first: int = 1) -> list[Fields]:
        """Sends numbered messages without waiting in between; returns their receipts."""

        async def speak() -> None:
            for number in range(first, first + count):
                await self.say(kind, to=to, content=f"number {number}")

        speaking = asyncio.create_task(speak())
        receipts = await self.hear_many("sent", count)
        await speaking
        return receipts

    async def closed(self) -> int:
        """Waits for the end of the connection, whatever comes before; returns the close code."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.socket.recv()
        except ConnectionClosed:
            assert self.socket.close_code is not None
            return self.socket.close_code

    async def hang_up(self) -> None:
        await self.socket.close()

    async def cut(self) -> None:
        """The connection ends without a close frame."""
        self.socket.transport.close()
        await self.socket.wait_closed()


class Follower:
    """What a following device keeps: its log by seq, and where it stands.

    It checks that entries come in order, once, and without a hole but for its own messages, which it knows by their
    receipts. (Such a message may come in a batch as well, where it was sent before the connection was at the head.)
    `position` is where the device stands, `streamed` the last entry that came on this connection.
    """

    def __init__(self, line: Line, position: int = 0) -> None:
        self.line = line
        self.position = position
        self.log: dict[int, Fields] = {}
        self.own: dict[int, str] = {}
        self.batches: list[int] = []
        self.streamed = position

    async def read_to(self, seq: int, *, ack: bool = True) -> None:
        """Takes frames until everything up to `seq` is here, each batch acked."""
        while self.position < seq:
            self.take(await self.line.hear("offline", "message", "change", "sent"))
            if ack:
                await self.line.say("ack", seq=self.position)

    def resume(self, line: Line) -> None:
        """Goes on with a connection that follows from this position."""
        self.line = line
        self.streamed = self.position

    def take(self, frame: Fields) -> None:
        if frame["type"] == "sent":
            self.own[frame["seq"]] = frame["messageID"]
        elif frame["type"] == "offline":
            entries = sorted(frame["messages"] + frame["changes"], key=lambda entry: entry["seq"])
            assert 1 <= len(entries) <= 100
            assert [entry["seq"] for entry in entries] == list(range(frame["fromSeq"], frame["throughSeq"] + 1))
            self.batches.append(len(entries))
            for entry in entries:
                self._enter(entry)
        else:
            self._enter(frame)
        while self.position + 1 in self.own or self.position + 1 in self.log:
            self.position += 1

    def _enter(self, entry: Fields) -> None:
        seq = entry["seq"]
        assert seq > self.streamed, f"seq {seq} after {self.streamed}"
        missing = [gap for gap in range(self.streamed + 1, seq) if gap not in self.own]
        assert not missing, f"{missing} left out before {seq}"
        assert self.own.get(seq, entry.get("messageID")) == entry.get("messageID")
        self.streamed = seq
        self.log[seq] = entry

    @property
    def contents(self) -> list[str]:
        return [entry["content"] for _, entry in sorted(self.log.items()) if "content" in entry]
