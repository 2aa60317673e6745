"""What keeping order costs those who send: one-to-one with filter, limits and audit log off and on, and spam detection.

Fresh servers take turns, next to each other, so that whatever else the machine does meets all. What counts is the
ratio within each round. Everything is on in a way that lets every message through: word lists of some thousand words
that nobody writes, limits that nobody reaches. At the end the audit log must be whole and have every message, or none
where it is off.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
ROUNDS = 25
"""Many and short ones: each server process has a speed of its own, by up to a tenth."""
SHARED = "of that with all off"
WORDS = 5000
"""In each of three lists; half of them Chinese."""
UNREACHED = "1000000000"
"""Messages a minute."""


def run(*, quick: bool) -> list[Figure]:
    """Measures all by turns."""
    rates_of: dict[str, list[float]] = {OFF: [], ON: [], SPAM: []}
    costs: dict[str, list[float]] = {name: [] for name in rates_of}
    notes: dict[str, dict[str, float]] = {}
    with _settings() as settings:
        for number in range(3 if quick else ROUNDS):
            for variant in list(rates_of)[:: 1 if number % 2 else -1]:
                with running(settings=settings[variant]) as server:
                    rate, cost, notes[variant] = uvloop.run(_measure(server, seconds=1.0))
                    _check(server, notes[variant], audited=variant != OFF)
                rates_of[variant].append(rate)
                costs[variant].append(cost)
    return [
        *(Figure(NAME, f"delivered, {name}", "messages/s", rates_of[name], notes=notes[name]) for name in rates_of),
        *(
            Figure(NAME, f"processor time of the server, {name}", "µs a message", costs[name], better="less")
            for name in costs
        ),
        Figure(NAME, f"speed left, {ON}", SHARED, _ratios(rates_of[ON], rates_of[OFF]), SHARE, notes=notes[ON]),
        Figure(NAME, f"speed left, {SPAM}", SHARED, _ratios(rates_of[SPAM], rates_of[OFF]), notes=notes[SPAM]),
        Figure(NAME, f"processor time, {ON}", SHARED, _ratios(costs[ON], costs[OFF]), better="less"),
        Figure(NAME, f"processor time, {SPAM}", SHARED, _ratios(costs[SPAM], costs[OFF]), better="less"),
    ]


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


async def _measure(server: Server, *, seconds: float) -> tuple[float, float, dict[str, float]]:
    """Messages delivered a second, and the server's processor time for each, in microseconds."""
    receivers = [Receiver(sign(server.data, f"r{i}", "phone"), ordered=True) for i in range(PAIRS)]
    senders = [
        Sender(sign(server.data, f"s{i}", "phone"), Template("private", f"r{i}", i), window=WINDOW)
        for i in range(PAIRS)
    ]
    everyone = [*receivers, *senders]
    await connect_all(receivers, server.port)  # first: a receiver exists from its first token on
    await connect_all(senders, server.port)

    def delivered() -> int:
        return sum(receiver.delivered for receiver in receivers)

    for sender in senders:
        sender.start()
    await asyncio.sleep(1)
    busy, before, used = Busy(server), delivered(), server.cpu_seconds()
    [rate] = await rates(delivered, ends_of(everyone), rounds=1, seconds=seconds, warm_up=0)
    cost = (server.cpu_seconds() - used) / (delivered() - before) * 1e6
    notes = busy.notes()
    for sender in senders:
        sender.stop()
    await until(lambda: all(sender.finished.done() for sender in senders), ends_of(everyone))
    await until(lambda: delivered() == sum(sender.sent for sender in senders), ends_of(everyone))
    notes["checked"] = delivered()
    await close_all(everyone)
    return rate, cost, notes


def _check(server: Server, notes: dict[str, float], *, audited: bool) -> None:
    """Raises unless the audit log has what it should."""
    with closing(open_read_only(server.data / "roost.db")) as connection:
        verdict = verify(connection)
        sends = sum(record.act == SENT for record in records(connection))
    if verdict.faults or sends != audited * notes["checked"]:
        raise RuntimeError(f"{notes['checked']} messages, {sends} in the audit log; {verdict.faults}")
    notes["pages"] = verdict.pages
