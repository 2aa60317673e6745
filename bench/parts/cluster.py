"""A database server, Redis, and one node or two: how much is stored and delivered, and how long it takes across nodes.

All of it runs on this machine, the generator too. The database servers are private ones whose commits are durable, as
they are out of the box: PostgreSQL with fsync and synchronous_commit, MariaDB with innodb_flush_log_at_trx_commit=1.

With two nodes every message goes from one to the other: who sends is connected to one, who receives to the other.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pymysql
import uvloop
from scripts.servers import mariadb, postgresql, redis
from scripts.servers.mariadb import MariaDB
from scripts.servers.postgresql import PostgreSQL
from scripts.servers.redis import RedisProcess
from tests.cluster.house import Cluster

from bench.figures import Figure
from bench.meter import Busy
from bench.parts.latency import paced
from bench.parts.throughput import flat_out

NAME = "cluster"
ABOUT = "one node and two on PostgreSQL and MariaDB: messages a second; latency from node to node"

POSTGRESQL, MARIADB = "PostgreSQL", "MariaDB"
TARGETS = {POSTGRESQL: 5_000, MARIADB: 3_000}
"""Durable messages a second."""
RATES = (500, 1_000)
"""Messages a second at which the latency is measured."""
DATABASE = "bench"


def run(*, quick: bool) -> list[Figure]:
    """Measures each database in turn. Raises `FileNotFoundError` where a server is not installed."""
    programs = {"postgresql": postgresql.programs(), "mariadb-server": mariadb.PROGRAM, "redis-server": redis.PROGRAM}
    if missing := [name for name, path in programs.items() if path is None or not path.exists()]:
        raise FileNotFoundError(f"{missing} not there: scripts/install_servers.sh installs them.")
    found: list[Figure] = []
    for kind in TARGETS:
        found += _throughput(kind, 1, quick=quick)
        found += _throughput(kind, 2, quick=quick)
        found += _latency(kind, quick=quick)
    return found


def _throughput(kind: str, nodes: int, *, quick: bool) -> list[Figure]:
    with _running(kind, nodes) as (cluster, busy):
        ports = [node.port for node in cluster.nodes]
        roads = list(zip(ports, [*ports[1:], ports[0]], strict=True))
        rates, notes = uvloop.run(
            flat_out(cluster.data, roads, busy, rounds=3 if quick else 7, seconds=1.0 if quick else 2.0)
        )
    name = f"{kind}, {nodes} node{'s' * (nodes > 1)}: one-to-one delivered"
    return [Figure(NAME, name, "messages/s", rates, TARGETS[kind], notes=notes)]


def _latency(kind: str, *, quick: bool) -> list[Figure]:
    rounds, found = 3 if quick else 5, []
    with _running(kind, 2) as (cluster, busy):
        road = (cluster.nodes[0].port, cluster.nodes[1].port)
        for rate in RATES:
            seconds = rounds * (2 if quick else 5)
            times, notes = uvloop.run(paced(cluster.data, road, rate, seconds, busy, f"-{rate}-"))
            notes["sentPerSecond"] = times.rate()
            name = f"{kind}, 2 nodes, {rate:,}/s: send to receipt at the other"
            for percent, target in ((50, 5.0), (99, None)):
                values = times.milliseconds(times.sent, percent, rounds)
                found.append(Figure(NAME, f"{name}, p{percent}", "ms", values, target, "less", notes))
    return found


@contextmanager
def _running(kind: str, nodes: int) -> Iterator[tuple[Cluster, Busy]]:
    """Fresh servers and nodes."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="roost-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        shared = RedisProcess()
        stack.callback(shared.stop)
        shared.start()
        database = _database(kind, stack)
        cluster = Cluster(folder, database.url(DATABASE), shared.url(), nodes=nodes, balanced=False)
        with cluster:
            yield cluster, Busy(cluster, {"database": database.pid, "redis": shared.pid})


def _database(kind: str, stack: ExitStack) -> PostgreSQL | MariaDB:
    if kind == POSTGRESQL:
        programs = postgresql.programs()
        assert programs is not None
        server: PostgreSQL | MariaDB = PostgreSQL(programs)
    else:
        server = MariaDB()
    stack.callback(server.stop)
    server.start()
    if isinstance(server, PostgreSQL):
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    else:
        with pymysql.connect(host="127.0.0.1", port=server.port, user="root") as link, link.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    return server
