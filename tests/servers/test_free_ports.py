"""Ports for private servers: each is given once, though its server listens later, or not at all."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from scripts.servers import free_ports

DRAWS = """
import random, sys
from scripts.servers import free_ports

drawn = map(int, sys.argv[1:])
random.randrange = lambda *_: next(drawn)
print(*free_ports(1))
"""


def other_process(*drawn: int) -> int:
    """The port that another process is given if it draws these."""
    command = [sys.executable, "-c", DRAWS, *map(str, drawn)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = free_ports(2)
    more = other_process(one, two, *(random.randrange(20_000, 32_000) for _ in range(50)))
    assert more not in (one, two)
    drawn = iter([one, two, more])
    monkeypatch.setattr(random, "randrange", lambda *_: next(drawn))
    assert free_ports(1) == [more]  # that process has ended, and its port is free again
