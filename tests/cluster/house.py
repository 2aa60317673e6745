"""Nodes as processes: so many `roost serve` on one database server, perhaps one Redis, with nginx in front of them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.client import sign
from bench.machine import seconds_of
from bench.server import request
from scripts.servers import free_ports
from scripts.servers.nginx import Nginx
from scripts.servers.node import Node

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNLIMITED = {"LIMITS__MESSAGES_PER_MINUTE": "0", "LIMITS__LOGIN_ATTEMPTS_PER_MINUTE": "0"}


class Cluster:
    """Nodes 0, 1 ... that share a data directory, and `url`: where clients come to, whichever of them are there.

    nginx is set up as in deploy/nginx. Without a balancer `url` is the first node's.
    """

    def __init__(
        self,
        folder: Path,
        database: str,
        redis: str = "",
        *,
        nodes: int = 2,
        balanced: bool = True,
    ) -> None:
        """Starts nothing yet. `database` and `redis` as in the settings."""
        self.data = folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        config = folder / "cluster.yaml"
        config.write_text("")
        shared = {"SERVER__DATA": str(self.data), "SERVER__DATABASE": database}
        if redis:
            shared["REDIS__URL"] = redis
        settings = shared | UNLIMITED
        self.nodes = [Node(f"node {i}", config, settings, directory=folder / f"node-{i}") for i in range(nodes)]
        self.balancer: Nginx | None = None
        if balanced:
            self.balancer = Nginx(DEPLOY / "nginx", free_ports(1)[0], [node.port for node in self.nodes])

    def __enter__(self) -> Self:
        """Starts all of it."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends all of it."""
        self.stop()

    def start(self) -> None:
        """Starts what does not run, and returns when it is ready."""
        resting = [one for one in (*self.nodes, self.balancer) if one is not None and not one.alive]
        for one in resting:
            one.launch()
        for one in resting:
            one.wait(one.ready)

    def stop(self) -> None:
        """SIGTERM for all, and SIGKILL for what does not end by it."""
        for node in self.nodes:
            node.tell_to_end()
        for node in self.nodes:
            node.end()
        if self.balancer is not None:
            self.balancer.stop()

    @property
    def port(self) -> int:
        """Where clients come to."""
        return self.nodes[0].port if self.balancer is None else self.balancer.port

    @property
    def url(self) -> str:
        """The same, as an address."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, user: str, device: str = "phone") -> str:
        """A token that every node takes."""
        return sign(self.data, user, device)

    def request(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """One HTTP request to a node that runs; returns `data` of the answer."""
        node = next(node for node in self.nodes if node.alive)
        return request(node.port, method, path, body, token)

    def cpu_seconds(self) -> float:
        """Processor time that the nodes have used so far, all together."""
        return sum(seconds_of(node.pid) for node in self.nodes)
