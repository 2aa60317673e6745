"""A server's process in a folder of its own: run as another user where this one is root, killed, frozen, ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.servers import free_ports

PATIENCE = 60.0
"""Seconds for a start; it takes one on an idle machine."""


class ServerProcess:
    """A program that listens on `port` and keeps its data in `directory`. `kill` leaves the data, `stop` does not."""

    def __init__(self, name: str, *, user: str) -> None:
        """`user`: whom a program that refuses to be root is run as."""
        self.name = name
        [self.port] = free_ports(1)
        self.directory = Path(tempfile.mkdtemp(prefix=f"roost-{name}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user: str | None = None
        if os.geteuid() == 0:
            shutil.chown(self.directory, user)
            self._user = user

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def run(self, *command: str) -> None:
        """Runs a program to its end, as the server's user. Raises `RuntimeError` with what it said where it fails."""
        done = subprocess.run(command, cwd=self.directory, user=self._user, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def spawn(self, *command: str) -> None:
        """Starts the server; an interrupt of the tests is not its own."""
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=self.directory, user=self._user, stdout=output, stderr=output, start_new_session=True
            )

    def wait(self, ready: Callable[[], bool]) -> None:
        """Returns when it is ready. Raises `RuntimeError` with what it said where it ends instead."""
        until = time.monotonic() + PATIENCE
        while not ready():
            if not self.alive or time.monotonic() > until:
                said = (self.directory / "output").read_text(errors="replace")[-4000:]
                raise RuntimeError(f"{self.name} does not start:\n{said}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, to it and all that it started."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it does not answer, and its connections stay open (SIGSTOP)."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """PostgreSQL's processes are no group: each began a session."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for one in [pid, *map(int, children.read_text().split() if children.exists() else ())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)

    def stop(self) -> None:
        """Ends it and removes its data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
