"""What keeping order costs those who send: one-to-one with filter, limits and audit log off and on, and spam detection.

A server of each kind runs all the time, and they work by turns, a second each: whatever else the machine does then,
it does to neighbours alike. What counts is the ratio within each round. Everything is on in a way that lets every
message through: word lists of some thousand words that nobody writes, limits that nobody reaches. At the end the audit
log must be whole and have every message, or none where it is off.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import uvloop

from bench.client import Template, sign
from bench.figures import Figure
from bench.load import Receiver, Sender, close_all, connect_all, ends_of, until
from bench.meter import Busy, rates
from bench.server import UNLIMITED, Server, running
from roost.audit.reading import SENT, records
from roost.audit.verifying import verify
from roost.db.sqlite import open_read_only

NAME = "moderation"
ABOUT = "one-to-one: filter, limits and audit log off, on, and with spam detection, by turns"

PAIRS = 50
WINDOW = 32
"""Messages of one sender that may be without their `sent`."""
OFF, ON, SPAM = "all off", "filter, limits and audit log on", "spam detection on as well"
SHARE = 0.9
"""Of the speed with all off, what must be left."""
ROUNDS = 60
"""Many and short ones: rates of one second differ by a tenth and more."""
WARM_UP, SECONDS = 0.3, 1.0
SHARED = "of that with all off"
WORDS = 5000
"""In each of three lists; half of them Chinese."""
UNREACHED = "1000000000"
"""Messages a minute."""


def run(*, quick: bool) -> list[Figure]:
    """Measures all by turns."""
    with ExitStack() as stack:
        settings = stack.enter_context(_settings())
        servers = {name: stack.enter_context(running(settings=settings[name])) for name in settings}
        sides = uvloop.run(_by_turns(servers, 8 if quick else ROUNDS))
        for name, side in sides.items():
            side.check(audited=name != OFF)
    off, on, spam = (sides[name] for name in (OFF, ON, SPAM))
    return [
        *(
            Figure(NAME, f"delivered, {name}", "messages/s", side.rates, notes=side.notes)
            for name, side in sides.items()
        ),
        *(
            Figure(NAME, f"processor time of the server, {name}", "µs a message", side.costs, better="less")
            for name, side in sides.items()
        ),
        Figure(NAME, f"speed left, {ON}", SHARED, _ratios(on.rates, off.rates), SHARE),
        Figure(NAME, f"speed left, {SPAM}", SHARED, _ratios(spam.rates, off.rates)),
        Figure(NAME, f"processor time, {ON}", SHARED, _ratios(on.costs, off.costs), better="less"),
        Figure(NAME, f"processor time, {SPAM}", SHARED, _ratios(spam.costs, off.costs), better="less"),
    ]


async def _by_turns(servers: dict[str, Server], rounds: int) -> dict[str, _Side]:
    sides = {name: _Side(server) for name, server in servers.items()}
    for side in sides.values():
        await side.connect()
    for number in range(-1, rounds):
        for side in list(sides.values())[:: 1 if number % 2 else -1]:
            await side.work(counts=number >= 0)
    for side in sides.values():
        await side.close()
    return sides


def _ratios(these: list[float], those: list[float]) -> list[float]:
    return [one / other for one, other in zip(these, those, strict=True)]


@contextmanager
def _settings() -> Iterator[dict[str, dict[str, str]]]:
    off = {"ROOST_AUDIT__SENDS": "false", "ROOST_AUDIT__ACTS": "false", "ROOST_MODERATION__SPAM": "false"}
    on = {f"ROOST_LIMITS__{who}MESSAGES_PER_MINUTE": UNREACHED for who in ("", "DEVICE_", "ADDRESS_")}
    with tempfile.TemporaryDirectory(prefix="roost-") as folder:
        for number, action in enumerate(("mask", "reject", "flag")):
            file = Path(folder) / f"{action}.txt"
            words = [_word(WORDS * number + each) for each in range(WORDS)]
            file.write_text("\n".join(words), encoding="utf-8")
            on[f"ROOST_MODERATION__{action.upper()}"] = f'["{file}"]'
        yield {OFF: UNLIMITED | off, ON: on | {"ROOST_MODERATION__SPAM": "false"}, SPAM: on}


def _word(number: int) -> str:
    """A word that nobody writes."""
    if number % 2:
        return f"qx{number:x}zq"
    return "".join(chr(0x4E00 + number * prime % 20_000) for prime in (7919, 104_729, 1_299_709))


class _Side:
    """A server, and those who send to each other there."""

    def __init__(self, server: Server) -> None:
        self.rates: list[float] = []
        """Messages delivered a second, a round each."""
        self.costs: list[float] = []
        """The server's processor time for each message, in microseconds, a round each."""
        self.notes: dict[str, float] = {}
        self._server = server
        self._receivers = [Receiver(sign(server.data, f"r{i}", "phone"), ordered=True) for i in range(PAIRS)]
        self._senders = [
            Sender(sign(server.data, f"s{i}", "phone"), Template("private", f"r{i}", i), window=WINDOW)
            for i in range(PAIRS)
        ]

    async def connect(self) -> None:
        """Connects all."""
        await connect_all(self._receivers, self._server.port)  # first: a receiver exists from its first token on
        await connect_all(self._senders, self._server.port)

    async def work(self, *, counts: bool) -> None:
        """Sends for a second, and waits until everything has arrived and the server rests."""
        ends = ends_of([*self._receivers, *self._senders])
        for sender in self._senders:
            sender.start()
        await asyncio.sleep(WARM_UP)
        busy, before, used = Busy(self._server), self._delivered(), self._server.cpu_seconds()
        [rate] = await rates(self._delivered, ends, rounds=1, seconds=SECONDS, warm_up=0)
        cost = (self._server.cpu_seconds() - used) / (self._delivered() - before) * 1e6
        self.notes |= busy.notes()
        for sender in self._senders:
            sender.stop()
        await until(lambda: self._delivered() == sum(sender.sent for sender in self._senders), ends)
        await self._rest()
        if counts:
            self.rates.append(rate)
            self.costs.append(cost)

    async def close(self) -> None:
        """Ends the connections; how many messages there were is noted."""
        self.notes["checked"] = self._delivered()
        await close_all([*self._receivers, *self._senders])

    def check(self, *, audited: bool) -> None:
        """Raises unless the audit log has what it should."""
        with closing(open_read_only(self._server.data / "roost.db")) as connection:
            verdict = verify(connection)
            sends = sum(record.act == SENT for record in records(connection))
        if verdict.faults or sends != audited * self.notes["checked"]:
            raise RuntimeError(f"{self.notes['checked']} messages, {sends} in the audit log; {verdict.faults}")
        self.notes["pages"] = verdict.pages

    def _delivered(self) -> int:
        return sum(receiver.delivered for receiver in self._receivers)

    async def _rest(self) -> None:
        """Until the server does nothing: it would take from the next one's second."""
        before, used = -1.0, self._server.cpu_seconds()
        while used > before:
            await asyncio.sleep(0.05)
            before, used = used, self._server.cpu_seconds()
