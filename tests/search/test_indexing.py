"""What keeps the index up, and goes through what there is: the same whatever the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from roost.journal.contract import Author
from tests.backends import SQLiteBackend
from tests.rooms import Rooms, private
from tests.search.desk import Desk


@pytest.fixture
def backend(tmp_path: Path) -> SQLiteBackend:
    return SQLiteBackend(tmp_path / "life-0")


@pytest.fixture
async def desk(rooms: Rooms) -> Desk:
    return Desk(rooms)


async def test_it_is_known_how_far_the_index_is_behind(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.catch_up()
    for number in range(3):
        await desk.rooms.send(private(ann, "bob", f"word {number}"))
        desk.indexing.said("p:ann:bob")
    assert desk.indexing.behind == 3
    await desk.catch_up()
    assert desk.indexing.behind == 0


async def test_many_conversations_are_looked_through(desk: Desk, ann: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roost.flow.search.searching.CONVERSATIONS", 2)
    others = [f"user{number}" for number in range(5)]
    await desk.rooms.authors(*others)
    await desk.rooms.batch(*(private(ann, other, f"word for {other}") for other in others))
    assert await desk.find(ann, "word") == [f"word for {other}" for other in reversed(others)]


async def test_what_changed_before_it_was_new_to_the_index_is_in_it_once(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.catch_up()
    sent = await desk.rooms.send(private(ann, "bob", "word"))
    await desk.change(sent, "other word")
    await desk.indexing.step()  # as one that changed: nobody has told of the conversation yet
    desk.indexing.said("p:ann:bob")
    assert await desk.find(bob, "word") == ["other word"]


async def test_what_is_said_is_indexed_soon(desk: Desk, ann: Author, bob: Author) -> None:
    running = asyncio.ensure_future(desk.indexing.run())
    try:
        await desk.rooms.send(private(ann, "bob", "word"))
        desk.indexing.said("p:ann:bob")
        await found(desk, bob, "word")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_is_said_while_it_looks_calls_again(
    desk: Desk, ann: Author, bob: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    step = desk.indexing.step

    async def say_something_then() -> float | None:
        worked = await step()
        if worked is None and not looked.is_set():
            looked.set()
            await desk.rooms.send(private(ann, "bob", "word"))
            desk.indexing.said("p:ann:bob")
        return worked

    monkeypatch.setattr(desk.indexing, "step", say_something_then)
    running = asyncio.ensure_future(desk.indexing.run())
    try:
        await found(desk, bob, "word")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def found(desk: Desk, author: Author, q: str) -> None:
    """Waits until something is found."""
    async with asyncio.timeout(30):
        while not (await desk.ask(author, q)).hits:  # noqa: ASYNC110 - the index tells nobody
            await asyncio.sleep(0.02)
