"""Group fan-out: one member of a group sends, the others are online; what counts is a message on a member's socket.

The sender keeps a bounded number of messages that not every member has had yet, so the rate is that of deliveries,
not of sends. Each member must have every message once and in order.
"""

from __future__ import annotations

from typing import Any

import uvloop

from bench.audience import Audience
from bench.client import Template, sign
from bench.figures import Figure
from bench.load import Sender, until
from bench.meter import Busy, rates
from bench.server import Server, running

NAME = "fanout"
ABOUT = "deliveries a second into one group of 1,000 members online"

MEMBERS = 1_000
"""The sender is one of them."""

WINDOW = 24
"""Group messages on their way: sent, and not yet with every member (by count)."""


class _GroupSender(Sender):
    """Goes on as deliveries come in, not as its own messages are acknowledged."""

    def __init__(self, token: str, group: str, receivers: int) -> None:
        super().__init__(token, Template("group", group, 0), window=WINDOW)
        self._receivers = receivers
        self._next_step = receivers
        self.delivered = 0

    def may_reach(self) -> int:
        return self.delivered // self._receivers + WINDOW

    def count(self, delivered: int) -> None:
        """So many deliveries in all."""
        self.delivered = delivered
        if delivered >= self._next_step:
            self._next_step = (delivered // self._receivers + 1) * self._receivers
            self.refill()


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server."""
    with running() as server:
        return uvloop.run(_measure(server, rounds=3 if quick else 7, seconds=1.0 if quick else 2.0))


async def _measure(server: Server, *, rounds: int, seconds: float) -> list[Figure]:
    names = [f"m{i}" for i in range(1, MEMBERS)]
    owner = sign(server.data, "owner", "phone")
    with Audience(server.port, [sign(server.data, name, "phone") for name in names]) as audience:
        sender = _GroupSender(owner, make_group(server, owner, names), len(names))
        await sender.connect(server.port)
        audience.listen(sender.count)
        busy = Busy(server)
        sender.start()
        ends = [audience.failed, sender.closed]
        found = await rates(lambda: audience.delivered, ends, rounds=rounds, seconds=seconds)
        notes = busy.notes()
        sender.stop()
        await sender.finished
        await until(lambda: audience.everyone_has(sender.sent), ends)
        notes["checked"] = audience.delivered
        await sender.close()
    return [Figure(NAME, "into a group of 1,000", "deliveries/s", found, 100_000, notes=notes)]


def make_group(server: Server, owner: str, members: list[str]) -> str:
    """A group of these members, besides its owner; returns its id."""
    made: dict[str, Any] = server.request("POST", "/groups", {"name": "bench", "members": members}, owner)
    return str(made["groupID"])
