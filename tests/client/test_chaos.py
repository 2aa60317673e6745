"""Any interleaving of what people, programs and networks do ends with what it must (see `tests.chaos.endings`)."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from roost.testing import LocalServer
from tests.chaos.devices import Town
from tests.chaos.endings import check
from tests.chaos.plans import Plan, Scene, plans

LONG = os.environ.get("FAULTS") == "long" or os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXAMPLES = 1000 if LONG else 15
HANG = 180.0
"""Seconds after which a plan is stuck; it takes a few, and some more where servers are restarted."""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


async def play(server: LocalServer, plan: Plan) -> None:
    """One plan, with people of its own, from its beginning to its end."""
    with tempfile.TemporaryDirectory() as folder:
        async with asyncio.timeout(HANG), Town(server, Path(folder)) as town:
            scene = await Scene.set(town)
            await scene.play(plan)
            await check(town)


@pytest.mark.faults
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(plan=plans(size=60 if LONG else 30, server_too=LONG))
def test_whatever_happens_every_store_ends_as_a_fresh_one(server: LocalServer, plan: Plan) -> None:
    asyncio.run(play(server, plan))
