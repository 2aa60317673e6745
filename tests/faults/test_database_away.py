"""Two nodes on one database server, which is stopped, killed, frozen under load: whoever waits is told so, as something
to be tried again; nothing is acknowledged that is not there; and all goes on by itself.

`FAULTS=long` makes the outages 30 s long and repeats them; `FAULTS_SEED` repeats the choices of a run (not its timing).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from bench.client import FullFrame, RefusedError
from bench.server import request
from scripts.servers.process import ServerProcess

from tests.client.people import until
from tests.cluster.crowd import Crowd
from tests.cluster.house import Cluster
from tests.faults.devices import Cast, Device, Link
from tests.servers import mariadb, postgresql

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED", time.time_ns() % 1_000_000))
OUTAGE = 30.0 if LONG else 6.0
ROUNDS = 3 if LONG else 1
AT_ONCE = 8
"""Messages of a device that have no receipt yet."""
TRY_AGAIN = 0.2
"""Seconds before a device that was refused connects again."""
LOAD = 1.0
"""Seconds of load before and after each outage."""
LONGEST = 10.0
"""Seconds that nobody waits for an answer: twice what is promised, because the machine has other things to do."""
PATIENCE = 60.0
"""Seconds for what takes a few."""

pytestmark = pytest.mark.faults


class Waits:
    """How long an answer took. `since` an outage began or ended: when the first was refused, and each had success."""

    def __init__(self) -> None:
        self.refused = 0
        self.longest = 0.0
        self._since = time.monotonic()
        self.first_refusal: float | None = None
        self.successes: dict[object, float] = {}

    def begin(self) -> None:
        """An outage begins, or ends, now."""
        self._since = time.monotonic()
        self.first_refusal = None
        self.successes = {}

    def answered(self, who: object, asked: float, *, refused: bool) -> None:
        """`who` has an answer to what was asked then (time.monotonic)."""
        now = time.monotonic()
        self.longest = max(self.longest, now - asked)
        if refused:
            self.refused += 1
            self.first_refusal = self.first_refusal or now - self._since
        elif asked > self._since:
            self.successes.setdefault(who, now - self._since)


class Patient(Link):
    """Sends again, after a while, what was refused because the database is away."""

    def __init__(self, device: Device, cast: Cast, chance: random.Random, waits: Waits) -> None:
        super().__init__(device, cast, chance)
        self._waits = waits
        self._connecting = time.monotonic()
        self._asked: dict[str, float] = {}

    def send_again(self) -> None:
        super().send_again()
        self._asked = dict.fromkeys(self._again, time.monotonic())

    def send_on(self, window: int) -> None:
        super().send_on(window)
        now = time.monotonic()
        for message_id in self.device.pending:
            self._asked.setdefault(message_id, now)

    def received(self, frame: FullFrame, last: bool) -> None:
        if frame.type == "sent":
            self._waits.answered(self.device, self._asked.pop(frame.message_id), refused=False)
        super().received(frame, last)

    def refused(self, error: dict[str, Any]) -> None:
        if error["error"] != "unavailable" or not error["retryAfter"] > 0:
            super().refused(error)
        message_id = error.get("messageID")
        if message_id is None:
            self._waits.answered(self.device, self._connecting, refused=True)
            super().refused(error)
        else:
            self._waits.answered(self.device, self._asked[message_id], refused=True)
            self._asked[message_id] = time.monotonic() + error["retryAfter"]
            asyncio.get_running_loop().call_later(error["retryAfter"], self._send_once_more, message_id)

    def _send_once_more(self, message_id: str) -> None:
        sending = self.device.pending.get(message_id) or self._again.get(message_id)
        if sending is not None and not self._transport.is_disconnected:
            self.send(sending.frame)


class PatientCrowd(Crowd):
    """Each device stays with its node."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        super().__init__(cluster, chance)
        self.waits = Waits()

    async def live(self, number: int) -> None:
        device, node = self.devices[number], self.cluster.nodes[number % 2]
        while not self.ended:
            link = Patient(device, self.cast, self.chance, self.waits)
            try:
                await link.connect(node.port)
                link.send_again()
                while not (link.closed.done() or self.ended):
                    if not self.resting:
                        link.send_on(AT_ONCE)
                        link.window = 0  # no more before the next look
                    await asyncio.sleep(0.02)
                if self.ended:
                    await link.close()
                else:
                    link.closed.result()
            except RefusedError as refusal:
                if not str(refusal).startswith("unavailable"):
                    raise
                await asyncio.sleep(TRY_AGAIN)
                self.losses += 1

    def visit(self, port: int, ended: threading.Event) -> None:
        """Somebody who reads over HTTP, one page after the other."""
        token = next(iter(self.tokens.values()))
        while not ended.wait(0.02):
            asked = time.monotonic()
            try:
                request(port, "GET", "/conversations", None, token)
            except RuntimeError as refusal:
                if "-> 503 " not in str(refusal) or "unavailable" not in str(refusal):
                    raise
                self.waits.answered(f"visitor {port}", asked, refused=True)
            else:
                self.waits.answered(f"visitor {port}", asked, refused=False)


@contextlib.contextmanager
def stopped(database: ServerProcess) -> Iterator[None]:
    database.end()
    yield
    database.start()


@contextlib.contextmanager
def killed(database: ServerProcess) -> Iterator[None]:
    database.kill()
    yield
    database.start()


@contextlib.contextmanager
def frozen(database: ServerProcess) -> Iterator[None]:
    with database.frozen():
        yield


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server that may be ended; whoever does starts it again."""
    yield from (postgresql if request.param == "postgresql" else mariadb).started()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, database: Any) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), database.url(), balanced=False) as cluster:
        yield cluster


@contextlib.asynccontextmanager
async def under_load(cluster: Cluster) -> AsyncIterator[PatientCrowd]:
    """Everybody writes and reads while the block runs. After it everything settles, and is checked."""
    crowd = await asyncio.to_thread(PatientCrowd, cluster, random.Random(SEED))
    ended = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(len(crowd.devices)):
            tasks.create_task(crowd.live(number))
        for node in cluster.nodes:
            tasks.create_task(asyncio.to_thread(crowd.visit, node.port, ended))
        try:
            await goes_on(crowd)
            yield crowd
            await crowd.settle()
        finally:
            ended.set()
            crowd.ended = True


async def goes_on(crowd: PatientCrowd) -> float:
    """Waits until every device and both visitors had success with something they asked for since; returns when (s)."""
    everyone = len(crowd.devices) + len(crowd.cluster.nodes)
    await until(lambda: len(crowd.waits.successes) == everyone, timeout=PATIENCE)
    return max(crowd.waits.successes.values())


@pytest.mark.parametrize("outage", [stopped, killed, frozen])
async def test_nobody_waits_and_nothing_is_lost(
    database: ServerProcess,
    cluster: Cluster,
    outage: Callable[[ServerProcess], Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    told, back = [], []
    async with under_load(cluster) as crowd:
        waits = crowd.waits
        for _ in range(ROUNDS):
            await asyncio.sleep(LOAD)
            away = outage(database)
            waits.begin()
            await asyncio.to_thread(away.__enter__)
            await asyncio.sleep(OUTAGE)
            assert waits.first_refusal is not None
            told.append(waits.first_refusal)
            await asyncio.to_thread(away.__exit__, None, None, None)
            waits.begin()
            back.append(await goes_on(crowd))
            await asyncio.sleep(LOAD)
    counts = await asyncio.to_thread(crowd.verdict)
    with capsys.disabled():
        print(  # noqa: T201 - a run tells its seed and its counts
            f"\n{database.name} {outage.__name__} for {OUTAGE:.0f} s: the first was refused after {max(told):.2f} s, "
            f"nobody waited longer than {waits.longest:.2f} s, everybody went on {max(back):.2f} s after its return; "
            f"{waits.refused:,} refusals; {counts} (FAULTS_SEED={SEED})"
        )
    assert waits.longest < LONGEST
