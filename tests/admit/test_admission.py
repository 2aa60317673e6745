"""The limits of user, device and address together, and what spam has to do with them."""

from __future__ import annotations

import pytest

from roost.admit.admission import Admission, Sender
from roost.admit.ratelimit import RateLimit
from roost.admit.spam import COPIES, REFUSALS, Spam
from roost.errors import RateLimited, RoostError, SpamSuspected
from tests.admit.test_ratelimit import Seconds


def admission(seconds: Seconds, user: int, device: int, address: int, spam: Spam | None = None) -> Admission:
    limits = (
        RateLimit(user, seconds, "messages"),
        RateLimit(device, seconds, "messages from one device"),
        RateLimit(address, seconds, "messages from one network address"),
    )
    return Admission(limits, spam, seconds)


def taken(admission: Admission, sender: Sender, count: int = 1) -> int:
    """How many of so many messages were taken."""
    done = 0
    for number in range(count):
        try:
            admission.admit(sender, "p:ann:bob", f"text {number}", None)
        except RateLimited:
            continue
        done += 1
    return done


HERE = "192.0.2.1"
ANN = ("ann", 1, HERE)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_a_device_has_its_own_limit(seconds: Seconds) -> None:
    both = admission(seconds, 100, 3, 0)
    assert taken(both, ANN, 5) == 3
    assert taken(both, ("ann", 2, HERE), 5) == 3
    with pytest.raises(RateLimited, match="at most 3 messages from one device a minute"):
        both.admit(ANN, "p:ann:bob", "x", None)


def test_an_address_has_its_own_limit_whoever_is_there(seconds: Seconds) -> None:
    both = admission(seconds, 100, 0, 4)
    assert taken(both, ANN, 3) == 3
    assert taken(both, ("bob", 2, HERE), 3) == 1
    assert taken(both, ("bob", 2, "192.0.2.2"), 3) == 3
    with pytest.raises(RateLimited, match="one network address"):
        both.admit(ANN, "p:ann:bob", "x", None)


def test_a_user_has_one_limit_for_all_devices_and_addresses(seconds: Seconds) -> None:
    one = admission(seconds, 5, 0, 0)
    assert taken(one, ANN, 3) == 3
    assert taken(one, ("ann", 2, "192.0.2.2"), 3) == 2


def test_what_one_limit_refuses_counts_for_none(seconds: Seconds) -> None:
    all_three = admission(seconds, 10, 10, 1)
    assert taken(all_three, ANN, 9) == 1
    elsewhere = ("ann", 1, "192.0.2.9")
    assert taken(all_three, elsewhere) == 1
    assert taken(admission(seconds, 10, 10, 0), ANN, 12) == 10
    for number in range(8):
        assert taken(all_three, ("ann", 1, f"192.0.2.{10 + number}")) == 1
    assert taken(all_three, ("ann", 1, "192.0.2.99")) == 0


def test_the_refusal_tells_when_to_come_back(seconds: Seconds) -> None:
    limited = admission(seconds, 0, 6, 0)
    assert taken(limited, ANN, 7) == 6
    seconds.now += 9.9
    assert taken(limited, ANN) == 0
    seconds.now += 0.1
    assert taken(limited, ANN) == 1


def test_spam_is_looked_for_only_where_it_is_asked_for(seconds: Seconds) -> None:
    def refusals(admission: Admission) -> set[type[RoostError]]:
        found: set[type[RoostError]] = set()
        for number in range(COPIES + 5):
            try:
                admission.admit(ANN, f"p:ann:u{number}", "Buy now!", f"m-{number}")
            except RoostError as error:
                found.add(type(error))
        return found

    assert refusals(admission(seconds, 0, 0, 0)) == set()
    assert refusals(admission(seconds, 1000, 0, 0, Spam())) == {SpamSuspected}


def test_who_goes_on_and_on_after_the_rate_limit_is_slowed_down(seconds: Seconds) -> None:
    flooded = admission(seconds, 1, 0, 0, Spam())
    assert taken(flooded, ANN) == 1
    for _ in range(REFUSALS):
        with pytest.raises(RateLimited) as caught:
            flooded.admit(ANN, "p:ann:bob", "x", None)
        assert type(caught.value) is RateLimited
    with pytest.raises(SpamSuspected) as slowed:
        flooded.admit(ANN, "p:ann:bob", "x", None)
    assert slowed.value.retry_after == 5
