"""Private servers of other makers, for the tests, the benchmarks and `make cluster`.

They run on free ports of the loopback interface, in folders of their own, and touch nothing of what the machine itself
runs. scripts/install_servers.sh gets the programs, from Debian's packages.
"""

from __future__ import annotations

import contextlib
import random
import socket

_given: dict[int, socket.socket] = {}
"""What holds each port that was given, as long as this process lives."""


def free_ports(number: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, and that are given once only, by whatever process.

    A server listens some time after it was given its port, and not while it is down: meanwhile the port looks free.

    Below those that the system gives to outgoing connections (32768 and up): of those, one could be taken while its
    server is down, by a client that tries to reach it and meets itself.
    """
    ports: list[int] = []
    while len(ports) < number:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _hold(port)
            ports.append(port)
    return ports


def _hold(port: int) -> None:
    """Raises `OSError` where it is held, by this process or another.

    A name of Linux's own (unix(7), abstract): no file is left, and the system lets go of it when its process ends.
    """
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(f"\0roost-port-{port}")
    except OSError:
        holder.close()
        raise
    _given[port] = holder
