"""Two nodes push from one outbox, and one of them is killed in the middle: no push is lost (A9).

Real nodes on a database server, each with its own workers; Apple's service alone is a stand-in. `FAULTS=long` sends ten
thousand pushes.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.blackbox.house import Guest, House
from tests.places import ServerBackend
from tests.push.http2 import PushService
from tests.push.processes import PATIENCE, Audience, came, logged, office, until
from tests.push.road import Books

LONG = os.environ.get("FAULTS") == "long"
MEMBERS, MESSAGES = (20, 250) if LONG else (10, 60)
"""How many are away and reached by push, and what is sent to all of them at each of the two nodes."""
AT_ONCE = 16
"""Pushes that a node has under way: `push.at_once`."""
SEED = int(os.environ.get("FAULTS_SEED", time.time_ns() % 1_000_000))


async def talk(writer: Guest) -> set[int]:
    """Sends one message after the other, until the node is gone; those that have their receipts."""
    acknowledged: set[int] = set()
    line = await writer.line()
    try:
        for number in range(MESSAGES):
            await line.say("group", to="all", content=f"number {number}")
            while (frame := await line.hear())["type"] != "sent":
                pass  # what the other device says
            acknowledged.add(int(frame["serverMsgID"]))
    except ConnectionClosed:
        pass
    return acknowledged


@pytest.mark.faults
async def test_a_node_that_is_killed_in_the_middle_loses_no_push(
    apple: PushService, tmp_path: Path, shared_backend: ServerBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    with office(tmp_path, None, apple, SERVER__DATABASE=shared_backend.url) as place:
        killed = place.server
        killed.start()
        other = await asyncio.to_thread(place.another_node)
        async with House(killed.port, killed.data) as here, House(other.port, other.data) as there:
            audience = await Audience.gathered(here, MEMBERS)
            writers = [
                Guest(house, "writer", here.token("writer", name)) for name, house in (("a", here), ("b", there))
            ]
            talking = [asyncio.create_task(talk(writer)) for writer in writers]
            pushes = 2 * MEMBERS * MESSAGES
            await apple.has_got(random.Random(SEED).randrange(pushes // 10, pushes // 3))
            killed.kill()
            acknowledged = set[int]().union(*await asyncio.gather(*talking))
            books = Books(there, shared_backend.url)
            await until(lambda: books.waiting() == 0, within=(10 if LONG else 2) * PATIENCE)
            stored = {int(row["mid"]) for row in books.rows("SELECT mid FROM messages")}
    had = came(apple)
    twice = sum(count > 1 for count in had.values())
    with capsys.disabled():
        print(  # noqa: T201 - a run tells its seed and its counts
            f"\nkilled one of two nodes (FAULTS_SEED={SEED}): {len(acknowledged):,} messages acknowledged, "
            f"{len(stored):,} stored, {len(had):,} pushes, {twice} of them twice"
        )
    assert acknowledged <= stored
    assert len(acknowledged) >= MESSAGES, "the other node went on"
    assert had.keys() == logged(books).keys() == {(user, mid) for user in audience.members for mid in stored}
    assert twice <= AT_ONCE, "more were sent twice than were under way"
    assert max(had.values()) <= 2
