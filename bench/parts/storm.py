"""Reconnect storm: 5,000 devices come back in one moment, each with 20 entries waiting.

As after a restart or a network cut: every device opens its socket at once, authenticates with its `lastSeq`,
receives what it missed and acks it. A device whose connection fails tries again after a moment, as an SDK does; the
time runs until the last one has everything.
"""

from __future__ import annotations

import asyncio
import gc
import time

import uvloop

from bench.client import Frame, Template, sign
from bench.figures import Figure, percentile
from bench.load import Receiver, Sender, close_all, connect_all
from bench.meter import Busy
from bench.server import Server, raise_open_files, running

NAME = "storm"
ABOUT = "5,000 devices reconnecting at once with 20 entries each, until all are caught up"

DEVICES = 5_000
WAITING = 20
SENDERS = 20
WINDOW = 64
RETRY = 0.5
"""Seconds before a failed connection is tried again."""


class _Device(Receiver):
    """Reports when it has what waited, and acks it."""

    def __init__(self, token: str, last_seq: int) -> None:
        super().__init__(token, last_seq=last_seq)
        self.caught_up: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def take(self, number: int) -> None:
        super().take(number)
        if self.delivered == WAITING:
            self.caught_up.set_result(time.monotonic())

    def received(self, frame: Frame, last: bool) -> None:  # noqa: FBT001
        super().received(frame, last)
        if self.delivered == WAITING:
            self.ack()


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server, the same devices in each round."""
    raise_open_files()
    with running() as server:
        return uvloop.run(_measure(server, rounds=1 if quick else 3))


async def _measure(server: Server, *, rounds: int) -> list[Figure]:
    tokens = [sign(server.data, f"d{i}", "phone") for i in range(DEVICES)]
    devices: list[Receiver] = [Receiver(token) for token in tokens]
    await connect_all(devices, server.port)
    await close_all(devices)
    alls, medians, retries, notes = [], [], 0, {}
    for number in range(rounds):
        await _send(server, number)
        await asyncio.sleep(2.0)  # the server is done with what the sends left behind
        gc.collect()
        gc.disable()
        busy = Busy(server)
        started = time.monotonic()
        storm = await asyncio.gather(
            *(_return(server, token, device.seq) for token, device in zip(tokens, devices, strict=True))
        )
        gc.enable()
        notes = busy.notes()
        devices = [device for device, _, _ in storm]
        times = [at - started for _, at, _ in storm]
        retries += sum(tries for _, _, tries in storm)
        alls.append(max(times))
        medians.append(percentile(times, 50))
        await asyncio.sleep(0.5)  # acks arrive
        await close_all(devices)
    notes["retries"] = retries
    return [
        Figure(NAME, "until the last device has caught up", "s", alls, 10.0, "less", notes),
        Figure(NAME, "until half have caught up", "s", medians, None, "less", notes),
    ]


async def _return(server: Server, token: str, last_seq: int) -> tuple[_Device, float, int]:
    """One device comes back; returns it, when it had everything, and how often it had to try again."""
    tries = 0
    while True:
        device = _Device(token, last_seq)
        try:
            await device.connect(server.port)
            break
        except (OSError, TimeoutError):
            tries += 1
            await asyncio.sleep(RETRY)
    await asyncio.wait([device.caught_up, device.closed], return_when=asyncio.FIRST_COMPLETED)
    if not device.caught_up.done():
        raise device.closed.exception() or ConnectionError("closed before it had caught up")
    return device, device.caught_up.result(), tries


async def _send(server: Server, round_: int) -> None:
    """Twenty messages to every device while it is away."""
    connections = [_Sprinkler(sign(server.data, f"s{i}", "phone"), i, round_) for i in range(SENDERS)]
    await connect_all(connections, server.port)
    for connection in connections:
        connection.start(DEVICES * WAITING // SENDERS)
    for connection in connections:
        await connection.finished
    await close_all(connections)


class _Sprinkler(Sender):
    """Sends its share: message n goes to the device `sender + SENDERS * (n // WAITING)`."""

    def __init__(self, token: str, sender: int, round_: int) -> None:
        own = range(sender, DEVICES, SENDERS)
        super().__init__(
            token, _Spread([Template("private", f"d{i}", sender + 64 * round_) for i in own]), window=WINDOW
        )


class _Spread:
    """Templates, used one after the other, `WAITING` messages each."""

    def __init__(self, templates: list[Template]) -> None:
        self._templates = templates

    def frames(self, numbers: range) -> bytes:
        """As `Template.frames`."""
        return b"".join(self._templates[n // WAITING].frames((n,)) for n in numbers)
