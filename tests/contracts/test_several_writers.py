"""What `roost.journal.contract` guarantees, while two nodes commit to one database at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, event

from roost.errors import NotAMember
from roost.journal import reading, retention
from roost.journal.contract import Author
from roost.roster import conversations as roster
from tests.backends import Backend
from tests.rooms import WHOLE_LOG, Clock, Rooms, private, to_group

T = TypeVar("T")

ROUNDS = 15
NAMES = ("ann", "bob", "cat", "dan", "eve", "fay")


@pytest.fixture
async def nodes(shared_backend: Backend, clock: Clock) -> AsyncIterator[tuple[Rooms, Rooms]]:
    """Two nodes on one database."""
    one = await Rooms.open(shared_backend, clock)
    other = await Rooms.open(shared_backend, clock)
    yield one, other
    await other.close()
    await one.close()


async def committed(rooms: Rooms, drafts: list[Any]) -> list[Any]:
    return list(await asyncio.gather(*(rooms.append(draft) for draft in drafts)))


async def test_numbers_have_no_gaps_whoever_gives_them(nodes: tuple[Rooms, Rooms]) -> None:
    authors = await nodes[0].authors(*NAMES)
    await nodes[0].group("team", *authors)

    async def talk(rooms: Rooms, step: int) -> int:
        stored = 0
        for turn in range(ROUNDS):
            drafts = [to_group(authors[turn % len(authors)], "team")]
            for index, author in enumerate(authors):
                drafts.append(private(author, NAMES[(index + step) % len(NAMES)]))
            stored += sum(not isinstance(outcome, Exception) for outcome in await committed(rooms, drafts))
        return stored

    stored = await asyncio.gather(talk(nodes[0], 1), talk(nodes[1], -1))
    assert sum(stored) == 2 * ROUNDS * (1 + len(NAMES))
    for author in authors:
        seqs = [entry.seq for entry in await nodes[0].log(author)]
        assert seqs == list(range(1, 2 * ROUNDS * 3 + 1))  # the group, one sent, one received
    group = await nodes[0].read(reading.cid_of, "g:team")
    history = await nodes[0].read(reading.history, group, WHOLE_LOG, WHOLE_LOG)
    assert [message.conversation_seq for message in history] == list(range(1, 2 * ROUNDS + 1))


async def test_logs_have_no_gaps_where_only_they_are_shared(nodes: tuple[Rooms, Rooms]) -> None:
    authors = await nodes[0].authors(*NAMES)

    async def talk(rooms: Rooms, step: int) -> None:
        for _ in range(ROUNDS):
            pairs = [(author, NAMES[(index + step) % len(NAMES)]) for index, author in enumerate(authors)]
            await committed(rooms, [private(author, other) for author, other in pairs])

    await asyncio.gather(talk(nodes[0], 1), talk(nodes[1], 2))
    for author in authors:
        seqs = [entry.seq for entry in await nodes[0].log(author)]
        assert seqs == list(range(1, 2 * ROUNDS * 2 + 1))


async def test_the_same_id_through_both_is_stored_once(nodes: tuple[Rooms, Rooms]) -> None:
    ann, _ = await nodes[0].authors("ann", "bob")
    drafts = [private(ann, "bob", message_id=f"m{number}") for number in range(50)]
    outcomes = await asyncio.gather(committed(nodes[0], drafts), committed(nodes[1], drafts))
    for one, other in zip(*outcomes, strict=True):
        assert one.duplicate != other.duplicate
        assert one.author_seq == other.author_seq
        assert one.message == other.message


async def test_both_may_make_the_same_conversations(nodes: tuple[Rooms, Rooms]) -> None:
    authors = await nodes[0].authors(*NAMES)
    pairs = [(one, other) for one in authors for other in authors]
    await asyncio.gather(
        committed(nodes[0], [private(one, other.user_id) for one, other in pairs]),
        committed(nodes[1], [private(one, other.user_id) for one, other in reversed(pairs)]),
    )
    listed = await nodes[0].read(roster.listed, authors[0].uid, 0, WHOLE_LOG)
    assert sorted(row.head for row in listed) == [2, *[4] * (len(NAMES) - 1)]


async def test_both_may_meet_a_user_for_the_first_time(nodes: tuple[Rooms, Rooms]) -> None:
    users = [f"user{number}" for number in range(30)]
    one, other = await asyncio.gather(*(asyncio.gather(*(rooms.author(user) for user in users)) for rooms in nodes))
    assert one == other


async def test_nobody_gets_a_group_message_after_having_left(nodes: tuple[Rooms, Rooms]) -> None:
    ann, bob = await nodes[0].authors("ann", "bob")
    await nodes[0].group("team", ann, bob)

    async def talk() -> list[Any]:
        return [await nodes[0].append(to_group(bob, "team")) for _ in range(30)]

    outcomes, _ = await asyncio.gather(talk(), nodes[1].leave("team", bob))
    refused = [isinstance(outcome, NotAMember) for outcome in outcomes]
    assert refused == sorted(refused)
    assert refused[-1]


async def test_server_ids_differ(nodes: tuple[Rooms, Rooms]) -> None:
    authors: list[Author] = await nodes[0].authors("ann", "bob")
    outcomes = await asyncio.gather(
        *(committed(rooms, [private(author, "ann") for _ in range(20)]) for rooms in nodes for author in authors)
    )
    ids = [outcome.message.server_msg_id for some in outcomes for outcome in some]
    assert len(set(ids)) == len(ids) == 80


async def written_meanwhile(
    nodes: tuple[Rooms, Rooms], query: Callable[[Connection], T], other: Callable[..., Any]
) -> T:
    """What a writing transaction is told by `query`, while the other node commits after its first statement."""
    loop = asyncio.get_running_loop()

    def change(tx: Connection) -> T:
        @event.listens_for(tx, "after_cursor_execute", once=True)
        def meanwhile(*_: Any) -> None:
            asyncio.run_coroutine_threadsafe(other(), loop).result(20)

        return query(tx)

    return await nodes[0].write(change)


async def test_a_position_does_not_pass_over_what_is_stored_meanwhile(nodes: tuple[Rooms, Rooms]) -> None:
    ann, bob = await nodes[0].authors("ann", "bob")
    mark = await written_meanwhile(
        nodes,
        lambda tx: reading.passed(tx, bob.uid, bob.did, 0),
        lambda: nodes[1].send(private(ann, "bob")),
    )
    assert mark == 0
    assert await nodes[0].offline(bob) == ([1], 1)


async def test_the_end_and_the_beginning_of_a_log_are_of_one_moment(nodes: tuple[Rooms, Rooms], clock: Clock) -> None:
    ann, bob = await nodes[0].authors("ann", "bob")
    sent = await nodes[0].send(private(ann, "bob"))
    await nodes[0].positions.mark_synced(bob, [sent.message.server_msg_id])

    def cleared() -> Any:
        return nodes[1].write(lambda tx: retention.clear(tx, bob.uid, logged_before=clock() + 1, active_since=0))

    state = await written_meanwhile(nodes, lambda tx: reading.log_state(tx, bob.uid), cleared)
    assert state in {(1, 0), (1, 1)}
    assert await nodes[0].state(bob) == (1, 1)


async def test_who_enters_a_log_waits_for_who_is_entering_it(nodes: tuple[Rooms, Rooms]) -> None:
    """Or it would be given the same number: two conversations, and one log that is in both."""
    ann, bob, cat = await nodes[0].authors("ann", "bob", "cat")
    loop = asyncio.get_running_loop()

    def change(tx: Connection) -> tuple[int, Any]:
        [first] = nodes[0].journal._append(tx, [private(ann, "bob")])
        second = asyncio.run_coroutine_threadsafe(nodes[1].send(private(cat, "bob")), loop)
        with contextlib.suppress(TimeoutError):
            second.result(0.5)  # time to ask where the log ends, if it did not wait
        return dict(first.places)[bob.uid], second

    first, sending = await nodes[0].write(change)
    second = await asyncio.wrap_future(sending)
    assert (first, dict(second.places)[bob.uid]) == (1, 2)
