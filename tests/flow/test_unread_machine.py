"""Unread is what a recount finds: on the server, in stores of the SDK and in the badge of a push, whatever was done."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from roost.client.store import reading as books
from roost.config import Config
from roost.db.schema import push_addresses, push_outbox
from roost.flow.people import conversations
from roost.flow.push import notify
from roost.push import plan
from roost.push.contract import Task
from roost.wiring import open_roads
from tests.examples import examples
from tests.flow.unread import Play, Step

steps = st.builds(
    Step,
    st.integers(0, 2),
    st.sampled_from(
        [
            *["send", "tell", "tell"] * 2,
            *["read", "recall", "recall", "edit", "forward", "leave", "join", "mute", "clear"],
            *["look", "late", "reset", "reset", "reset late"],
            *["whisper", "expire", "block", "unblock", "announce", "silence", "ban", "unban", "erase"],
        ]
    ),
    st.integers(0, 7),
)
plans = st.lists(steps, min_size=5, max_size=40)
SMALL, LARGE, GROWING = 2000, 1, 2
"""`fanout.max_members` of which the group stays a small one, is a large one, becomes one when the third comes."""
TOLD = [Step(0, "tell", number) for number in range(5)]
TELL, JOIN = Step(2, "tell", 0), Step(1, "join", 0)


async def compare(stage: Play) -> None:
    for name, author in stage.people.items():
        assert await stage.roads.conversations.unread(author) == stage.model.unread(name), name
        listed = await stage.roads.conversations.listed(author, 0, 100)
        assert {one.listed.conversation_id: one.listed.unread for one in listed if one.listed.unread} == (
            stage.model.unread(name)
        )
    await stage.catch_up(stage.online)
    assert books.unread(stage.online.book) == stage.model.unread("bob")
    assert await badge(stage) in (None, sum(stage.model.unread("bob").values()))


async def badge(stage: Play) -> int | None:
    """What a push of Bob's newest message would show, whoever the phone is; None where the log has none."""
    bob = stage.people["bob"]
    state = await stage.roads.catchup.page(bob, 0, 1000, None)
    if not state.messages:
        return None
    message = state.messages[-1]
    task = Task(
        task_id=1,
        aid=1,
        uid=bob.uid,
        did=bob.did,
        mid=int(message.server_msg_id),
        seq=message.seq,
        attempt=0,
        created_at=1,
        taken_at=1,
    )

    def ask(tx: Any) -> int:
        for table in (push_addresses, push_outbox):
            tx.execute(delete(table))
        address = '{"platform": "apns", "token": "aa"}'
        common = {"aid": 1, "uid": bob.uid, "did": bob.did, "created_at": 1}
        where = {"platform": "apns", "address": address, "address_hash": "x", "preview": True, "muted": False}
        tx.execute(insert(push_addresses).values(**common, **where))
        due = {"task_id": 1, "mid": task.mid, "seq": task.seq, "attempt": 0, "due_at": 1, "taken_at": 1}
        tx.execute(insert(push_outbox).values(**common, **due))
        facts = notify.look(tx, task, lambda _tx, _uid, _seqs: set(), preview=True)
        tx.execute(delete(push_addresses))
        tx.execute(delete(push_outbox))
        return plan.notification(facts.user_id, facts.missed, facts.badge, 0).badge

    return await stage.database.write(ask)


async def play(steps: list[Step], most: int, folder: Path) -> None:
    limits = {"messages_per_minute": 0, "login_attempts_per_minute": 0}
    settings = {"server": {"data": str(folder)}, "limits": limits, "moderation": {"spam": False}}
    config = msgspec.convert(settings | {"fanout": {"max_members": most}}, Config)
    async with open_roads(config) as (roads, database):
        stage = Play(roads, database)
        await stage.begin("bob", *(() if most == GROWING else ("cat",)))
        for step in steps:
            await stage.do(step)
            await compare(stage)
        await stage.catch_up(stage.late)
        assert books.unread(stage.late.book) == stage.model.unread("bob")


@pytest.fixture(autouse=True)
def small_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that much lies before them."""
    monkeypatch.setattr(conversations, "SNAPSHOT_MESSAGES", 2)


WHISPERS = [Step(0, "whisper", at) for at in (0, 5, 6)]


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(plans, st.sampled_from([SMALL, LARGE, GROWING]))
@example([*TOLD, Step(0, "reset", 0), Step(0, "recall", 4), Step(1, "read", 8), Step(0, "recall", 3)], SMALL)
@example([*TOLD, TELL, Step(0, "reset", 0), Step(1, "read", 6), Step(1, "look", 9), Step(2, "leave", 0)], SMALL)
@example([*TOLD, Step(1, "leave", 0), *TOLD, JOIN, Step(0, "recall", 7), *TOLD, Step(0, "reset late", 0)], SMALL)
@example([*TOLD, Step(0, "late", 0), Step(0, "recall", 4), Step(0, "clear", 0), Step(0, "reset late", 0)], SMALL)
@example([*TOLD, *WHISPERS, Step(2, "join", 0), *WHISPERS, TELL, Step(0, "expire", 0), Step(2, "erase", 0)], GROWING)
@example([*TOLD, *WHISPERS, Step(1, "reset", 0), Step(1, "block", 1), Step(0, "send", 0), Step(1, "expire", 0)], LARGE)
@example([*TOLD, Step(1, "leave", 0), TELL, JOIN, *TOLD, Step(0, "late", 0), Step(2, "expire", 0)], LARGE)
def test_unread_is_what_a_recount_finds(plan: list[Step], most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(plan, most, Path(folder)))
