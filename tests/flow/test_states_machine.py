"""What became of one's own messages is the same in every store of the SDK, whatever it learned it from."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roost.client.store import reading as books
from roost.client.store.rows import READ
from roost.config import Config
from roost.wiring import open_roads
from tests.examples import examples
from tests.flow.unread import Device, Play, Step

WHAT = ["tell", "tell", "read", "read", "send", "leave", "join", "look", "late", "reset", "reset late", "ban", "unban"]
steps = st.builds(Step, st.integers(0, 2), st.sampled_from(WHAT), st.integers(0, 7))
plans = st.lists(steps, min_size=5, max_size=40)
TELL = Step(1, "tell", 0)


def states(device: Device) -> dict[str, dict[int, bool]]:
    """Whether everybody else has read each of Bob's messages, by conversation and place, as a store has it."""
    found = {}
    for one in books.conversations(device.book, limit=10, offset=0):
        said = books.history(device.book, one.conversation_id, None, 1000)
        found[one.conversation_id] = {
            it.conversation_seq: it.state == READ for it in said if it.seq and it.sender_id == "bob"
        }
    return found


def counted(stage: Play, conversation: str, place: int) -> bool:
    """The same by a plain count of marks: of all others who are there."""
    there = stage.model.team if conversation == "g:team" else {*conversation.split(":")[1:]}
    return all(stage.model.read.get((conversation, one), 0) >= place for one in there - {"bob"})


async def compare(stage: Play, most: int) -> None:
    """Of a group that has more members than are told of read marks, stores know what they have heard."""
    fresh, restarted = Device(await stage.author("bob", "fresh")), Device(await stage.author("bob", "restarted"))
    for device in (stage.online, stage.late, fresh):
        await stage.catch_up(device)
    await stage.start_again(restarted)
    online = states(stage.online)
    if len(stage.model.team) > most:
        online.pop("g:team", None)
    for conversation, told in online.items():
        assert told.items() <= states(fresh).get(conversation, {}).items(), conversation
        if conversation != "g:team" or "bob" in stage.model.team:
            for device in (stage.online, stage.late, fresh, restarted):
                for place, read in states(device).get(conversation, {}).items():
                    assert read is counted(stage, conversation, place), (device.author.device_id, conversation, place)


async def play(steps: list[Step], most: int, folder: Path) -> None:
    limits = {"messages_per_minute": 0, "login_attempts_per_minute": 0}
    config = {"server": {"data": str(folder)}, "limits": limits, "moderation": {"spam": False}}
    read = {"messages": {"read_receipts_members": most}}
    async with open_roads(msgspec.convert(config | read, Config)) as (roads, database):
        stage = Play(roads, database)
        await stage.begin("bob", "cat")
        for step in steps:
            await stage.do(step)
        await compare(stage, most)


@pytest.mark.parametrize("most", [20, 2], ids=["always small", "small where one has left"])
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(plan=plans)
@example(plan=[TELL, Step(0, "read", 1), Step(2, "read", 1)])
@example(plan=[TELL, Step(0, "read", 0), Step(2, "leave", 0), TELL])
@example(plan=[TELL, Step(0, "read", 0), Step(2, "leave", 0), Step(0, "late", 0), Step(2, "join", 0), TELL])
@example(plan=[TELL, Step(1, "leave", 0), Step(0, "read", 1), Step(2, "read", 1), Step(1, "join", 0), TELL])
@example(plan=[TELL, Step(0, "read", 1), Step(2, "read", 1), Step(1, "leave", 0)])
def test_every_store_has_the_states_that_a_count_finds(plan: list[Step], most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(plan, most, Path(folder)))
