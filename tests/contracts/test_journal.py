"""What `roost.journal.contract` guarantees, on every backend: numbers, once, all or nothing, the members of now,
the state of now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from roost.errors import Conflict, NotAMember, UnknownConversation, UnknownReceiver
from roost.journal import reading
from roost.journal.contract import Author, Committed, LogState
from roost.model.message import Change, Message
from roost.roster import conversations as roster
from tests.rooms import Rooms, held, private, to_group

SAID = Change(kind="read", conversation_id="p:ann:bob")


def seqs(outcomes: Sequence[Committed]) -> list[int]:
    return [outcome.author_seq for outcome in outcomes]


def contents(entries: Sequence[Any]) -> list[str]:
    return [entry.what.content for entry in entries if isinstance(entry.what, Message)]


class TestNumbers:
    async def test_a_fresh_users_first_message_has_seq_1_in_both_logs(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        sent = await rooms.send(private(ann, "bob"))
        assert sent.message.conversation_seq == 1
        assert sorted(sent.places) == [(ann.uid, 1), (bob.uid, 1)]
        assert sent.author_seq == 1

    async def test_one_transaction_numbers_in_order_of_arrival(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await rooms.batch(*(private(ann, "bob", str(n)) for n in range(5)))
        assert seqs(sent) == [1, 2, 3, 4, 5]
        assert [outcome.message.conversation_seq for outcome in sent] == [1, 2, 3, 4, 5]
        assert contents(await rooms.log(bob)) == ["0", "1", "2", "3", "4"]

    async def test_transactions_go_on_where_the_last_ended(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.batch(private(ann, "bob"), private(ann, "bob"))
        [third] = await rooms.batch(private(bob, "ann"))
        assert third.author_seq == 3
        assert third.message.conversation_seq == 3

    async def test_two_who_write_to_each_other_at_once_make_one_conversation(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        one, other = await rooms.batch(private(ann, "bob"), private(bob, "ann"))
        assert one.message.conversation_id == other.message.conversation_id == "p:ann:bob"
        assert [one.message.conversation_seq, other.message.conversation_seq] == [1, 2]

    async def test_conversations_of_one_batch_are_numbered_apart(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        sent = await rooms.batch(private(ann, "bob"), private(ann, "cat"), private(ann, "bob"), private(cat, "bob"))
        assert [outcome.message.conversation_seq for outcome in sent] == [1, 1, 2, 1]
        assert [entry.seq for entry in await rooms.log(bob)] == [1, 2, 3]

    async def test_a_message_to_oneself_has_one_place(self, rooms: Rooms, ann: Author) -> None:
        sent = await rooms.send(private(ann, "ann"))
        assert sent.places == [(ann.uid, 1)]
        assert sent.message.conversation_id == "p:ann:ann"

    async def test_what_is_refused_takes_no_number(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        outcomes = await rooms.batch(private(ann, "bob"), private(ann, "nobody"), private(ann, "bob"))
        assert isinstance(outcomes[1], UnknownReceiver)
        assert seqs([outcomes[0], outcomes[2]]) == [1, 2]

    async def test_a_duplicate_takes_no_number(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.batch(private(ann, "bob", message_id="m"), private(ann, "bob", message_id="m"))
        after = await rooms.send(private(ann, "bob"))
        assert after.author_seq == 2
        assert after.message.conversation_seq == 2

    async def test_messages_and_changes_share_the_numbering_of_a_log(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.send(private(ann, "bob"))
        recorded = await rooms.record(SAID, [ann, bob], ann)
        assert recorded.places == [(ann.uid, 2), (bob.uid, 2)]
        assert seqs([await rooms.send(private(ann, "bob"))]) == [3]
        kinds = [type(entry.what) for entry in await rooms.log(ann)]
        assert kinds == [Message, Change, Message]

    async def test_two_changes_of_one_transaction_have_two_places(self, rooms: Rooms, ann: Author) -> None:
        def twice(tx: Any) -> list[tuple[int, int]]:
            first = rooms.journal.record(tx, SAID, [ann.uid], ann)
            return first.places + rooms.journal.record(tx, SAID, [ann.uid], ann).places

        assert await rooms.write(twice) == [(ann.uid, 1), (ann.uid, 2)]

    async def test_a_change_that_names_a_log_twice_enters_it_once(self, rooms: Rooms, ann: Author) -> None:
        recorded = await rooms.record(SAID, [ann, ann], ann)
        assert recorded.places == [(ann.uid, 1)]

    async def test_outcomes_come_in_the_order_of_numbers(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        told: list[int] = []
        futures: list[asyncio.Future[None]] = []
        for _ in range(50):
            future = asyncio.get_running_loop().create_future()
            futures.append(future)

            def done(outcome: Any, future: asyncio.Future[None] = future) -> None:
                told.append(outcome.author_seq)
                future.set_result(None)

            rooms.journal.append(private(ann, "bob"), done)
            await asyncio.sleep(0)
        await asyncio.gather(*futures)
        assert told == list(range(1, 51))

    async def test_server_ids_are_unique_and_go_up(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = [*await rooms.batch(private(ann, "bob"), private(bob, "ann"))]
        await rooms.restart()
        sent += await rooms.batch(private(ann, "bob"), private(ann, "ann"))
        numbers = [int(outcome.message.server_msg_id) for outcome in sent]
        assert all(one < other for one, other in pairwise(numbers))

    async def test_numbers_go_on_after_a_kill(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.batch(private(ann, "bob"), private(ann, "bob"))
        await rooms.die()
        sent = await rooms.send(private(ann, "bob"))
        assert (sent.author_seq, sent.message.conversation_seq) == (3, 3)


class TestOnce:
    async def test_the_same_id_again_gets_the_first_result(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        first = await rooms.send(private(ann, "bob", "one", message_id="m"))
        again = await rooms.send(private(ann, "bob", "another", message_id="m"))
        assert again.duplicate
        assert not first.duplicate
        assert again.message == first.message
        assert again.author_seq == first.author_seq
        assert again.places == []

    async def test_the_same_id_twice_in_one_transaction_is_stored_once(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        first, again = await rooms.batch(private(ann, "bob", "one", "m"), private(ann, "bob", "two", "m"))
        assert not first.duplicate
        assert again.duplicate
        assert again.message == first.message
        assert contents(await rooms.log(bob)) == ["one"]

    @pytest.mark.parametrize("how", ["restart", "die"])
    async def test_it_is_still_known_after_a_restart_or_a_kill(
        self, rooms: Rooms, ann: Author, bob: Author, how: str
    ) -> None:
        first = await rooms.send(private(ann, "bob", message_id="m"))
        await getattr(rooms, how)()
        again = await rooms.send(private(ann, "bob", message_id="m"))
        assert again.duplicate
        assert again.message == first.message

    async def test_the_id_is_the_senders_in_all_conversations(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        first = await rooms.send(private(ann, "bob", message_id="m"))
        again = await rooms.send(private(ann, "cat", message_id="m"))
        assert again.message == first.message
        assert await rooms.log(cat) == []

    async def test_another_senders_same_id_is_another_message(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        one, other = await rooms.batch(private(ann, "bob", message_id="m"), private(bob, "ann", message_id="m"))
        assert not other.duplicate
        assert one.message.server_msg_id != other.message.server_msg_id

    async def test_another_device_of_the_sender_shares_the_ids(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        tablet = await rooms.author("ann", "tablet")
        await rooms.send(private(ann, "bob", message_id="m"))
        assert (await rooms.send(private(tablet, "bob", message_id="m"))).duplicate

    async def test_one_who_has_left_the_group_still_gets_the_first_result(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.group("team", ann, bob)
        first = await rooms.send(to_group(ann, "team", message_id="m"))
        await rooms.leave("team", ann)
        again = await rooms.send(to_group(ann, "team", message_id="m"))
        assert again.message == first.message

    async def test_what_was_refused_may_be_sent_again(self, rooms: Rooms, ann: Author) -> None:
        with pytest.raises(UnknownReceiver):
            await rooms.send(private(ann, "bob", message_id="m"))
        await rooms.author("bob")
        assert not (await rooms.send(private(ann, "bob", message_id="m"))).duplicate

    async def test_a_message_without_an_id_gets_one_of_its_own(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        one, other = await rooms.batch(private(ann, "bob"), private(ann, "bob"))
        assert one.message.message_id != other.message.message_id

    async def test_ids_that_differ_only_in_case_are_two(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        _, other = await rooms.batch(private(ann, "bob", message_id="m"), private(ann, "bob", message_id="M"))
        assert not other.duplicate


class TestAllOrNothing:
    async def test_a_group_message_is_in_every_members_log(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        await rooms.group("team", ann, bob, cat)
        sent = await rooms.send(to_group(ann, "team"))
        assert sorted(sent.places) == [(author.uid, 1) for author in (ann, bob, cat)]
        for author in (ann, bob, cat):
            assert contents(await rooms.log(author)) == ["hi"]

    @pytest.mark.parametrize("table", ["conversations", "members", "messages", "log"])
    async def test_a_failure_leaves_nothing_and_no_gap(
        self, rooms: Rooms, ann: Author, bob: Author, table: str
    ) -> None:
        await rooms.batch(private(ann, "ann", "before"), private(bob, "bob", "before"))
        async with rooms.failing(table):
            [outcome] = await rooms.batch(private(ann, "bob", "lost", "m"))
        assert isinstance(outcome, Exception)
        after = await rooms.send(private(ann, "bob", "after", "m"))
        assert not after.duplicate
        assert (after.author_seq, after.message.conversation_seq) == (2, 1)
        assert contents(await rooms.log(bob)) == ["before", "after"]

    async def test_a_failure_of_the_very_first_batch_leaves_nothing_behind(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        async with rooms.failing("log"):
            [outcome] = await rooms.batch(private(ann, "bob"))
        assert isinstance(outcome, Exception)
        after = await rooms.send(private(ann, "bob"))
        assert (after.author_seq, after.message.conversation_seq) == (1, 1)

    async def test_a_failure_in_a_conversation_that_is_under_way_leaves_no_gap(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.batch(private(ann, "bob"), private(bob, "ann"))
        async with rooms.failing("log"):
            [outcome] = await rooms.batch(private(ann, "bob"))
        assert isinstance(outcome, Exception)
        after = await rooms.send(private(ann, "bob"))
        assert (after.author_seq, after.message.conversation_seq) == (3, 3)

    async def test_a_failed_change_takes_no_number_from_what_shares_its_transaction(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        def fail(tx: Any) -> None:
            rooms.journal.record(tx, SAID, [ann.uid, bob.uid], ann)
            raise Conflict

        async with held(rooms.database):
            before = rooms.append(private(ann, "bob"))
            failed = asyncio.ensure_future(rooms.write(fail))
            await asyncio.sleep(0)
            after = rooms.append(private(ann, "bob"))
        with pytest.raises(Conflict):
            await failed
        assert seqs([await before, await after]) == [1, 2]
        assert [entry.seq for entry in await rooms.log(bob)] == [1, 2]

    async def test_what_was_told_is_there_after_a_kill(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.batch(*(private(ann, "bob", str(n)) for n in range(20)))
        await rooms.die()
        assert contents(await rooms.log(bob)) == [str(n) for n in range(20)]
        assert contents(await rooms.log(ann)) == [str(n) for n in range(20)]


class TestMembersOfNow:
    async def test_one_who_joins_in_the_same_batch_receives_what_comes_after(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.group("team", ann)
        async with held(rooms.database):
            before = rooms.append(to_group(ann, "team", "before"))
            joined = asyncio.ensure_future(rooms.join("team", bob))
            await asyncio.sleep(0)
            after = rooms.append(to_group(ann, "team", "after"))
        await asyncio.gather(before, joined, after)
        assert contents(await rooms.log(bob)) == ["after"]

    async def test_one_who_leaves_receives_no_more(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.group("team", ann, bob)
        await rooms.send(to_group(ann, "team", "one"))
        await rooms.leave("team", bob)
        await rooms.send(to_group(ann, "team", "two"))
        assert contents(await rooms.log(bob)) == ["one"]

    async def test_one_who_comes_back_receives_again(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.group("team", ann, bob)
        await rooms.leave("team", bob)
        await rooms.send(to_group(ann, "team", "missed"))
        await rooms.join("team", bob)
        await rooms.send(to_group(ann, "team", "back"))
        assert contents(await rooms.log(bob)) == ["back"]

    async def test_one_who_does_not_belong_is_refused(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.group("team", ann)
        with pytest.raises(NotAMember):
            await rooms.send(to_group(bob, "team"))
        assert await rooms.log(ann) == []

    async def test_a_group_that_does_not_exist_is_refused(self, rooms: Rooms, ann: Author) -> None:
        with pytest.raises(UnknownConversation):
            await rooms.send(to_group(ann, "team"))

    async def test_a_group_that_was_dissolved_is_refused(self, rooms: Rooms, ann: Author) -> None:
        await rooms.group("team", ann)
        await rooms.write(lambda tx: roster.dissolve(tx, roster.find(tx, "g:team").cid, rooms.clock()))
        with pytest.raises(UnknownConversation):
            await rooms.send(to_group(ann, "team"))

    async def test_an_unknown_receiver_is_refused_and_nothing_is_made(self, rooms: Rooms, ann: Author) -> None:
        with pytest.raises(UnknownReceiver, match="nobody"):
            await rooms.send(private(ann, "nobody"))
        with pytest.raises(UnknownConversation):
            await rooms.read(reading.cid_of, "p:ann:nobody")


class TestReading:
    async def test_a_page_is_complete_and_in_order(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.batch(*(private(ann, "bob", str(n)) for n in range(10)))
        page = await rooms.journal.page(bob.uid, 3, 4)
        assert [entry.seq for entry in page.entries] == [4, 5, 6, 7]
        assert page.state == LogState(head=10, floor=0)

    async def test_a_page_at_the_head_is_empty(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        await rooms.send(private(ann, "bob"))
        assert (await rooms.journal.page(bob.uid, 1, 10)).entries == []

    async def test_a_log_in_which_nothing_was_entered_is_at_0(self, rooms: Rooms, ann: Author) -> None:
        assert await rooms.state(ann) == LogState(0, 0)

    async def test_the_heads_of_many_logs_are_read_at_once(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        for _ in range(3):
            await rooms.send(private(ann, "bob"))
        await rooms.send(private(bob, "bob"))
        assert await rooms.read(reading.heads, [ann.uid, bob.uid, cat.uid, 10**9]) == {ann.uid: 3, bob.uid: 4}

    async def test_an_entry_carries_its_place_in_the_readers_own_log(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author
    ) -> None:
        await rooms.send(private(cat, "bob"))
        await rooms.send(private(ann, "bob"))
        assert (await rooms.log(ann))[0].what.seq == 1
        assert [entry.what.seq for entry in await rooms.log(bob)] == [1, 2]

    async def test_an_entry_remembers_the_device_of_its_author_in_the_authors_log_only(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.send(private(ann, "bob"))
        await rooms.record(SAID, [ann, bob], ann)
        assert [entry.origin for entry in await rooms.log(ann)] == [ann.did, ann.did]
        assert [entry.origin for entry in await rooms.log(bob)] == [0, 0]

    async def test_what_is_read_is_what_was_committed(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await rooms.send(private(ann, "bob", message_id="m"))
        [entry] = await rooms.log(bob)
        entry.what.seq = 0
        assert entry.what == sent.message

    async def test_a_message_is_read_in_its_state_of_now(self, rooms: Rooms, ann: Author, bob: Author) -> None:
        sent = await rooms.send(private(ann, "bob", "first"))
        edit = text("UPDATE messages SET content = 'second', version = 2, edit_time = 7 WHERE mid = :mid")
        await rooms.write(lambda tx: tx.execute(edit, {"mid": int(sent.message.server_msg_id)}) and None)
        [entry] = await rooms.log(bob)
        assert (entry.what.content, entry.what.version, entry.what.edit_time) == ("second", 2, 7)

    @pytest.mark.parametrize(
        "content",
        [
            "plain",
            "123",
            "null",
            '"quoted" \\ back\\slash / slash',
            "line\nfeed\ttab\r\x01\x1f\x7f\x85\u2028",
            "Grüße, 世界, हिन्दी",
            "👩‍👩‍👧‍👦 🏳️‍🌈",
            "\U0010ffff\uffff\ufeff",
            "' OR 1=1; --",
            "50 % of %s; %(name)s; SELECT 1",
            "{}[]$.x ->> ?1",
            " ",
            "x" * 5000,
        ],
    )
    async def test_content_comes_back_as_it_was_sent(
        self, rooms: Rooms, ann: Author, bob: Author, content: str
    ) -> None:
        await rooms.send(private(ann, "bob", content, message_id=content[:64]))
        [entry] = await rooms.log(bob)
        assert entry.what.content == content
        assert entry.what.message_id == content[:64]

    async def test_a_change_comes_back_as_it_was_recorded(self, rooms: Rooms, ann: Author) -> None:
        change = Change(kind="member", conversation_id="g:x", action="joined", user_id="bob", role="admin", time=2**52)
        await rooms.record(change, [ann])
        [entry] = await rooms.log(ann)
        entry.what.seq = 0
        assert entry.what == change

    async def test_history_is_the_newest_before_a_number_oldest_first(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.batch(*(private(ann, "bob", str(n)) for n in range(1, 8)))
        cid = await rooms.read(reading.cid_of, "p:ann:bob")
        page = await rooms.read(reading.history, cid, 6, 3)
        assert [message.conversation_seq for message in page] == [3, 4, 5]
        assert [message.seq for message in page] == [0, 0, 0]
