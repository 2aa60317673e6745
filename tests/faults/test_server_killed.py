"""The server is killed with SIGKILL at random moments under load and started again on the same data.

`FAULTS=long` makes it 300 kills; `FAULTS_SEED` repeats the choices of a run (not its timing).
"""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import time
from pathlib import Path

import pytest
import uvloop
from bench.client import sign
from bench.load import raise_ended, until
from bench.server import Server, ask

from tests.faults.devices import Cast, Device, Link, Mark, Sending
from tests.faults.ledger import Ledger

KILLS = 300 if os.environ.get("FAULTS") == "long" else 12
SEED = int(os.environ.get("FAULTS_SEED", time.time_ns() % 1_000_000))
USERS = ["ann", "ben", "cleo", "dan", "eve"]
MEMBERS = ("ann", "ben", "cleo", "dan")
WEB = "web"
"""A user who sends over HTTP, one message at a time."""

LONGEST_LOAD = 0.5
"""Seconds of load before a kill, at most."""

PATIENCE = 30
"""Seconds for all devices to be connected, or to see that they no longer are; it takes a part of one."""

START_KILLED_EVERY = 6
"""In every sixth round the server is killed once more while it starts."""


class Run:
    """One run: the server, its users' devices, and what must be true of them."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.server = Server(folder)
        self.chance = chance
        self.server.start()
        everyone = [*USERS, WEB]
        self.tokens = {user: sign(self.server.data, user, "phone") for user in everyone}
        for token in self.tokens.values():
            self.server.request("GET", "/conversations", None, token)  # a user exists from its first token on
        made = self.server.request("POST", "/groups", {"name": "all", "members": list(MEMBERS[1:])}, self.tokens["ann"])
        self.cast = Cast(everyone, made["groupID"], MEMBERS)
        self.devices = [Device(user, self.tokens[user]) for user in USERS]
        self.devices.append(Device("ann", sign(self.server.data, "ann", "tablet")))
        self.web = Device(WEB, self.tokens[WEB])
        self.ledger = Ledger(self.tokens)
        self.looked_at: dict[Device, int] = {}
        self.kills = self.kills_at_start = self.checked = 0

    def kill_under_load(self) -> None:
        """A round: load, SIGKILL at some moment of it, restart, look at every log."""
        uvloop.run(self._load_until_killed(self.chance.uniform(0, LONGEST_LOAD), self.chance.choice((1, 8, 32))))
        self.kills += 1
        if self.kills % START_KILLED_EVERY == 0:
            self.server.launch()
            time.sleep(self.chance.uniform(0, 1.0))
            self.server.kill()
            self.kills_at_start += 1
        self.server.start()
        self.check_new()

    def check_new(self) -> None:
        """Reads on in every log and looks for what was acknowledged since the last time."""
        self.ledger.read_on(self.server)
        self.ledger.check(self.cast.sendings[self.checked :])
        for device in self.devices:
            self.looked_at[device] = self.ledger.check_device(device, after=self.looked_at.get(device, 0))
        first_open = next((i for i, s in enumerate(self.cast.sendings) if i >= self.checked and s.mark is None), None)
        self.checked = len(self.cast.sendings) if first_open is None else first_open

    def finish(self) -> None:
        """Everything without a receipt gets one, every device catches up, and all logs are read again from 0."""
        uvloop.run(self._settle())
        self._post_pending()
        fresh = Ledger(self.tokens)
        fresh.read_on(self.server)
        fresh.check(self.cast.sendings)
        self.ledger.read_on(self.server)
        assert fresh.logs() == self.ledger.logs(), "a log changed after it was read"
        assert all(sending.mark is not None for sending in self.cast.sendings)
        for device in self.devices:
            fresh.check_device(device)
        for user, log in fresh.logs().items():
            known = {mark.message_id for mark in log if mark is not None}
            assert known == {sending.message_id for sending in self.cast.sendings if user in sending.members}

    async def _connect(self) -> list[Link]:
        links = [Link(device, self.cast, self.chance) for device in self.devices]
        async with asyncio.timeout(PATIENCE):
            for link in links:
                await link.connect(self.server.port)
                link.send_again()
        return links

    async def _load_until_killed(self, seconds: float, window: int) -> None:
        links = await self._connect()
        web = asyncio.create_task(asyncio.to_thread(self._post_until_killed))
        try:
            for link in links:
                link.send_on(window)
            await asyncio.sleep(seconds)
            early = [link.closed for link in links if link.closed.done()]
        finally:
            self.server.kill()
            await web
        raise_ended(early)
        await asyncio.wait([link.closed for link in links], timeout=PATIENCE)
        for link in links:
            link.closed.result()  # raises what the link found wrong

    async def _settle(self) -> None:
        """Without new messages, until nothing is open and every device stands at the end of its log."""
        links = await self._connect()
        ends = [link.closed for link in links]
        await until(lambda: not any(device.pending for device in self.devices), ends)
        await asyncio.to_thread(self.ledger.read_on, self.server)
        logs = self.ledger.logs()
        await until(lambda: all(device.position >= len(logs[device.user]) for device in self.devices), ends)
        for link in links:
            await link.close()

    def _post_until_killed(self) -> None:
        try:
            self._post_pending()
            while True:
                sending = self.cast.sending(WEB, random.Random(self.kills))
                self.web.pending[sending.message_id] = sending
                self._post_pending()
        except (OSError, http.client.HTTPException):
            return

    def _post_pending(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            for sending in list(self.web.pending.values()):
                self._post(link, sending)
                self.web.acknowledged.append(self.web.pending.pop(sending.message_id))
        finally:
            link.close()

    def _post(self, link: http.client.HTTPConnection, sending: Sending) -> None:
        body = {"receiver_id": sending.frame["to"], "content": sending.frame["content"]}
        body["message_id"] = sending.message_id
        sent = ask(link, "POST", "/messages/user", body, self.web.token)
        mark = Mark(sent["messageID"], sent["serverMsgID"], sent["conversationID"], sent["conversationSeq"])
        sending.acknowledge(mark, sent["seq"])


@pytest.mark.faults
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, random.Random(SEED))
    try:
        while run.kills < KILLS:
            run.kill_under_load()
        run.finish()
    finally:
        with capsys.disabled():
            report(run)
        run.server.stop()


def report(run: Run) -> None:
    told = sum(sending.mark is not None for sending in run.cast.sendings)
    seen = sum(len(device.seen) for device in run.devices)
    again = sum(device.duplicates for device in run.devices)
    print(  # noqa: T201 - a run tells its seed and its counts
        f"\nkilled {run.kills} times under load and {run.kills_at_start} while starting (FAULTS_SEED={SEED}): "
        f"{told:,} messages acknowledged, {again} of them stored before a kill that cut their receipt off; "
        f"{run.ledger.entries:,} log entries read back, {seen:,} seen on sockets"
    )
