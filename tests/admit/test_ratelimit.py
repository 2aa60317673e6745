"""How many in how long: the bucket against its definition (D7)."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given

from roost.admit import ratelimit
from roost.admit.ratelimit import RateLimit
from roost.errors import RateLimited


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def taken(limit: RateLimit, key: str = "ann") -> bool:
    try:
        limit.take(key)
    except RateLimited:
        return False
    return True


def test_as_many_as_a_minute_allows_may_come_at_once(seconds: Seconds) -> None:
    limit = RateLimit(5, seconds, "messages")
    assert [taken(limit) for _ in range(7)] == [True] * 5 + [False] * 2


def test_the_next_is_due_when_its_part_of_the_minute_has_passed(seconds: Seconds) -> None:
    limit = RateLimit(60, seconds, "messages")
    for _ in range(60):
        limit.take("ann")
    seconds.now += 0.9
    assert not taken(limit)
    seconds.now += 0.1
    assert taken(limit)
    assert not taken(limit)


def test_what_was_not_used_is_saved_up_for_a_minute_and_no_longer(seconds: Seconds) -> None:
    limit = RateLimit(3, seconds, "messages")
    taken(limit)
    seconds.now += 3600
    assert [taken(limit) for _ in range(4)] == [True, True, True, False]


def test_every_key_has_its_own(seconds: Seconds) -> None:
    limit = RateLimit(1, seconds, "messages")
    assert taken(limit, "ann")
    assert taken(limit, "bob")
    assert not taken(limit, "ann")


def test_0_sets_no_limit(seconds: Seconds) -> None:
    limit = RateLimit(0, seconds, "messages")
    assert all(taken(limit) for _ in range(1000))


def test_the_refusal_tells_the_limit_and_when_to_come_back(seconds: Seconds) -> None:
    limit = RateLimit(6, seconds, "messages")
    for _ in range(6):
        limit.take("ann")
    with pytest.raises(RateLimited, match="at most 6 messages a minute") as caught:
        limit.take("ann")
    assert caught.value.retry_after == 10


@given(per_minute=st.integers(1, 1000), start=st.floats(0, 1e6), pauses=st.lists(st.floats(0, 90), max_size=30))
def test_who_comes_back_when_told_is_let_in(per_minute: int, start: float, pauses: list[float]) -> None:
    seconds = Seconds()
    seconds.now = start
    limit = RateLimit(per_minute, seconds, "messages")
    for _ in range(per_minute):
        limit.take("ann")
    for pause in pauses:
        seconds.now += pause
        while taken(limit):
            pass
        with pytest.raises(RateLimited) as caught:
            limit.take("ann")
        assert caught.value.retry_after is not None
        assert 0 < caught.value.retry_after <= 60 / per_minute + 0.002
        seconds.now += caught.value.retry_after
        limit.take("ann")


@given(
    per_minute=st.integers(1, 120),
    steps=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 6)), max_size=40),
)
def test_it_lets_in_what_a_bucket_of_exact_fractions_lets_in(per_minute: int, steps: list[tuple[int, int]]) -> None:
    """Steps are pauses in quarters of a second, and how many come then."""
    seconds = Seconds()
    limit = RateLimit(per_minute, seconds, "messages")
    level = Fraction(per_minute)
    for quarters, attempts in steps:
        seconds.now += quarters / 4
        level = min(Fraction(per_minute), level + Fraction(quarters * per_minute, 240))
        for _ in range(attempts):
            allowed = level >= 1
            assert taken(limit) == allowed
            level -= allowed


def test_those_not_seen_for_longest_are_forgotten(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "REMEMBERED", 4)
    limit = RateLimit(1, seconds, "messages")
    allowed = {key: taken(limit, key) for key in ("ann", "bob", "cat")}
    assert not taken(limit, "ann"), "seen lately"
    allowed |= {key: taken(limit, key) for key in ("dan", "eve")}
    assert all(allowed.values())
    assert len(limit._full_at) + len(limit._full_at_before) <= 4
    assert not taken(limit, "ann")
    assert taken(limit, "bob")
