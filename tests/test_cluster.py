"""`make cluster`: the demo across nodes, a balancer that goes on without a node, data that stay, and nothing left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts.servers import free_ports, nginx, postgresql, rabbitmq, redis
from websockets.sync.client import connect

from tests.servers import missing
from tests.servers.ending import killed_after

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 240
"""Seconds; a start with the demo takes fifteen on an idle machine."""


@pytest.fixture(autouse=True)
def programs() -> None:
    for program in (postgresql.PROGRAMS, redis.PROGRAM, rabbitmq.PROGRAM, nginx.PROGRAM):
        if not program.exists():
            missing(program.name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the users whom servers run as may pass through, as those of pytest are not."""
    made = Path(tempfile.mkdtemp(prefix="roost-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


class Run:
    """A run of scripts/cluster.py, with its data in `folder`."""

    def __init__(self, folder: Path, port: int, *arguments: str) -> None:
        self.port = port
        self._said = folder / "said"
        command = [sys.executable, ROOT / "scripts" / "cluster.py", "--port", str(port), "--data", folder / "data"]
        with self._said.open("wb") as said:
            self.process = subprocess.Popen([*command, *arguments], stdout=said, stderr=said, start_new_session=True)

    def said(self) -> str:
        return self._said.read_text(encoding="utf-8")

    def until(self, done: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)

    def ended(self) -> int:
        return self.process.wait(PATIENCE)

    def ask(self, path: str, body: dict[str, Any], token: str = "") -> Any:
        """A request through the balancer, again where it is told that nobody takes it now."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}", json.dumps(body).encode(), headers
        )
        for _ in range(20):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
                    return json.load(answer)["data"]
            except urllib.error.HTTPError as refusal:
                told = json.load(refusal)
                assert told["error"] == "unavailable", told
                time.sleep(0.5)
        raise AssertionError(path)


@pytest.fixture
def run(folder: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []
    [port] = free_ports(1)

    def start(*arguments: str) -> Run:
        runs.append(Run(folder, port, *arguments))
        return runs[-1]

    yield start
    for one in runs:
        one.process.terminate()
        with killed_after(60, [one.process.pid]):
            one.process.wait()


def left(folder: Path) -> list[str]:
    """The commands of the processes that live in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_the_demo_goes_across_nodes_and_a_node_that_dies_is_done_without(folder: Path, run: Callable[..., Run]) -> None:
    cluster = run()
    cluster.until(lambda: "until Ctrl-C" in cluster.said())
    assert "lost 0, twice 0, out of order 0" in cluster.said()
    assert len(left(folder)) > 6

    account = cluster.ask("/auth/register", {"userID": "eve", "password": "long enough"})
    with connect(f"ws://127.0.0.1:{cluster.port}/ws") as line:
        line.send(json.dumps({"type": "auth", "token": account["token"]}))
        assert json.loads(line.recv(10))["userID"] == "eve"

    killed = int(re.search(r"kill -9 (\d+)", cluster.said())[1])  # type: ignore[index]
    os.kill(killed, signal.SIGKILL)
    for number in range(10):
        message = {"to": "bob", "content": str(number), "messageID": f"m-{number}"}
        cluster.ask("/messages/user", message, account["token"])
    cluster.until(lambda: "node 1 is back" in cluster.said())

    cluster.process.send_signal(signal.SIGINT)
    assert cluster.ended() == 0, cluster.said()
    assert left(folder) == []

    again = run("--once")
    assert again.ended() == 0, again.said()
    assert "lost 0, twice 0, out of order 0" in again.said()
    assert left(folder) == []
    assert (folder / "data" / "roost" / "jwt.secret").exists()


def test_a_start_that_is_interrupted_leaves_nothing(folder: Path, run: Callable[..., Run]) -> None:
    cluster = run()
    cluster.until(lambda: any("beam" in command for command in left(folder)))
    cluster.process.terminate()
    assert cluster.ended() == 130
    assert left(folder) == []


def test_a_port_that_is_taken_is_named_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = Run(folder, port)
        assert refused.ended() == 1
    assert refused.said() == f"The cluster can't be started: port {port} is taken; another:  make cluster PORT=8090\n"
    assert not (folder / "data").exists()


def test_make_hands_over_port_data_and_arguments() -> None:
    # This test may itself be run by a make, which hands its own variables on.
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}

    def made(*arguments: str) -> str:
        command = ["make", "--dry-run", "--old-file=.venv/.installed", "cluster", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    assert "scripts/cluster.py --port 8080  \n" in made()
    assert "scripts/cluster.py --port 8123 --data ./here --once\n" in made("PORT=8123", "DATA=./here", "ARGS=--once")
