"""A private RabbitMQ broker: its own ports, data, cookie and port mapper (epmd); killed and started again at will."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import free_ports, missing

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's. The one in the PATH is a wrapper that insists on the machine's own data and user."""

PATIENCE = 60.0
"""Seconds for a start; it takes five on an idle machine."""

SETTINGS = "[{rabbit, [{disk_free_limit, 1000000}]}, {ra, [{wal_max_size_bytes, 33554432}]}]."


class RabbitMQ:
    """A broker at `url`. `kill` and `start` keep its data; `stop` ends it for good."""

    def __init__(self) -> None:
        self._data = Path(tempfile.mkdtemp(prefix="roost-rabbitmq-"))
        self.port, self._distribution, self._mapper = free_ports(3)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        (self._data / "plugins").write_text("[].")
        (self._data / "advanced.config").write_text(SETTINGS)

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return "broker" in self._running and self._running["broker"].poll() is None

    def start(self) -> None:
        """Starts it on the data it has, and returns when it takes connections."""
        if "epmd" not in self._running:
            # Started by RabbitMQ it would be a daemon that outlives the tests.
            self._spawn("epmd", "epmd", "-address", "127.0.0.1", "-port", str(self._mapper))
            self._wait("epmd", lambda: self._says(self._mapper, b"", b""))
        self._spawn("broker", str(PROGRAM))
        # Asked for a version of AMQP that there is not, a broker that is up answers with its own.
        self._wait("broker", lambda: self._says(self.port, b"AMQP\x00\x09\x09\x09", b"AMQP"))

    def kill(self) -> None:
        """SIGKILL: what it had not written is gone, and its clients' connections with it."""
        self._end("broker")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it does not answer, and its connections stay open (SIGSTOP)."""
        group = self._running["broker"].pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def stop(self) -> None:
        """Ends it and removes its data."""
        for name in list(self._running):
            self._end(name)
        shutil.rmtree(self._data, ignore_errors=True)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not ready():
            if self._running[name].poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} does not start:\n{(self._data / f'{name}.out').read_text()[-4000:]}")
            time.sleep(0.05)

    @staticmethod
    def _says(port: int, word: bytes, answer: bytes) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as one:
            one.sendall(word)
            return not answer or one.recv(len(answer)) == answer
        return False

    def _spawn(self, name: str, *command: str) -> None:
        data = str(self._data)
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": data,  # the cookie lies here
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # or it would read the machine's
            "RABBITMQ_CONFIG_FILE": f"{data}/none",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{data}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{data}/plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{data}/generated",
            "RABBITMQ_MNESIA_BASE": f"{data}/mnesia",
            "RABBITMQ_LOG_BASE": f"{data}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": f"roost{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the broker, instead of watching over it
        }
        with (self._data / f"{name}.out").open("ab") as output:
            # A session of its own: what it starts is killed with it, and an interrupt of the tests is not its own.
            self._running[name] = subprocess.Popen(
                command, env=environment, cwd=data, stdout=output, stderr=output, start_new_session=True
            )

    def _end(self, name: str) -> None:
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _started() -> Iterator[RabbitMQ]:
    if not PROGRAM.exists():
        missing("rabbitmq-server")
    broker = RabbitMQ()
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A broker for all tests, which stays up: each takes queues of its own names."""
    yield from _started()


@pytest.fixture(scope="session")
def mortal_rabbitmq_process() -> Iterator[RabbitMQ]:
    yield from _started()


@pytest.fixture
def mortal_rabbitmq(mortal_rabbitmq_process: RabbitMQ) -> RabbitMQ:
    """A broker that tests may kill. It is up when a test begins, whatever the one before did to it."""
    if not mortal_rabbitmq_process.alive:
        mortal_rabbitmq_process.start()
    return mortal_rabbitmq_process
