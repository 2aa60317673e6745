"""Server memory per idle authenticated connection.

The users exist before: they are made in a first run of the server, which is then started anew, so that neither
making them nor memory freed by it is counted. Some connections are open when counting starts, for what the server
sets up once. Memory is the proportional set size; what the kernel keeps for its sockets is in no process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import uvloop

from bench.client import Connection, sign
from bench.figures import Figure
from bench.load import close_all, connect_all
from bench.server import Server, raise_open_files, running

NAME = "memory"
ABOUT = "server memory per idle authenticated connection"

CONNECTIONS = 5_000
FIRST = 200
"""Connections that are open before counting starts."""

SETTLE = 3.0
"""Seconds for the server to come to rest: close timers, periodic work."""


def run(*, quick: bool) -> list[Figure]:
    """Measures on fresh servers, one a round, over the same users."""
    raise_open_files()
    with running() as server:
        uvloop.run(_visit(server))
        found = []
        for _ in range(1 if quick else 3):
            server.stop()
            server.start()
            found.append(uvloop.run(_measure(server)))
    notes = {"connections": CONNECTIONS, "memory": "Pss of /proc/PID/smaps_rollup"}
    return [Figure(NAME, "idle connection", "KB", found, 12.0, "less", notes)]


def _connections(server: Server) -> list[Connection]:
    return [Connection(sign(server.data, f"idle{i}", "phone"), last_seq=0) for i in range(CONNECTIONS + FIRST)]


async def _visit(server: Server) -> None:
    """Every user comes once, and exists from then on."""
    connections = _connections(server)
    await connect_all(connections, server.port)
    await close_all(connections)


async def _measure(server: Server) -> float:
    connections: Sequence[Connection] = _connections(server)
    await connect_all(connections[:FIRST], server.port)
    await asyncio.sleep(SETTLE)
    before = server.resident_bytes()
    await connect_all(connections[FIRST:], server.port)
    await asyncio.sleep(SETTLE)
    after = server.resident_bytes()
    if any(connection.closed.done() for connection in connections):
        raise ConnectionError("the server closed an idle connection")
    await close_all(connections)
    return (after - before) / CONNECTIONS / 1024
