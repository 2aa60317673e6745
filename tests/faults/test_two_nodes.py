"""Two nodes, and what can happen to them under load: nothing acknowledged is lost, shown twice or left out.

`FAULTS=long` repeats each fault more often, on MariaDB as well, and lets outages last a minute; `FAULTS_SEED` repeats
the choices of a run (not its timing).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from bench.client import Template
from bench.load import Receiver, Sender, close_all, connect_all
from bench.server import raise_open_files
from scripts.servers.nginx import PROGRAM as NGINX
from scripts.servers.redis import RedisProcess

from tests.chaos.proxy import Proxy
from tests.client.people import until
from tests.cluster import crowd
from tests.cluster.crowd import Load
from tests.cluster.house import Cluster
from tests.places import Places
from tests.servers import missing
from tests.servers.redis import started

Writing = Callable[[Cluster], AbstractAsyncContextManager[Load]]

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED", time.time_ns() % 1_000_000))
KILLS = 20 if LONG else 2
RESTARTS = 10 if LONG else 1
"""Rounds in which each node is restarted."""
OUTAGE = 60.0 if LONG else 3.0
"""Seconds that Redis is away."""
OUTAGES = 2 if LONG else 1

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module", params=["postgresql", "mariadb"] if LONG else ["postgresql"])
def databases(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes an empty database."""
    places: Places = request.getfixturevalue(f"{request.param}_places")
    taken: list[str] = []

    def take() -> str:
        taken.append(places.take())
        return places.url(taken[-1])

    yield take
    places.give_back(taken)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    """A Redis that may be killed; whoever does starts it again."""
    yield from started()


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, databases: Callable[[], str], redis: RedisProcess
) -> Iterator[Cluster]:
    """Two nodes for the whole module: each test leaves both running."""
    if not NGINX.exists():
        missing("nginx-light")
    with Cluster(tmp_path_factory.mktemp("cluster"), databases(), redis.url()) as cluster:
        yield cluster


@pytest.fixture
def writing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Writing:
    """Everybody writes in the block `async with writing(cluster) as load`; the verdict follows it."""

    @contextlib.asynccontextmanager
    async def under_load(cluster: Cluster) -> AsyncIterator[Load]:
        async with crowd.under_load(cluster, tmp_path, random.Random(SEED)) as load:
            yield load
        with capsys.disabled():
            print(f"\n{load.counts} (FAULTS_SEED={SEED})")  # noqa: T201 - a run tells its seed and its counts

    return under_load


async def test_a_node_killed_under_load(cluster: Cluster, writing: Writing) -> None:
    """Its users go on at the other within seconds."""
    async with writing(cluster) as load:
        for number in range(KILLS):
            node = cluster.nodes[number % 2]
            node.kill()
            await goes_on(load)
            await asyncio.to_thread(node.start)
            await asyncio.sleep(load.crowd.chance.uniform(0, 2))


async def test_a_rolling_restart_that_no_application_sees(cluster: Cluster, writing: Writing) -> None:
    async with writing(cluster) as load:
        for node in cluster.nodes * RESTARTS:
            await asyncio.to_thread(node.end)
            await goes_on(load)
            await asyncio.to_thread(node.start)
        assert not load.errors


async def test_redis_stopped_and_emptied(cluster: Cluster, redis: RedisProcess, writing: Writing) -> None:
    async with writing(cluster) as load:
        for _ in range(OUTAGES):
            redis.kill()
            await pass_outage(load)
            await asyncio.to_thread(redis.start)  # with nothing in it
            await goes_on(load)
            await asyncio.sleep(1)
            with redis.look() as client:
                client.flushall()
            await goes_on(load)
        assert not load.errors


async def test_redis_frozen(cluster: Cluster, redis: RedisProcess, writing: Writing) -> None:
    async with writing(cluster) as load:
        for _ in range(OUTAGES):
            with redis.frozen():
                await pass_outage(load)
            await goes_on(load)
        assert not load.errors


async def test_the_network_to_redis_swallows_everything(
    tmp_path: Path, databases: Callable[[], str], redis: RedisProcess, writing: Writing
) -> None:
    async with Proxy(redis.port) as network:
        cluster = Cluster(tmp_path, databases(), network.url.replace("http", "redis"))
        try:
            await asyncio.to_thread(cluster.start)
            async with writing(cluster) as load:
                for _ in range(OUTAGES):
                    network.delay(3600)
                    await pass_outage(load)
                    network.heal()
                    network.cut()  # what was on its way will never arrive
                    await goes_on(load)
                assert not load.errors
        finally:
            await asyncio.to_thread(cluster.stop)


async def pass_outage(load: Load) -> None:
    """Writing goes on, from its beginning to its end."""
    await goes_on(load)
    await asyncio.sleep(OUTAGE)
    await goes_on(load)


async def goes_on(load: Load) -> None:
    """Every raw device has a receipt for something that it sent from now on, and every SDK device is connected."""
    devices = load.crowd.devices
    before = [len(device.acknowledged) for device in devices]
    await until(lambda: all(len(one.acknowledged) > has for one, has in zip(devices, before, strict=True)), timeout=30)
    for device in load.scene.devices:
        assert device.client is not None
        await device.client.connected(30)


CROWD, WAITING = 1050, 2
"""Devices, and messages that each sender sends to each of them while they are away."""


class Spread:
    """The frames of one sender: message n goes to the device `n // WAITING`."""

    def __init__(self, names: list[str], sender: int) -> None:
        self._templates = [Template("private", name, sender) for name in names]

    def frames(self, numbers: range) -> bytes:
        """As `Template.frames`."""
        return b"".join(self._templates[n // WAITING].frames((n,)) for n in numbers)


async def test_many_come_back_at_once(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """1,050 devices at two nodes lose their connections in one moment, and have what they missed."""
    raise_open_files()
    names = [f"one-of-many-{number}" for number in range(CROWD)]
    tokens = [cluster.token(name) for name in names]
    ports = [node.port for node in cluster.nodes]
    first = [Receiver(token, last_seq=0) for token in tokens]
    senders = [Sender(cluster.token(f"s{port}"), Spread(names, number), window=64) for number, port in enumerate(ports)]
    for number, port in enumerate(ports):
        await connect_all([*first[number::2], senders[number]], port)
    await close_all(first)
    for sender in senders:
        sender.start(CROWD * WAITING)
    for sender in senders:
        await sender.finished
    back = [Receiver(token, last_seq=one.seq) for token, one in zip(tokens, first, strict=True)]
    began = time.monotonic()
    await asyncio.gather(*(one.connect(ports[number % 2]) for number, one in enumerate(back)))
    await until(lambda: all(one.delivered >= 2 * WAITING for one in back), timeout=60)
    with capsys.disabled():
        print(f"\n{CROWD} devices came back at once: all caught up after {time.monotonic() - began:.2f} s")  # noqa: T201
    assert {one.delivered for one in back} == {2 * WAITING}
    await close_all([*back, *senders])
