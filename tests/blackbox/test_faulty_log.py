"""B6: a fault while a log is read delays its reader, is logged by step, and drops no connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from roost.edge import session
from roost.journal import reading
from tests.blackbox.house import House
from tests.blackbox.line import Follower

FAULTS = 3


async def test_a_log_that_can_not_be_read_delays_its_reader_and_drops_nobody(
    server: Callable[..., Awaitable[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RETRY_READING", 0.01)
    node = await server()
    async with House(urlsplit(node.url).port or 0, tmp_path / "data") as house:
        ann, bob, cat = await house.guest("ann"), await house.guest("bob"), await house.guest("cat")
        sender = await ann.line()
        await sender.send_many("bob", 250)
        failures = iter(range(FAULTS))
        read = reading.log_page

        def faulty(*arguments: Any) -> Any:
            if next(failures, None) is not None:
                raise OSError("the disk does not answer")
            return read(*arguments)

        monkeypatch.setattr(reading, "log_page", faulty)
        with structlog.testing.capture_logs() as lines:
            line = await bob.line(lastSeq=0)
            other = await cat.line(lastSeq=0)
            await sender.send("cat", "meanwhile")
            assert (await other.hear("message", "offline"))["type"]
            follower = Follower(line)
            async with asyncio.timeout(10):
                await follower.read_to(250)
        assert follower.contents == [f"number {number}" for number in range(1, 251)]
        assert [one["step"] for one in lines if one["event"] == "recovery failed"] == ["read the log"] * FAULTS
        await line.nothing()
