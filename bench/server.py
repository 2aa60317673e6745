"""The server under measurement: a real `roost serve` process on a free port, with data in a folder of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.machine import seconds_of

START_TIMEOUT = 60.0
"""Seconds for the ready line to appear."""

STOP_TIMEOUT = 20.0
"""Seconds for SIGTERM to end it; then it is killed."""

UNLIMITED = {"ROOST_LIMITS__MESSAGES_PER_MINUTE": "0"}
"""The settings of every measured server: the limits that would measure themselves are off (CONTRACT §1)."""

_READY = re.compile(rb"ready on http://[^\s:]+:(\d+)")


class Server:
    """One `roost serve` process. Its output goes to `server.log` beside its data directory `data`."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self.data = folder / "data"
        self.port = 0
        self._log = folder / "server.log"
        self._settings = UNLIMITED if settings is None else settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        """Starts the process and returns at once; `wait_ready` waits for it."""
        command = [sys.executable, "-m", "roost", "serve", "--host", "127.0.0.1", "--port", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [*command, "--data", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._log.parent,  # no config.yaml lies there
                env={**os.environ, **self._settings},
            )

    def wait_ready(self) -> None:
        """Returns when the ready line is there, which also tells the port."""
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while (found := _READY.search(self._log.read_bytes())) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.output()}")
            time.sleep(0.01)
        self.port = int(found[1])

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough; harmless if it has ended."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: the process ends where it stands."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def output(self) -> str:
        """The end of what the server has printed."""
        return self._log.read_text(errors="replace")[-4000:]

    def cpu_seconds(self) -> float:
        """Processor time used so far, user and system, all threads."""
        return seconds_of(self.pid)

    def resident_bytes(self) -> int:
        """Resident memory: the proportional set size, so that pages shared with others count in part."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024  # type: ignore[index]

    def request(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """One HTTP request; returns `data` of the answer. A refusal is a RuntimeError with the answer's text."""
        return request(self.port, method, path, body, token)


def request(port: int, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
    """One JSON request to a server of this machine, as `Server.request`."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(link):
        return ask(link, method, path, body, token)


def ask(link: http.client.HTTPConnection, method: str, path: str, body: Any, token: str | None) -> Any:
    """One JSON request on an open connection, which stays open; returns `data`, raises RuntimeError on a refusal."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    link.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
    answer = link.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path} -> {answer.status} {text.decode(errors='replace')}")
    return json.loads(text)["data"]


@contextlib.contextmanager
def running(*, settings: dict[str, str] | None = None) -> Iterator[Server]:
    """A server in a temporary folder, which goes away with it."""
    folder = Path(tempfile.mkdtemp(prefix="roost-"))
    server = Server(folder, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def raise_open_files() -> int:
    """Raises this process's limit of open files, which servers started later inherit; returns the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
