"""A node, from its settings to where it answers. Tests start the same one, on port 0."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import uvicorn

from roost.config import Config
from roost.db.database import Database
from roost.deliver.watch import Watch
from roost.edge.api import build as build_api
from roost.edge.api.requests import Requests
from roost.edge.gateway import Gateway
from roost.edge.http import HTTPProtocol
from roost.edge.roads import Roads
from roost.edge.websocket import protocol_class
from roost.errors import Unavailable
from roost.journal import reading
from roost.wiring import open_roads

DRAIN_SECONDS = 5
"""Seconds that requests under way and connections have to end when the server is stopped."""
BACKLOG = 4096
"""Connections the kernel holds while they wait to be accepted: a whole reconnect storm."""


@dataclass(frozen=True)
class Node:
    """A running node: `url` is where it answers."""

    url: str
    roads: Roads
    gateway: Gateway


class _Uvicorn(uvicorn.Server):
    """uvicorn, run inside a loop that is ours: signals are the caller's, and failing to start is no exit."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            raise OSError(f"{self.config.host}:{self.config.port} can't be listened on.") from None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[Node]:
    """A node that answers on `config.server`; port 0 takes a free one.

    When the block ends, it is ready no more, and `server.drain` seconds later takes no new connection; what is under
    way ends, sockets are closed with 4000, all is saved.
    """
    loop = asyncio.get_running_loop()
    leaving = asyncio.Event()
    async with open_roads(config) as (roads, database), contextlib.AsyncExitStack() as stack:
        api = build_api(roads._replace(check=_unless(leaving, roads.check)), config)
        gateway = Gateway(roads, config, Requests(api, roads, config.limits.max_body), loop)
        roads.accounts.closed = gateway.revoke
        roads.profiles.told = gateway.notices.tell_profile
        roads.profiles.shown = roads.blocks.shown = roads.fanout.moved = gateway.notices.reshow
        roads.credentials.ended = gateway.bar
        roads.bus.heard = gateway.hear
        if config.server.database:
            await stack.enter_async_context(_watching(database, roads, gateway))
        server = _Uvicorn(
            uvicorn.Config(
                api,
                host=config.server.host,
                port=config.server.port,
                ws=protocol_class(gateway),
                http=HTTPProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # `edge.address` does it, for sockets as well
                backlog=BACKLOG,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                server_header=False,
            )
        )
        serving = loop.create_task(server.serve())
        periodic = loop.create_task(gateway.run())
        try:
            while not server.started:
                if serving.done():
                    await serving
                    raise OSError(f"{config.server.host}:{config.server.port} is not served.")
                await asyncio.sleep(0.01)
            yield Node(_url(server), roads, gateway)
            leaving.set()
            await asyncio.sleep(config.server.drain)
        finally:
            for listener in server.servers if server.started else ():  # before anybody is told to come back
                listener.close()
            server.should_exit = True
            await gateway.drain()
            await serving
            await gateway.close()
            periodic.cancel()
            await asyncio.gather(periodic, return_exceptions=True)


@contextlib.asynccontextmanager
async def _watching(database: Database, roads: Roads, gateway: Gateway) -> AsyncIterator[None]:
    """Looks after what hints of other nodes may have missed, until the block ends."""

    async def heads(uids: Sequence[int]) -> dict[int, int]:
        return await database.read(lambda connection: reading.heads(connection, uids))

    async def revoked() -> None:
        if await roads.tokens.learn_revoked():
            gateway.end_revoked()
        await roads.pulling.look()

    watch = Watch(roads.hub, heads, revoked, lambda: roads.bus.up)
    roads.bus.look = watch.at_once
    watching = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _unless(leaving: asyncio.Event, check: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """The check of a node that may be leaving: a balancer is to send it nobody any more."""

    async def unless_leaving() -> None:
        if leaving.is_set():
            raise Unavailable("This node is being stopped.")
        await check()

    return unless_leaving


def _url(server: uvicorn.Server) -> str:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def raise_file_limit() -> None:
    """Every connection is a file: takes as many as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
