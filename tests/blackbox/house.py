"""A server process and its guests: users on devices who have tokens, speak HTTP and open sockets."""

from __future__ import annotations

import contextlib
import itertools
import time
import uuid
from pathlib import Path
from typing import Any, Self

import httpx2
import jwt
from bench.server import Server
from websockets.asyncio.client import connect

from tests.backends import put_empty_database
from tests.blackbox.line import JSON, Line, Speech
from tests.edge.people import Person

UNLIMITED = {"ROOST_LIMITS__MESSAGES_PER_MINUTE": "0", "ROOST_LIMITS__LOGIN_ATTEMPTS_PER_MINUTE": "0"}

_numbers = itertools.count(1)


class Guest(Person):
    """A user on a device."""

    def __init__(self, house: House, user_id: str, token: str | None = None) -> None:
        super().__init__(house.http, user_id, token)
        self.house = house

    async def line(self, *, speech: Speech = JSON, subprotocol: str | None = None, **auth: Any) -> Line:
        """An authenticated connection. `lastSeq=…` makes it follow."""
        line = await self.house.open(speech=speech, subprotocols=[subprotocol] if subprotocol else None)
        await line.say("auth", token=self.token, **auth)
        line.ready = await line.hear("ready")
        line.hints = bool(auth.get("hints"))
        return line

    async def on(self, device: str) -> Guest:
        """The same user on another device."""
        return await self.house.guest(self.user_id, device)

    async def devices(self) -> dict[str, dict[str, Any]]:
        """One's devices by their ids."""
        return {one["deviceID"]: one for one in (await self.get("/devices")).data["devices"]}

    async def position(self) -> int:
        """Where this device stands, as the server knows it."""
        (here,) = [one for one in (await self.devices()).values() if one["current"]]
        return int(here["position"])

    async def unread(self) -> dict[str, int]:
        """Unread messages by conversation."""
        found = (await self.get("/messages/unread_count")).data
        counts = {one["conversationID"]: one["unread"] for one in found["conversations"]}
        assert found["total"] == sum(counts.values())
        return counts

    async def online(self, user_id: str) -> dict[str, Any]:
        """Whether somebody is online, and when last seen."""
        return dict((await self.get(f"/messages/online?user_ids={user_id}")).data[user_id])


class House(contextlib.AsyncExitStack):
    """A server at a port, its data directory, and a client for HTTP; every line opened here ends with it."""

    def __init__(self, port: int, data: Path, server: Server | None = None) -> None:
        super().__init__()
        self.server = server
        self.port = port
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=20, verify=False)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self.enter_async_context(self.http)
        return self

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def memory(self) -> int:
        """Bytes that the server process has resident."""
        assert self.server is not None
        return self.server.resident_bytes()

    @property
    def secret(self) -> bytes:
        return (self.data / "jwt.secret").read_bytes().strip()

    def token(self, user_id: str, device: str | None = None, **claims: Any) -> str:
        """A token as a host application makes it, which shares the secret."""
        now = int(time.time())
        made: dict[str, Any] = {"sub": user_id, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 600}
        if device is not None:
            made["did"] = device
        return jwt.encode(made | claims, self.secret, "HS256")

    def name(self, kind: str = "guest") -> str:
        """A user id that nobody has."""
        return f"{kind}{next(_numbers)}"

    async def guest(self, user_id: str | None = None, device: str = "phone") -> Guest:
        """A user on a device, known to the server from now on."""
        name = user_id or self.name()
        guest = Guest(self, name, self.token(name, device))
        assert (await guest.get("/conversations")).status == 200
        return guest

    async def open(self, *, speech: Speech = JSON, **options: Any) -> Line:
        """A connection that has not said anything yet. `options` are those of `websockets`."""
        settings: dict[str, Any] = {"compression": None, "ping_interval": None, "max_size": 2**24, "close_timeout": 1}
        socket = await connect(self.ws_url, **settings | options)
        self.callback(socket.transport.abort)
        return Line(socket, speech)


def process(folder: Path, **settings: str) -> Server:
    """A server, not started yet: `process(tmp_path, SYNC__SAVE_INTERVAL="0.2")`. It has no rate limits by default.

    It finds an empty database, unless there is one: to make one it would have to load Alembic.
    """
    if "SERVER__DATABASE" not in settings:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        put_empty_database(folder / "data")
    return Server(folder, settings=UNLIMITED | {f"ROOST_{name}": value for name, value in settings.items()})
