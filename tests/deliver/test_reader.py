"""One connection's place in a log: the fast lane, the window, what is passed over."""

from __future__ import annotations

import pytest

from roost.deliver.reader import Reader
from roost.protocol.encoded import EncodedEntry
from tests.deliver.entries import CHANGE, MESSAGE, PHONE, TABLET


class Socket:
    """Remembers what was written to it, and how often the log was to be read."""

    writable = True

    def __init__(self) -> None:
        self.written: list[int] = []
        self.readings = 0

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        self.written.append(seq)

    def read_on(self) -> None:
        self.readings += 1


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
def follower(socket: Socket) -> Reader:
    """At the head of a log of 5, with a window of 3."""
    made = Reader(socket, 1, PHONE, follows=True, window=3)
    made.start(5, 5)
    made.go_on()
    return made


@pytest.fixture
def simple(socket: Socket) -> Reader:
    made = Reader(socket, 1, PHONE, follows=False, window=3)
    made.start(5, 5)
    made.go_on()
    return made


class TestStarting:
    def test_at_the_head_it_enters_the_fast_lane_without_reading(self, follower: Reader, socket: Socket) -> None:
        assert follower.fast
        assert socket.readings == 0

    def test_behind_the_head_it_reads(self, socket: Socket) -> None:
        reader = Reader(socket, 1, PHONE, follows=True, window=3)
        reader.start(2, 5)
        reader.go_on()
        assert (reader.fast, socket.readings) == (False, 1)

    def test_what_is_committed_before_it_starts_is_not_lost(self, socket: Socket) -> None:
        reader = Reader(socket, 1, PHONE, follows=True, window=3)
        reader.offer(MESSAGE, 6, 0, None)
        assert (socket.written, socket.readings) == ([], 0)
        reader.start(5, 5)
        reader.go_on()
        assert (reader.fast, socket.readings) == (False, 1)

    def test_an_ack_before_it_starts_moves_nothing(self, socket: Socket) -> None:
        reader = Reader(socket, 1, PHONE, follows=False, window=3)
        for seq in (0, 3):
            reader.ack(seq)
        assert (reader.held, socket.readings) == (True, 0)
        reader.start(5, 5)
        reader.go_on()
        assert (reader.position, reader.fast) == (5, True)


class TestTheFastLane:
    def test_the_next_entry_is_written_at_once(self, follower: Reader, socket: Socket) -> None:
        follower.offer(MESSAGE, 6, 0, None)
        follower.offer(CHANGE, 7, 0, None)
        assert (socket.written, follower.position, socket.readings) == ([6, 7], 7, 0)

    def test_an_entry_that_is_not_the_next_is_read_from_the_log(self, follower: Reader, socket: Socket) -> None:
        follower.offer(MESSAGE, 7, 0, None)
        assert (socket.written, socket.readings, follower.fast) == ([], 1, False)

    def test_while_the_log_is_read_nothing_is_written_and_no_second_reading_begins(
        self, follower: Reader, socket: Socket
    ) -> None:
        follower.offer(MESSAGE, 7, 0, None)
        follower.offer(MESSAGE, 8, 0, None)
        assert (socket.written, socket.readings) == ([], 1)

    def test_a_full_socket_leaves_it_and_nothing_is_queued(self, follower: Reader, socket: Socket) -> None:
        follower.leave_fast_lane()
        follower.offer(MESSAGE, 6, 0, None)
        assert socket.written == []
        assert not follower.caught_up()

    def test_it_is_not_regained_while_the_socket_is_full(self, follower: Reader, socket: Socket) -> None:
        """The page that was under way reached the head. What is written now is queued, and so is all that follows."""
        follower.leave_fast_lane()
        socket.writable = False
        follower.wrote(6, 6)
        assert not follower.caught_up()
        follower.offer(MESSAGE, 7, 0, None)
        assert socket.written == []

    def test_it_is_regained_at_the_head_only(self, follower: Reader) -> None:
        follower.offer(MESSAGE, 7, 0, None)
        follower.wrote(6, 7)
        assert not follower.caught_up()
        follower.wrote(7, 7)
        assert follower.caught_up()

    def test_what_was_read_before_it_was_announced_costs_neither_the_lane_nor_a_reading(
        self, follower: Reader, socket: Socket
    ) -> None:
        """Reading sees a commit a moment before its announcement."""
        follower.wrote(7, 7)
        assert follower.caught_up()
        follower.offer(MESSAGE, 6, 0, None)
        follower.offer(MESSAGE, 7, 0, None)
        assert (follower.fast, socket.written, socket.readings) == (True, [], 0)
        follower.offer(MESSAGE, 8, 0, None)
        assert socket.written == [8]

    def test_a_late_announcement_does_not_make_the_log_shorter(self, follower: Reader) -> None:
        """An ack of what was read would be refused as above the head."""
        follower.leave_fast_lane()
        follower.wrote(7, 9)
        follower.offer(MESSAGE, 6, 0, None)
        follower.offer(MESSAGE, 8, 0, None)
        assert follower.announced == 9


class TestTheWindow:
    def test_no_more_than_the_window_is_written_beyond_the_ack(self, follower: Reader, socket: Socket) -> None:
        for seq in range(6, 12):
            follower.offer(MESSAGE, seq, 0, None)
        assert (socket.written, follower.room, socket.readings) == ([6, 7, 8], 0, 0)

    def test_an_ack_opens_it_again(self, follower: Reader, socket: Socket) -> None:
        for seq in range(6, 12):
            follower.offer(MESSAGE, seq, 0, None)
        follower.ack(7)
        assert (follower.room, socket.readings) == (2, 1)

    def test_a_lower_ack_closes_nothing(self, follower: Reader) -> None:
        follower.offer(MESSAGE, 6, 0, None)
        follower.ack(6)
        follower.ack(5)
        assert follower.room == 3

    def test_an_ack_of_what_came_another_way_moves_the_position(self, follower: Reader) -> None:
        follower.leave_fast_lane()
        follower.offer(MESSAGE, 9, 0, None)
        follower.ack(8)
        assert (follower.position, follower.room) == (8, 3)

    def test_a_simple_reader_has_none(self, simple: Reader, socket: Socket) -> None:
        for seq in range(6, 1000):
            simple.offer(MESSAGE, seq, 0, None)
        assert len(socket.written) == 994

    def test_what_the_connection_sent_itself_does_not_fill_it(self, follower: Reader, socket: Socket) -> None:
        for seq in range(6, 20):
            follower.offer(MESSAGE, seq, PHONE, socket)
        follower.offer(MESSAGE, 20, 0, None)
        assert socket.written == [20]

    def test_what_the_connection_sent_itself_is_no_ack_of_what_was_written_before(
        self, follower: Reader, socket: Socket
    ) -> None:
        for seq, via in ((6, None), (7, None), (8, socket), (9, None)):
            follower.offer(MESSAGE, seq, PHONE if via else 0, via)
        assert socket.written == [6, 7]


class TestPassingOver:
    def test_a_follower_does_not_get_back_what_this_connection_sent(self, follower: Reader, socket: Socket) -> None:
        follower.offer(MESSAGE, 6, PHONE, socket)
        assert (socket.written, follower.position) == ([], 6)

    def test_a_follower_gets_what_its_device_sent_over_http(self, follower: Reader, socket: Socket) -> None:
        follower.offer(MESSAGE, 6, PHONE, None)
        assert socket.written == [6]

    def test_a_follower_gets_what_another_connection_of_its_device_sent(self, follower: Reader, socket: Socket) -> None:
        follower.offer(MESSAGE, 6, PHONE, Socket())
        assert socket.written == [6]

    def test_a_simple_reader_does_not_get_back_what_its_device_sent(self, simple: Reader, socket: Socket) -> None:
        simple.offer(MESSAGE, 6, PHONE, None)
        assert (socket.written, simple.position) == ([], 6)

    def test_a_simple_reader_gets_what_the_users_other_device_sent(self, simple: Reader, socket: Socket) -> None:
        simple.offer(MESSAGE, 6, TABLET, None)
        assert socket.written == [6]

    def test_a_simple_reader_gets_the_changes_that_its_device_made(self, simple: Reader, socket: Socket) -> None:
        simple.offer(CHANGE, 6, PHONE, None)
        assert socket.written == [6]


class TestHolding:
    def test_a_held_reader_neither_writes_nor_reads(self, follower: Reader, socket: Socket) -> None:
        follower.hold()
        follower.offer(MESSAGE, 6, 0, None)
        follower.wake()
        assert (socket.written, socket.readings) == ([], 0)

    def test_an_ack_says_where_it_goes_on(self, follower: Reader, socket: Socket) -> None:
        follower.hold()
        follower.offer(MESSAGE, 9, 0, None)
        follower.ack(8)
        assert (follower.held, follower.position, socket.readings) == (False, 8, 1)

    def test_in_an_empty_log_it_goes_on_at_0(self, socket: Socket) -> None:
        """A foreign epoch in a log that nothing was entered in: the snapshot's head is 0."""
        reader = Reader(socket, 1, PHONE, follows=True, window=3)
        reader.start(0, 0)
        reader.hold()
        reader.ack(0)
        assert not reader.held
        reader.caught_up()
        reader.offer(MESSAGE, 1, 0, None)
        assert socket.written == [1]

    def test_an_ack_of_what_it_had_before_does_not_end_it(self, follower: Reader) -> None:
        follower.hold()
        follower.ack(4)
        assert follower.held
