"""What may go, and what a log is like when it has gone (A5, B2)."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from roost.db.schema import marks
from roost.journal import reading, retention
from roost.journal.contract import Author, LogState
from tests.rooms import Clock, Rooms, private

DAY = 86_400_000


async def write_to_bob(rooms: Rooms, ann: Author, count: int) -> list[str]:
    sent = await rooms.batch(*(private(ann, "bob", str(n)) for n in range(count)))
    return [outcome.message.server_msg_id for outcome in sent]


async def stored(rooms: Rooms, author: Author, seq: int) -> None:
    """The device says that it has stored everything up to seq, and this is saved."""
    rooms.positions.ack(author, seq)
    await rooms.positions.save()


async def clear(rooms: Rooms, author: Author, *, days: float = 0, ttl_days: float = 30) -> int:
    """Clears what is older than `days`, as far as the devices of the last `ttl_days` have stored it."""
    now = rooms.clock()
    before, since = now + 1 - int(days * DAY), now - int(ttl_days * DAY)

    def change(tx: Connection) -> int:
        return retention.clear(tx, author.uid, logged_before=before, active_since=since)

    return await rooms.database.write(change)


async def test_what_every_device_has_stored_goes(rooms: Rooms, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, bob, 3)
    assert await clear(rooms, bob) == 3
    assert await rooms.state(bob) == LogState(head=5, floor=3)
    assert [entry.seq for entry in await rooms.log(bob)] == [4, 5]


async def test_what_a_device_has_not_stored_stays(rooms: Rooms, ann: Author, bob: Author) -> None:
    tablet = await rooms.author("bob", "tablet")
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, bob, 5)
    await stored(rooms, tablet, 2)
    assert await clear(rooms, bob) == 2
    assert await rooms.offline(tablet) == ([3, 4, 5], 3)


async def test_nothing_goes_where_no_device_has_stored_anything(rooms: Rooms, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 5)
    assert await clear(rooms, bob) == 0


async def test_what_is_young_stays(rooms: Rooms, clock: Clock, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 2)
    clock.pass_(days=8)
    await write_to_bob(rooms, ann, 2)
    await stored(rooms, bob, 4)
    assert await clear(rooms, bob, days=7) == 2
    assert [entry.seq for entry in await rooms.log(bob)] == [3, 4]


async def test_what_is_exactly_so_old_goes(rooms: Rooms, clock: Clock, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 1)
    clock.pass_(days=7)
    await stored(rooms, bob, 1)
    assert await clear(rooms, bob, days=7) == 1


async def test_what_was_logged_at_the_very_time_stays(rooms: Rooms, clock: Clock, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 1)
    await stored(rooms, bob, 1)
    cleared = await rooms.write(
        lambda tx: retention.clear(tx, bob.uid, logged_before=clock.now, active_since=clock.now)
    )
    assert cleared == 0


async def test_an_old_entry_behind_a_young_one_stays_so_that_the_log_has_no_hole(
    rooms: Rooms, clock: Clock, ann: Author, bob: Author
) -> None:
    """A clock may be set back."""
    await write_to_bob(rooms, ann, 1)
    clock.pass_(days=-30)
    await write_to_bob(rooms, ann, 1)
    clock.pass_(days=30)
    await stored(rooms, bob, 2)
    assert await clear(rooms, bob, days=1) == 0


async def test_a_device_that_stayed_away_too_long_holds_nothing_back(
    rooms: Rooms, clock: Clock, ann: Author, bob: Author
) -> None:
    tablet = await rooms.author("bob", "tablet")
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, tablet, 1)
    clock.pass_(days=31)
    await stored(rooms, bob, 5)
    assert await clear(rooms, bob) == 5


async def test_a_device_that_synced_just_so_long_ago_still_holds_it_back(
    rooms: Rooms, clock: Clock, ann: Author, bob: Author
) -> None:
    tablet = await rooms.author("bob", "tablet")
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, tablet, 1)
    clock.pass_(days=30)
    await stored(rooms, bob, 5)
    assert await clear(rooms, bob) == 1


async def test_clearing_again_removes_nothing(rooms: Rooms, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, bob, 3)
    await clear(rooms, bob)
    assert await clear(rooms, bob) == 0
    assert await rooms.state(bob) == LogState(head=5, floor=3)


async def test_a_long_log_goes_in_pieces(
    rooms: Rooms, ann: Author, bob: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PIECE", 2)
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, bob, 5)
    assert [await clear(rooms, bob) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("how", ["restart", "die"])
async def test_numbers_go_on_after_a_log_was_cleared_to_its_end(
    rooms: Rooms, ann: Author, bob: Author, how: str
) -> None:
    await write_to_bob(rooms, ann, 3)
    await stored(rooms, bob, 3)
    await clear(rooms, bob)
    await getattr(rooms, how)()
    assert await rooms.state(bob) == LogState(head=3, floor=3)
    assert dict((await rooms.send(private(ann, "bob"))).places)[bob.uid] == 4


async def test_other_users_logs_are_not_touched(rooms: Rooms, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 3)
    await stored(rooms, bob, 3)
    await clear(rooms, bob)
    assert await rooms.state(ann) == LogState(head=3, floor=0)
    assert len(await rooms.log(ann)) == 3


async def test_messages_stay_in_the_history_of_their_conversation(rooms: Rooms, ann: Author, bob: Author) -> None:
    await write_to_bob(rooms, ann, 3)
    await stored(rooms, bob, 3)
    await clear(rooms, bob)
    cid = await rooms.read(reading.cid_of, "p:ann:bob")
    assert len(await rooms.read(reading.history, cid, 100, 100)) == 3


async def test_a_duplicate_is_recognised_after_its_entries_went(rooms: Rooms, ann: Author, bob: Author) -> None:
    first = await rooms.send(private(ann, "bob", message_id="m"))
    await stored(rooms, ann, 1)
    await clear(rooms, ann)
    again = await rooms.send(private(ann, "bob", message_id="m"))
    assert again.duplicate
    assert again.author_seq == first.author_seq


async def test_marks_below_the_floor_go_with_the_entries(rooms: Rooms, clock: Clock, ann: Author, bob: Author) -> None:
    tablet = await rooms.author("bob", "tablet")
    sent = await write_to_bob(rooms, ann, 3)
    await rooms.positions.mark_synced(tablet, [sent[1]])
    clock.pass_(days=31)
    await stored(rooms, bob, 3)
    await clear(rooms, bob)
    assert await rooms.read(lambda tx: tx.execute(select(marks.c.seq)).scalars().all()) == []


async def test_a_position_below_the_floor_stands_at_the_first_entry_that_is_left(
    rooms: Rooms, clock: Clock, ann: Author, bob: Author
) -> None:
    tablet = await rooms.author("bob", "tablet")
    await write_to_bob(rooms, ann, 3)
    await stored(rooms, bob, 2)
    await clear(rooms, bob)
    assert await rooms.mark(tablet) == 2
    assert await rooms.offline(tablet) == ([3], 1)


async def test_a_log_that_is_forgotten_goes_piece_by_piece_and_its_numbers_go_on(
    rooms: Rooms, ann: Author, bob: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PIECE", 2)
    await write_to_bob(rooms, ann, 5)
    await stored(rooms, bob, 1)
    pieces = 1
    while await rooms.write(retention.forget, bob.uid):
        pieces += 1
    assert pieces == 3
    assert not await rooms.write(retention.forget, bob.uid)
    state = await rooms.state(bob)
    assert (state.floor, state.head) == (5, 5)
    await write_to_bob(rooms, ann, 1)
    assert [entry.seq for entry in await rooms.log(bob)] == [6]
