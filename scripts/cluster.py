"""`make cluster`: a whole cluster on one machine, everything on the loopback interface, one address for clients.

PostgreSQL, Redis and RabbitMQ from Debian's packages, two nodes and a push worker with the settings of
deploy/cluster.yaml, and nginx with deploy/nginx in front of them. Nothing that the machine itself runs is touched. When
all is ready the demo is played across the nodes: those who send come to one, the receiver to the other. Then the
cluster serves until Ctrl-C (or `--once`: it ends with the demo, and with the demo's exit code); what dies meanwhile is
started again, as a supervisor would. However this ends, what it has started ends with it.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the repository, where `scripts.servers` lies

from scripts.servers import nginx, postgresql, rabbitmq, redis
from scripts.servers.nginx import Nginx
from scripts.servers.node import Node, PushWorker
from scripts.servers.postgresql import PostgreSQL
from scripts.servers.process import ServerProcess
from scripts.servers.rabbitmq import RabbitMQ
from scripts.servers.redis import RedisProcess

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "deploy" / "cluster.yaml"
DEMO = ROOT / "scripts" / "demo.py"
BIN = Path(sys.executable).parent

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY = 0.5
"""Seconds between two looks whether all are alive."""
TRY_AGAIN = 2.0
"""Seconds after which what has ended is started again."""


class CannotStart(Exception):
    """What a person has to mend first."""


class Cluster:
    """The processes, in the order in which they need each other; data and output in folders below `folder`."""

    def __init__(self, folder: Path, port: int) -> None:
        """Starts nothing yet; clients will come to `port`."""
        programs = postgresql.programs()
        assert programs is not None
        data = folder / "roost"
        data.mkdir(mode=0o700, exist_ok=True)
        self.database = PostgreSQL(programs, directory=folder / "postgresql")
        self.redis = RedisProcess(directory=folder / "redis")
        self.broker = RabbitMQ(directory=folder / "rabbitmq")
        self.settings = {
            "SERVER__DATA": str(data),
            "SERVER__DATABASE": self.database.url("roost"),
            "REDIS__URL": self.redis.url(),
            "PUSH__RABBITMQ": self.broker.url,
            "LIMITS__MESSAGES_PER_MINUTE": "0",  # the demo's people write faster than any
            "LOG__FORMAT": "console",
        }
        self.nodes = [
            Node(f"node {number}", CONFIG, self.settings, directory=folder / f"node-{number}") for number in (1, 2)
        ]
        self.worker = PushWorker(CONFIG, self.settings, directory=folder / "push-worker")
        ports = [node.port for node in self.nodes]
        self.balancer = Nginx(ROOT / "deploy" / "nginx", port, ports, directory=folder / "nginx")
        self.processes: list[ServerProcess] = [
            self.broker,
            self.redis,
            self.database,
            *self.nodes,
            self.worker,
            self.balancer,
        ]

    def start(self) -> None:
        """Starts all, and returns when they are ready. Raises `RuntimeError` with what one says that is not."""
        servers = (self.broker, self.redis, self.database)
        for server in servers:
            server.launch()
        for server in servers:
            server.wait(server.ready)
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = 'roost'").fetchall():
                connection.execute("CREATE DATABASE roost")
        for node in self.nodes:
            node.launch()
        for process in (*self.nodes, self.worker, self.balancer):
            if not process.alive:
                process.launch()
            process.wait(process.ready)

    def keep_up(self) -> None:
        """Starts again what has ended, for ever."""
        while True:
            time.sleep(LOOK_EVERY)
            for process in self.processes:
                if not process.alive:
                    print(f"{process.name} has ended, and is started again", flush=True)
                    time.sleep(TRY_AGAIN)
                    process.kill()  # what is left of it
                    with contextlib.suppress(RuntimeError):  # the next turn tells
                        process.start()
                        print(f"{process.name} is back, as process {process.pid}", flush=True)

    def end(self) -> None:
        """Ends all in good order: first those who use, then those who are used."""
        for node in self.nodes:
            node.tell_to_end()  # both at once: each sends its clients away, which takes a moment
        for process in reversed(self.processes):
            process.end()


@contextlib.contextmanager
def told_to_stop() -> Iterator[None]:
    """Ctrl-C, SIGTERM and the end of the terminal leave the block by `KeyboardInterrupt`, once.

    What is then done to end well is not interrupted again.
    """

    def stop(*_: object) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ENDING:
        signal.signal(number, stop)
    yield


@contextlib.contextmanager
def folder_for(data: Path | None) -> Iterator[Path]:
    """`data`, which is kept, or a temporary folder.

    Raises `CannotStart` where the users that the servers run as, if this one is root, can't pass through it.
    """
    if data is None:
        folder = Path(tempfile.mkdtemp(prefix="roost-cluster-"))
        folder.chmod(0o711)
    else:
        folder = data.absolute()
        folder.mkdir(parents=True, exist_ok=True)
    try:
        closed = [str(path) for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001]
        if closed and os.geteuid() == 0:
            raise CannotStart(f"the servers run as other users, to whom {closed[-1]} is closed; take another DATA")
        yield folder
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)


def check(port: int) -> None:
    """Raises `CannotStart` where the port is taken or a program is missing."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError) as error:
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        reason = "is taken" if taken else f"can't be listened on: {error}"
        raise CannotStart(f"port {port} {reason}; another:  make cluster PORT=8090") from None
    programs = {
        "postgresql": postgresql.programs(),
        "redis-server": redis.PROGRAM,
        "rabbitmq-server": rabbitmq.PROGRAM,
        "nginx-light": nginx.PROGRAM,
    }
    if missing := [package for package, program in programs.items() if program is None or not program.exists()]:
        raise CannotStart(f"something is not installed:  apt-get install {' '.join(missing)}")


def play_demo(cluster: Cluster) -> int:
    """The demo across the nodes; returns its exit code."""
    first, second = cluster.nodes
    command = [sys.executable, str(DEMO), "--senders", str(first.port), "--receiver", str(second.port)]
    demo = subprocess.Popen(command, start_new_session=True)
    try:
        return demo.wait()
    finally:
        demo.kill()
        demo.wait()


def show_places(cluster: Cluster) -> None:
    """What runs where."""
    rows = [
        ("PostgreSQL", f"127.0.0.1:{cluster.database.port}", "what is stored"),
        ("Redis", f"127.0.0.1:{cluster.redis.port}", "who is online, what was said last, who is to be told"),
        ("RabbitMQ", f"127.0.0.1:{cluster.broker.port}", "pushes, on their way to the worker"),
        *((node.name, node.url, f"process {node.pid}") for node in cluster.nodes),
        ("push worker", "", f"process {cluster.worker.pid}"),
        ("nginx", f"http://127.0.0.1:{cluster.balancer.port}", "in front of both nodes: here clients come"),
    ]
    for name, place, purpose in rows:
        print(f"  {name:<12} {place:<24} {purpose}")


def show_ways_in(cluster: Cluster, folder: Path) -> None:
    """Lines to be copied into another terminal."""
    port, node = cluster.balancer.port, cluster.nodes[0]
    environment = folder / "environment"
    settings = cluster.settings | {"SERVER__PORT": str(port)}
    lines = [f"export ROOST_{key}={shlex.quote(value)}" for key, value in settings.items()]
    environment.write_text("\n".join([*lines, f"PATH={shlex.quote(str(BIN))}:$PATH", ""]), encoding="utf-8")
    environment.chmod(0o600)
    print(f"\nThe cluster serves on http://127.0.0.1:{port} until Ctrl-C: open it in a browser. In another terminal:\n")
    for command, purpose in (
        (f". {shlex.quote(str(environment))}", "first: where everything is"),
        (f"roost chat ann --url http://127.0.0.1:{port}", "write to bob, who sits in a third terminal"),
        ("roost messages --last 10", "what was said last"),
        ("psql $ROOST_SERVER__DATABASE -c 'SELECT count(*) FROM messages'", "how much is stored"),
        ("roost online", "who is online, as a node knows it"),
        ("redis-cli -u $ROOST_REDIS__URL --scan --pattern 'online:user:*'", "and as Redis does"),
        (f"kill -9 {node.pid}", f"{node.name} dies: its users go on at the other, and it comes back"),
    ):
        print(f"  {command}\n      {purpose}")
    print(f"\nWhat each process says is in {folder}/*/output", flush=True)


def serve(folder: Path, port: int, *, once: bool) -> int:
    """The whole run; returns the exit code."""
    print("Roost as a cluster on this machine. Starting takes some seconds.", flush=True)
    cluster = Cluster(folder, port)
    try:
        cluster.start()
        show_places(cluster)
        print("\nThe demo: who sends comes to node 1, bob to node 2.", flush=True)
        code = play_demo(cluster)
        if not once:
            show_ways_in(cluster, folder)
            with contextlib.suppress(KeyboardInterrupt):
                cluster.keep_up()
        return code
    finally:
        print("Ending all of it.", flush=True)
        cluster.end()


def main() -> int:
    """0 where the demo went well, 130 where it was interrupted."""
    parser = argparse.ArgumentParser(description="Runs a cluster on this machine, and plays the demo across its nodes.")
    parser.add_argument("--port", type=int, default=8080, help="where clients come to (127.0.0.1)")
    parser.add_argument("--data", type=Path, help="a folder to keep the data in; default: a temporary one")
    parser.add_argument("--once", action="store_true", help="end after the demo, with its exit code")
    chosen = parser.parse_args()
    try:
        with told_to_stop():
            check(chosen.port)
            with folder_for(chosen.data) as folder:
                return serve(folder, chosen.port, once=chosen.once)
    except (CannotStart, OSError, RuntimeError) as reason:
        print(f"The cluster can't be started: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
