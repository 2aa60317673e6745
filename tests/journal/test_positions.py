"""Where devices stand, and what they have not stored (A2, A3, B1-B4)."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection, func, select

from roost.db.schema import marks
from roost.errors import UnknownConversation
from roost.journal.contract import Author
from roost.model.message import Change
from tests.rooms import Rooms, held, private, to_group

READ = Change(kind="read", conversation_id="p:ann:bob")


async def write_to(rooms: Rooms, author: Author, count: int, to: str = "bob") -> list[str]:
    """The server ids of some messages."""
    sent = await rooms.batch(*(private(author, to, str(n)) for n in range(count)))
    return [outcome.message.server_msg_id for outcome in sent]


class TestMark:
    async def test_a_device_without_saved_state_stands_at_the_beginning(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await write_to(rooms, ann, 3)
        assert await rooms.mark(bob) == 0

    async def test_an_empty_log_is_at_0(self, rooms: Rooms, ann: Author) -> None:
        assert await rooms.mark(ann) == 0

    async def test_it_passes_over_what_the_device_itself_sent(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 3)
        assert await rooms.mark(ann) == 3

    async def test_it_does_not_pass_over_what_another_device_of_the_user_sent(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        tablet = await rooms.author("ann", "tablet")
        await write_to(rooms, tablet, 3)
        assert await rooms.mark(ann) == 0

    async def test_it_passes_over_changes(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.record(READ, [ann], bob)
        assert await rooms.mark(ann) == 1

    async def test_it_stops_before_what_others_sent(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 2)
        await write_to(rooms, bob, 1, to="ann")
        await write_to(rooms, ann, 1)
        assert await rooms.mark(ann) == 2

    async def test_an_ack_moves_it_at_once(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 2)
        assert await rooms.mark(bob) == 2

    async def test_an_ack_moves_it_on_over_what_need_not_be_stored(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await write_to(rooms, ann, 1)
        await write_to(rooms, bob, 2, to="ann")
        rooms.positions.ack(bob, 1)
        assert await rooms.mark(bob) == 3

    async def test_it_never_goes_back(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 3)
        rooms.positions.ack(bob, 1)
        assert await rooms.mark(bob) == 3
        await rooms.positions.save()
        rooms.positions.ack(bob, 2)
        await rooms.positions.save()
        assert await rooms.mark(bob) == 3

    async def test_every_device_has_its_own(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        tablet = await rooms.author("bob", "tablet")
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 3)
        assert await rooms.mark(tablet) == 0


class TestSaving:
    async def test_saving_tells_how_many_moved(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 1)
        rooms.positions.ack(ann, 1)
        rooms.positions.ack(bob, 1)
        assert await rooms.positions.save() == 2
        assert await rooms.positions.save() == 0

    async def test_what_was_saved_survives_a_kill(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 2)
        await rooms.positions.save()
        await rooms.die()
        assert await rooms.mark(bob) == 2

    async def test_what_was_not_saved_is_offered_again(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 1)
        await rooms.positions.save()
        rooms.positions.ack(bob, 3)
        await rooms.die()
        assert await rooms.offline(bob) == ([2, 3], 2)

    async def test_what_is_acked_while_saving_is_saved_the_next_time(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 1)
        async with held(rooms.database):
            saving = asyncio.ensure_future(rooms.positions.save())
            await asyncio.sleep(0)
            rooms.positions.ack(bob, 3)
        await saving
        assert await rooms.mark(bob) == 3
        assert await rooms.positions.save() == 1
        await rooms.die()
        assert await rooms.mark(bob) == 3

    async def test_a_save_that_fails_is_made_up_for(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 3)
        async with rooms.failing("positions"):
            with pytest.raises(Exception, match="the database said no"):
                await rooms.positions.save()
        assert await rooms.mark(bob) == 3
        assert await rooms.positions.save() == 1

    async def test_a_reading_that_began_before_a_save_sees_the_position_as_well(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        """It sees the database as it was, where the position is not saved yet, and the memory as it is."""
        await write_to(rooms, ann, 3)
        rooms.positions.ack(bob, 3)
        begun, saved = threading.Event(), threading.Event()

        def read(connection: Connection) -> int:
            connection.execute(select(func.count()).select_from(marks)).scalar()
            begun.set()
            assert saved.wait(10)
            return rooms.positions.mark(connection, bob)

        reading = asyncio.ensure_future(rooms.database.read(read))
        await asyncio.to_thread(begun.wait, 10)
        await rooms.positions.save()
        saved.set()
        assert await reading == 3


class TestMarking:
    async def test_marked_messages_are_counted_and_gone_from_the_list(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        sent = await write_to(rooms, ann, 4)
        assert await rooms.positions.mark_synced(bob, [sent[1], sent[3]]) == 2
        assert await rooms.offline(bob) == ([1, 3], 2)

    async def test_the_position_waits_for_the_first_that_is_not_marked(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        sent = await write_to(rooms, ann, 4)
        await rooms.positions.mark_synced(bob, [sent[1], sent[2]])
        assert await rooms.mark(bob) == 0
        await rooms.positions.mark_synced(bob, [sent[0]])
        assert await rooms.mark(bob) == 3

    async def test_marks_that_the_position_has_passed_are_kept_no_longer(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        sent = await write_to(rooms, ann, 4)
        await rooms.positions.mark_synced(bob, [sent[1], sent[3]])
        await rooms.positions.mark_synced(bob, [sent[0]])
        assert await rooms.read(lambda tx: tx.execute(select(marks.c.seq)).scalars().all()) == [4]
        await rooms.positions.mark_synced(bob, [sent[2]])
        assert await rooms.read(lambda tx: tx.execute(select(marks.c.seq)).scalars().all()) == []

    async def test_a_repeat_changes_nothing(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await write_to(rooms, ann, 3)
        await rooms.positions.mark_synced(bob, [sent[0], sent[2]])
        assert await rooms.positions.mark_synced(bob, [sent[0], sent[2], sent[2]]) == 0
        assert await rooms.offline(bob) == ([2], 1)

    async def test_a_message_named_twice_counts_once(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        [sent] = await write_to(rooms, ann, 1)
        assert await rooms.positions.mark_synced(bob, [sent, int(sent)]) == 1

    @pytest.mark.parametrize(
        "unknown", ["nothing", "", "9007199254740993", 2**52, 0, -1, 2**70, "1e3", "01", "٣", "x" * 1000]
    )
    async def test_an_id_that_does_not_exist_changes_nothing(
        self, rooms: Rooms, ann: Author, bob: Author, unknown: int | str
    ) -> None:
        await write_to(rooms, ann, 3)
        assert await rooms.positions.mark_synced(bob, [unknown]) == 0
        assert await rooms.offline(bob) == ([1, 2, 3], 3)

    async def test_no_ids_change_nothing(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 1)
        assert await rooms.positions.mark_synced(bob, []) == 0

    async def test_a_message_of_others_changes_nothing(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        sent = await write_to(rooms, ann, 2)
        await write_to(rooms, ann, 2, to="cat")
        assert await rooms.positions.mark_synced(cat, sent) == 0
        assert await rooms.offline(cat) == ([1, 2], 2)

    async def test_a_server_id_may_be_an_integer_or_a_string(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await write_to(rooms, ann, 2)
        assert await rooms.positions.mark_synced(bob, [int(sent[0]), sent[1]]) == 2

    async def test_the_senders_id_names_a_message_too(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.send(private(ann, "bob", message_id="mine"))
        assert await rooms.positions.mark_synced(bob, ["mine"]) == 1

    async def test_a_number_that_is_a_server_id_here_does_not_name_a_message_whose_sender_counts(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        """A sender whose own ids are numbers must not be lost by the marking of others' messages."""
        [first] = await write_to(rooms, ann, 1)
        await rooms.send(private(ann, "bob", "not stored", message_id=first))
        assert await rooms.positions.mark_synced(bob, [first]) == 1
        assert await rooms.offline(bob) == ([2], 1)
        assert await rooms.positions.mark_synced(bob, [first]) == 0
        assert await rooms.offline(bob) == ([2], 1)

    async def test_a_number_that_is_no_server_id_here_names_the_message_whose_sender_counts(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        [elsewhere] = await write_to(rooms, ann, 1, to="cat")
        await rooms.send(private(ann, "bob", message_id=elsewhere))
        assert await rooms.positions.mark_synced(bob, [elsewhere]) == 1

    async def test_what_the_device_itself_sent_needs_no_mark(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 1)
        [own] = await write_to(rooms, bob, 1, to="ann")
        assert await rooms.positions.mark_synced(bob, [own]) == 0

    async def test_another_device_is_not_concerned(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        tablet = await rooms.author("bob", "tablet")
        sent = await write_to(rooms, ann, 2)
        await rooms.positions.mark_synced(bob, sent)
        assert await rooms.offline(tablet) == ([1, 2], 2)

    async def test_marks_are_on_disk(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await write_to(rooms, ann, 4)
        await rooms.positions.mark_synced(bob, [sent[0], sent[2]])
        await rooms.die()
        assert await rooms.offline(bob) == ([2, 4], 2)

    async def test_an_ack_passes_over_marks(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await write_to(rooms, ann, 4)
        await rooms.positions.mark_synced(bob, [sent[2]])
        rooms.positions.ack(bob, 2)
        assert await rooms.mark(bob) == 3

    async def test_thousands_may_be_marked_at_once(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await write_to(rooms, ann, 500)
        names: list[int | str] = [*sent, *(f"unknown{n}" for n in range(9_500))]
        assert await rooms.positions.mark_synced(bob, names) == 500
        assert await rooms.mark(bob) == 500


class TestOffline:
    async def test_it_lists_oldest_first_and_counts_all(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 5)
        assert await rooms.offline(bob, count=2) == ([1, 2], 5)

    async def test_pages_together_are_the_list(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 5)
        pages = [(await rooms.offline(bob, offset=offset, count=2))[0] for offset in (0, 2, 4, 6)]
        assert pages == [[1, 2], [3, 4], [5], []]

    async def test_reading_the_list_moves_nothing(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await write_to(rooms, ann, 2)
        await rooms.offline(bob)
        assert await rooms.offline(bob) == ([1, 2], 2)

    async def test_a_conversation_may_be_chosen(self, rooms: Rooms, ann: Author, bob: Author, cat: Author) -> None:
        await rooms.group("team", ann, bob)
        await rooms.batch(private(ann, "bob"), to_group(ann, "team"), private(cat, "bob"), to_group(ann, "team"))
        assert await rooms.offline(bob, "g:team") == ([2, 4], 2)
        assert await rooms.offline(bob, "g:team", count=1) == ([2], 2)

    async def test_an_unknown_conversation_is_an_error(self, rooms: Rooms, bob: Author) -> None:
        with pytest.raises(UnknownConversation):
            await rooms.offline(bob, "g:none")

    async def test_changes_are_not_in_it(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.record(READ, [bob], ann)
        await write_to(rooms, ann, 1)
        assert await rooms.offline(bob) == ([2], 1)

    async def test_what_the_users_other_device_sent_is_in_it(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        tablet = await rooms.author("bob", "tablet")
        await write_to(rooms, tablet, 1, to="ann")
        assert await rooms.offline(bob) == ([1], 1)
        assert await rooms.offline(tablet) == ([], 0)
