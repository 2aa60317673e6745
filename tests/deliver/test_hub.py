"""Who is told of a committed entry."""

from __future__ import annotations

import pytest

from roost.deliver.hub import Hub
from roost.deliver.reader import Reader
from roost.protocol.encoded import EncodedEntry
from tests.deliver.entries import CHANGE, MESSAGE, PHONE, TABLET

ANN, BOB = 1, 2


class Ears:
    """A sink that remembers what it was given."""

    writable = True

    def __init__(self) -> None:
        self.heard: list[int] = []

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        self.heard.append(seq)

    def read_on(self) -> None:
        raise AssertionError("nothing was missed")


@pytest.fixture
def hub() -> Hub:
    return Hub()


def reader(hub: Hub, uid: int, device: int = PHONE, *, follows: bool = True) -> tuple[Reader, Ears]:
    """A reader at the head of an empty log."""
    ears = Ears()
    made = Reader(ears, uid, device, follows=follows, window=100)
    hub.attach(made)
    made.start(0, 0)
    made.go_on()
    return made, ears


def test_every_reader_of_a_log_is_told(hub: Hub) -> None:
    (_, phone), (_, tablet) = reader(hub, ANN), reader(hub, ANN, TABLET)
    assert hub.announce(CHANGE, [(ANN, 1)], 0, 0, None) == 2
    assert phone.heard == tablet.heard == [1]


def test_each_log_is_told_its_own_place(hub: Hub) -> None:
    (_, ann), (bobs, bob) = reader(hub, ANN), reader(hub, BOB)
    bobs.start(6, 6)
    hub.announce(CHANGE, [(ANN, 1), (BOB, 7)], 0, 0, None)
    assert (ann.heard, bob.heard) == ([1], [7])


def test_a_log_that_nobody_reads_costs_nothing(hub: Hub) -> None:
    assert hub.announce(CHANGE, [(ANN, 1), (BOB, 1)], 0, 0, None) == 0


def test_a_reader_that_left_is_told_no_more(hub: Hub) -> None:
    (gone, silent), (_, stays) = reader(hub, ANN), reader(hub, ANN, TABLET)
    hub.detach(gone)
    hub.announce(CHANGE, [(ANN, 1)], 0, 0, None)
    assert (silent.heard, stays.heard) == ([], [1])


def test_leaving_twice_is_no_error_and_leaves_nothing_behind(hub: Hub) -> None:
    gone, _ = reader(hub, ANN)
    hub.detach(gone)
    hub.detach(gone)
    assert hub.readers(ANN) == ()
    assert hub._readers == {}


def test_the_origin_counts_in_the_authors_log_only(hub: Hub) -> None:
    (_, sender), (_, receiver) = reader(hub, ANN, follows=False), reader(hub, BOB, follows=False)
    hub.announce(MESSAGE, [(ANN, 1), (BOB, 1)], ANN, PHONE, None)
    assert sender.heard == []
    assert receiver.heard == [1]
