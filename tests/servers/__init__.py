"""Servers of other makers that tests run on: private ones, on free ports, in folders of their own.

Nothing here touches what the machine itself runs. scripts/install_servers.sh gets the programs; where one is missing
the tests on it are skipped, and fail in continuous integration (CI=true).
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
from typing import NoReturn

import pytest


def missing(program: str) -> NoReturn:
    """Skips the test that wants `program`, or fails it where everything is to be tested."""
    reason = f"{program} is not installed: scripts/install_servers.sh gets it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


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
