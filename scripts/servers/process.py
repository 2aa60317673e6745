"""A server's process in a folder of its own: run as another user where this one is root, killed, frozen, ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts.servers import free_ports

PATIENCE = 60.0
"""Seconds for a start; the slowest takes five on an idle machine."""
FAREWELL = 20.0
"""Seconds that a server has to end by itself."""
STILL = "TZX"
"""The states of who does nothing more (proc(5)): stopped, or ended and waiting for a parent who is stopped."""
REAPER = 'read nothing; kill -s KILL -- "-$1"'
"""Waits until nobody is left who could write to it, and kills a group of processes."""


class ServerProcess:
    """A program that listens on `port` and keeps its data in `directory`.

    A subclass says how it is launched, and when it is ready. `kill` and `end` leave the data, `stop` does not.
    """

    ENDS_BY = signal.SIGTERM
    """The signal at which it ends in good order."""

    def __init__(self, name: str, *, user: str | None = None, directory: Path | None = None) -> None:
        """`user`: whom a program that refuses to be root is run as.

        `directory`: made where it is missing, and kept; without it, a temporary one.
        """
        self.name = name
        [self.port] = free_ports(1)
        self._temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"roost-{name}-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._user: str | None = None
        if user is not None and os.geteuid() == 0:
            shutil.chown(self.directory, user)
            self._user = user

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of one that was started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it on the data it has, and returns when it is ready."""
        self.launch()
        self.wait(self.ready)

    def launch(self) -> None:
        """Starts it, and returns at once."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it takes connections; most do from the moment they listen."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def run(self, *command: str) -> None:
        """Runs a program to its end, as the server's user. Raises `RuntimeError` with what it said where it fails."""
        done = subprocess.run(command, cwd=self.directory, user=self._user, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def spawn(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        """Starts the server in a session of its own: an interrupt of whoever started it is not its own.

        When that process is gone, so is the server, even where it was killed.
        """
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                user=self._user,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        # A signal at the parent's death (prctl) would come at the death of the thread that has started the server.
        self._reaper = subprocess.Popen(
            ["sh", "-c", REAPER, "reaper", str(self.pid)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait(self, ready: Callable[[], bool]) -> None:
        """Returns when it is ready. Raises `RuntimeError` with what it said where it ends instead."""
        until = time.monotonic() + PATIENCE
        while not ready():
            if not self.alive or time.monotonic() > until:
                raise RuntimeError(f"{self.name} does not start:\n{self.output()}")
            time.sleep(0.02)

    def output(self) -> str:
        """The end of what it has printed."""
        return (self.directory / "output").read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """SIGKILL, to it and all that it started."""
        if self._process is not None:
            if self._reaper is not None:
                self._reaper.kill()
                self._reaper.communicate()
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def tell_to_end(self) -> None:
        """Has it end in good order; `end` waits for that."""
        if self._process is not None:
            self._process.send_signal(self.ENDS_BY)

    def end(self) -> None:
        """Has it end in good order; kills what does not."""
        if self._process is not None:
            self.tell_to_end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(FAREWELL)
        self.kill()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it does not answer, and its connections stay open (SIGSTOP).

        Raises `RuntimeError` where it does not come to a standstill.
        """
        until = time.monotonic() + FAREWELL
        self._signal(signal.SIGSTOP)
        while any(state not in STILL for state in self._states()):
            if time.monotonic() > until:
                self._signal(signal.SIGCONT)
                raise RuntimeError(f"{self.name} does not stand still: {[*self._states()]}")
            time.sleep(0.005)
            self._signal(signal.SIGSTOP)  # again: a child may have been born after they were counted
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [*map(int, children.read_text().split())] if children.exists() else []

    def _states(self) -> Iterator[str]:
        """Of each of its threads, and its children's."""
        for pid in [self.pid, *self._children()]:
            for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    yield thread.read_text().rpartition(")")[2].split()[0]

    def _signal(self, number: signal.Signals) -> None:
        """To its group, and to its children: PostgreSQL's are in no group of its own, each began a session."""
        members = self._children()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
        for one in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)

    def stop(self) -> None:
        """Ends it and removes its data, if the directory is a temporary one."""
        self.kill()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)
