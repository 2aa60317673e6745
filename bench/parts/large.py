"""A large group: most of its members are away, some are connected, and one sends.

How long a send takes until its receipt, by how many are away, and until all who are connected have it; how many members
a second are added. Each connected member must have every message once and in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import sqlite3
import time
from collections.abc import Sequence

import uvloop

from bench.audience import Audience
from bench.client import NUMBER_WIDTH, sign
from bench.figures import Figure, percentile
from bench.load import raise_ended, until
from bench.server import UNLIMITED, Server, ask, running

NAME = "large"
ABOUT = "sends into groups of 1,000, 10,000 and 100,000 members, most of them away"

SIZES = (1_000, 10_000, 100_000)
"""Members who are away."""
HERE = 1_000
"""Members who are connected, in the largest group."""
AT_ONCE = 2_000
"""Members added with one request."""
SMALL = {"ROOST_FANOUT__MAX_MEMBERS": "500"}
"""So that all groups are large ones: they are compared with each other."""
TARGET = 50.0
"""Milliseconds that a send may take."""


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server."""
    sizes = SIZES[:2] if quick else SIZES
    with running(settings=UNLIMITED | SMALL) as server:
        return uvloop.run(_measure(server, sizes, sends=200 if quick else 500))


async def _measure(server: Server, sizes: Sequence[int], sends: int) -> list[Figure]:
    owner = sign(server.data, "owner", "phone")
    here = [f"here{i}" for i in range(HERE)]
    figures: list[Figure] = []
    _make_users(server, ["owner", *here, *(f"away{i}" for i in range(max(sizes)))])
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as link:
        for size in sizes:
            group = f"town{size}"
            seconds = _make_group(link, owner, group, [f"away{i}" for i in range(size)])
            figures.append(Figure(NAME, f"adding {size:,} members, 2,000 at once", "members/s", [size / seconds]))
            times = [await _send(link, owner, group, number) for number in range(sends)]
            figures += _times(f"a send, {size:,} members away, until its receipt", times)
        group = f"town{max(sizes)}"
        with Audience(server.port, [sign(server.data, name, "phone") for name in here]) as audience:
            listening = _Listening(audience)
            link.close()  # the server has closed it meanwhile; the next request opens another
            _add(link, owner, group, here)
            receipts, deliveries = [], []
            for number in range(sends // 2):
                begun = time.perf_counter()
                receipts.append(await _send(link, owner, group, number))
                await listening.until((number + 1) * HERE)
                deliveries.append((time.perf_counter() - begun) * 1000)
            await until(lambda: audience.everyone_has(sends // 2), [audience.failed])
        figures += _times(f"a send, {max(sizes):,} away, {HERE:,} connected, until its receipt", receipts)
        figures += _times(f"the same, until all {HERE:,} have it", deliveries, target=None)
    return figures


class _Listening:
    """Waits for deliveries."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._wanted = 0
        self._there = asyncio.Event()
        audience.listen(self._heard)

    def _heard(self, count: int) -> None:
        if count >= self._wanted or self._audience.failed.done():
            self._there.set()

    async def until(self, count: int) -> None:
        """Until there were so many in all. Raises `TimeoutError` after a minute."""
        self._wanted = count
        self._there.clear()
        if self._audience.delivered < count:
            async with asyncio.timeout(60):
                await self._there.wait()
            raise_ended([self._audience.failed])


def _times(name: str, times: list[float], *, target: float | None = TARGET) -> list[Figure]:
    """Half of them are below p50, all but one in a hundred below p99 (ms)."""
    return [
        Figure(NAME, f"{name}, p{percent}", "ms", [percentile(times, percent)], target, better="less")
        for percent in (50, 99)
    ]


def _make_users(server: Server, names: Sequence[str]) -> None:
    """They are written into the database while the server rests: each for itself would take minutes."""
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "roost.db")) as database, database:
        rows = [(name, 0) for name in names]
        database.executemany("INSERT INTO users (user_id, created_at) VALUES (?, ?)", rows)
    server.start()


def _make_group(link: http.client.HTTPConnection, owner: str, group: str, members: Sequence[str]) -> float:
    """A group of these; how many seconds it took."""
    begun = time.perf_counter()
    ask(link, "POST", "/groups", {"groupID": group, "name": "Town"}, owner)
    _add(link, owner, group, members)
    return time.perf_counter() - begun


def _add(link: http.client.HTTPConnection, owner: str, group: str, members: Sequence[str]) -> None:
    for first in range(0, len(members), AT_ONCE):
        ask(link, "POST", f"/groups/{group}/members", {"members": members[first : first + AT_ONCE]}, owner)


async def _send(link: http.client.HTTPConnection, owner: str, group: str, number: int) -> float:
    """How many milliseconds a message took until its receipt, over HTTP."""
    await asyncio.sleep(0.005)
    begun = time.perf_counter()
    body = {"to": group, "content": f"{number:0{NUMBER_WIDTH}d}"}
    await asyncio.to_thread(ask, link, "POST", "/messages/group", body, owner)
    return (time.perf_counter() - begun) * 1000
