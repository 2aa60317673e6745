"""A thousand receivers of the same messages, read more cheaply than a thousand connections.

The sockets lie in one epoll of their own, which the event loop sees as a single file: one callback reads all that
are ready. That halves what a delivery costs the generator, which shares two cores with the server it measures.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Self

import msgspec

from bench.client import Frame, RefusedError, json_frame
from bench.load import ACK_EVERY, Follower

READ = 1 << 16
"""Bytes asked for at once; more than a member's share of a burst."""

_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9vc3Qgcm9vc3Qgcm9vcw==\r\n\r\n"
)
_decode = msgspec.json.Decoder(Frame).decode


class Member(Follower):
    """One socket that follows a log from its beginning, and the bytes of a frame that is not complete yet."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__(ordered=True)
        self.link = link
        self._rest = b""

    def read(self) -> None:
        """Takes what has come; raises if the server has closed, refused, or delivered wrongly."""
        data = self.link.recv(READ)
        if not data:
            raise ConnectionError("the server closed a connection")
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 10 or (end - at >= 2 and data[at + 1] < 126):
            size, start = data[at + 1], at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size, start = int.from_bytes(data[start : start + width], "big"), start + width
            if start + size > end:
                break
            if data[at] == _TEXT:
                self.follow(_decode(data[start : start + size]))
            else:
                self._control(data[at], data[start : start + size])
            at = start + size
        self._rest = data[at:]
        if self.seq - self.acked >= ACK_EVERY:
            self.acked = self.seq
            self.link.send(json_frame({"type": "ack", "seq": self.seq}))

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self.link.send(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
        if kind == _CLOSE:
            raise RefusedError(f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}")


class Audience:
    """Members that are authenticated one after the other on entering, and closed on leaving."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self._port = port
        self._tokens = tokens
        self._members: dict[int, Member] = {}
        self._epoll = select.epoll()
        self._tell: Callable[[int], None] = lambda _: None
        self.delivered = 0
        """Messages taken, all members together."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when a member's connection has ended."""

    def __enter__(self) -> Self:
        for token in self._tokens:
            link = _authenticated(self._port, token)
            link.setblocking(False)
            self._members[link.fileno()] = Member(link)
            self._epoll.register(link.fileno(), select.EPOLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        for member in self._members.values():
            member.link.close()
        self._epoll.close()

    def listen(self, tell: Callable[[int], None]) -> None:
        """Reads from now on, and tells after each round of reading how many messages there were in all."""
        self._tell = tell
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._readable)

    def everyone_has(self, count: int) -> bool:
        """Whether each member has had so many messages, no fewer and no more."""
        return all(member.delivered == count for member in self._members.values())

    def _readable(self) -> None:
        try:
            for file, _ in self._epoll.poll(0):
                member = self._members[file]
                before = member.delivered
                member.read()
                self.delivered += member.delivered - before
        except Exception as reason:  # noqa: BLE001 - kept for whoever waits
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self.failed.set_exception(reason)
            self.failed.exception()  # retrieved: a waiter still gets it
        self._tell(self.delivered)


def _authenticated(port: int, token: str) -> socket.socket:
    """A socket that has had its `ready`."""
    link = socket.create_connection(("127.0.0.1", port), timeout=30)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(_HANDSHAKE.format(port=port).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += link.recv(READ)
    if not answer.startswith(b"HTTP/1.1 101"):
        raise RefusedError(answer.decode())
    link.sendall(json_frame({"type": "auth", "token": token, "lastSeq": 0}))
    if b'"ready"' not in (first := link.recv(READ)):
        raise RefusedError(first.decode(errors="replace"))
    return link
