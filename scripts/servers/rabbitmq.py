"""A private RabbitMQ broker: its own ports, data, cookie and port mapper (epmd); killed and started again at will."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from scripts.servers import free_ports
from scripts.servers.process import ServerProcess

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's. The one in the PATH is a wrapper that insists on the machine's own data and user."""

SETTINGS = "[{rabbit, [{disk_free_limit, 1000000}]}, {ra, [{wal_max_size_bytes, 33554432}]}]."


class _Mapper(ServerProcess):
    """epmd. Started by RabbitMQ it would be a daemon that outlives it."""

    def __init__(self, directory: Path) -> None:
        super().__init__("epmd", directory=directory)

    def launch(self) -> None:
        self.spawn("epmd", "-address", "127.0.0.1", "-port", str(self.port))


class RabbitMQ(ServerProcess):
    """A broker at `url`."""

    def __init__(self, *, directory: Path | None = None) -> None:
        super().__init__("rabbitmq", directory=directory)
        [self._distribution] = free_ports(1)
        self._mapper = _Mapper(self.directory / "epmd")
        (self.directory / "plugins").write_text("[].")
        (self.directory / "advanced.config").write_text(SETTINGS)

    @property
    def url(self) -> str:
        """Its address, as `push.rabbitmq` takes it."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def launch(self) -> None:
        """Starts it on the data it has."""
        if not self._mapper.alive:
            self._mapper.start()
        data = str(self.directory)
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": data,  # the cookie lies here
            "ERL_EPMD_PORT": str(self._mapper.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # or it would read the machine's
            "RABBITMQ_CONFIG_FILE": f"{data}/none",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{data}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{data}/plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{data}/generated",
            "RABBITMQ_MNESIA_BASE": f"{data}/mnesia",
            "RABBITMQ_LOG_BASE": f"{data}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": "roost@localhost",  # its data bear this name; no other broker's mapper knows it
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the broker, instead of watching over it
        }
        self.spawn(str(PROGRAM), environment=environment)

    def ready(self) -> bool:
        """Asked for a version of AMQP that there is not, a broker that is up answers with its own."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
            one.sendall(b"AMQP\x00\x09\x09\x09")
            return one.recv(4) == b"AMQP"
        return False

    def end(self) -> None:
        """Has the broker end in good order, and its mapper with it."""
        super().end()
        self._mapper.kill()

    def stop(self) -> None:
        """Ends it and removes its data, if the directory is a temporary one."""
        self._mapper.kill()
        super().stop()
