"""What it costs to know whom a batch of messages is pushed to."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Connection, event

from roost.config import Config
from roost.journal.journal import Journal
from roost.push.contract import Apns
from roost.push.register import Register
from roost.workers import pushes
from tests.backends import Backend, SQLiteBackend
from tests.rooms import Clock, Rooms, held, private

ON = {"apns"}


async def questions(backend: Backend, clock: Clock, platforms: set[str]) -> tuple[int, int]:
    """Sends three messages as one batch to somebody with an address: the statements that ask for it, and the pushes."""
    rooms = await Rooms.open(backend, clock)
    register = Register(rooms.database, clock, platforms, shared=not isinstance(backend, SQLiteBackend))
    journal = Journal(rooms.database, rooms.statements, clock, pushes(Config(), register, connected=lambda uid: False))
    ann, bob = await rooms.authors("ann", "bob")
    await register.add(bob.uid, bob.did, Apns("abcd"), preview=True, muted=False)
    asked = 0

    def listen(tx: Connection) -> None:
        @event.listens_for(tx, "before_cursor_execute")
        def _(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            nonlocal asked
            asked += "push_addresses" in statement

    await rooms.write(listen)
    sent: list[asyncio.Future[Any]] = []
    async with held(rooms.database):
        for _ in range(3):
            sent.append(asyncio.get_running_loop().create_future())
            journal.append(private(ann, "bob"), sent[-1].set_result)
    outcomes = await asyncio.gather(*sent)
    await rooms.close()
    return asked, sum(outcome.pushes for outcome in outcomes)


async def test_a_file_is_not_asked(tmp_path: Any, clock: Clock) -> None:
    assert await questions(SQLiteBackend(tmp_path / "life-0"), clock, ON) == (0, 3)


async def test_a_server_is_asked_once_a_batch(shared_backend: Backend, clock: Clock) -> None:
    assert await questions(shared_backend, clock, ON) == (1, 3)


async def test_nothing_is_asked_where_nothing_is_switched_on(shared_backend: Backend, clock: Clock) -> None:
    assert await questions(shared_backend, clock, set()) == (0, 0)
