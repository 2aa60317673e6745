"""Private servers of other makers, for the tests, the benchmarks and `make cluster`.

They run on free ports of the loopback interface, in folders of their own, and touch nothing of what the machine itself
runs. scripts/install_servers.sh gets the programs, from Debian's packages.
"""

from __future__ import annotations

import contextlib
import random
import socket


def free_ports(number: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on.

    Below those that the system gives to outgoing connections (32768 and up): of those, one could be taken while its
    server is down, by a client that tries to reach it and meets itself.
    """
    ports: list[int] = []
    while len(ports) < number:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
    return ports
