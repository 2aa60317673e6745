"""Who is taken for a spammer, how long the pauses are, what is remembered; and who is not."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from roost.admit import spam as rules
from roost.admit.folding import fold
from roost.admit.spam import CONVERSATIONS, COPIES, MORE_REPEATS, REFUSALS, REPEATS, Spam
from roost.errors import RateLimited, SpamSuspected


class Talk:
    """A sender and a clock."""

    def __init__(self) -> None:
        self.spam = Spam()
        self.now = 1000.0
        self._ids = itertools.count()

    def say(self, text: str = "hello", to: str = "p:ann:bob", *, who: str = "ann", again: str | None = None) -> float:
        """Sends; returns the pause (s) if it is refused, else 0."""
        message_id = again or f"m-{next(self._ids)}"
        try:
            self.spam.check(who, to, fold(text), message_id, self.now)
        except SpamSuspected as refusal:
            return refusal.retry_after or -1
        return 0.0

    def until_refused(self) -> None:
        """Sends to one conversation after the other until it is refused."""
        while not self.say("copy", f"p:ann:{next(self._ids)}"):
            pass


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_the_same_text_to_many_conversations(talk: Talk) -> None:
    assert [talk.say("Buy now!", f"p:ann:u{number}") for number in range(COPIES + 1)] == [0] * COPIES + [5]


def test_case_width_and_space_make_no_other_text(talk: Talk) -> None:
    forms = ["Buy now!", "BUY NOW!", " buy  now! ", "ｂｕｙ now!", "buy\tnow!", "buy\u200b now!"]
    for number in range(COPIES):
        assert not talk.say(forms[number % len(forms)], f"p:ann:u{number}")
    assert talk.say("buy now!", "p:ann:last")


def test_the_same_text_to_the_same_few_is_no_copy(talk: Talk) -> None:
    for number in range(COPIES * 3):
        assert not talk.say("ok", f"p:ann:u{number % COPIES}")


def test_the_same_text_again_and_again(talk: Talk) -> None:
    assert not any(talk.say("aaa") for _ in range(REPEATS))
    assert talk.say("aaa") == 5


def test_others_between_them_do_not_hide_repeats(talk: Talk) -> None:
    for number in range(COPIES):
        assert not talk.say("Buy now!", f"p:ann:u{number}")
        for other in range(rules.TEXTS - 1):
            assert not talk.say(f"{number} and {other}")
    assert talk.say("Buy now!", "p:ann:last") == 5


def test_after_that_some_a_minute(talk: Talk) -> None:
    for _ in range(REPEATS):
        talk.say("aaa")
    talk.now += 61
    assert [bool(talk.say("aaa")) for _ in range(MORE_REPEATS + 1)] == [False] * MORE_REPEATS + [True]


def test_many_conversations(talk: Talk) -> None:
    pauses = [talk.say(f"hello {number}", f"p:ann:u{number}") for number in range(CONVERSATIONS + 1)]
    assert pauses == [0] * CONVERSATIONS + [5]


def test_who_pushes_against_the_rate_limit(talk: Talk) -> None:
    for _ in range(REFUSALS):
        talk.spam.refused("ann", talk.now)
    with pytest.raises(SpamSuspected):
        talk.spam.refused("ann", talk.now)
    assert talk.say() == 5


def test_what_is_counted_in_a_minute_is_counted_anew_in_the_next(talk: Talk) -> None:
    for _ in range(5):
        for number in range(COPIES):
            assert not talk.say("Buy now!", f"p:ann:u{number}")
        for _ in range(REFUSALS):
            talk.spam.refused("ann", talk.now)
        talk.now += 60


def test_a_message_that_is_sent_again_is_no_repeat(talk: Talk) -> None:
    for number in range(COPIES):
        for _ in range(3):
            assert not talk.say("Buy now!", f"p:ann:u{number}", again=f"id-{number}")
    assert talk.say("Buy now!", "p:ann:more", again="more") == 5
    talk.now += 5
    assert not talk.say("Buy now!", "p:ann:more", again="more")


def test_a_refused_message_is_not_counted_but_waited_for(talk: Talk) -> None:
    talk.until_refused()
    assert talk.say("something else", again="x") == 5
    talk.now += 2
    assert talk.say("something else", again="x") == 3
    talk.now += 3
    assert not talk.say("something else", again="x")


def test_pauses_double_up_to_a_quarter_of_an_hour(talk: Talk) -> None:
    pauses = []
    for _ in range(10):
        talk.until_refused()
        pauses.append(talk.say())
        talk.now += pauses[-1]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_strikes_are_forgotten_one_by_one(talk: Talk) -> None:
    for _ in range(3):
        talk.until_refused()
        talk.now += talk.say()
    talk.now += 2 * 600
    talk.until_refused()
    assert talk.say() == 10
    talk.now += 10 + 2 * 600
    talk.until_refused()
    assert talk.say() == 5


def test_after_the_pause_as_many_as_ever_are_taken_but_for_the_same_text(talk: Talk) -> None:
    for _ in range(REPEATS):
        talk.say("aaa")
    talk.now += talk.say("aaa")
    assert sum(not talk.say("aaa") for _ in range(MORE_REPEATS)) == MORE_REPEATS
    assert talk.say("aaa") == 10


def test_one_sender_is_nothing_to_another_and_receivers_never_are(talk: Talk) -> None:
    talk.until_refused()
    assert talk.say(who="ann")
    assert not talk.say(who="bob")
    for number in range(1000):
        assert not talk.say("welcome!", f"p:dan:u{number}", who=f"u{number}")
    assert not talk.say("thanks", "p:dan:u1", who="dan")


def test_it_is_a_rate_limit_to_those_who_know_no_spam() -> None:
    assert issubclass(SpamSuspected, RateLimited)


SHORT = ["ok", "哈哈", "👍", "yes", "no"]


@given(st.lists(st.tuples(st.floats(0.4, 30), st.integers(0, 14), st.sampled_from(SHORT)), max_size=30))
def test_a_person_is_never_taken_for_one(steps: list[tuple[float, int, str]]) -> None:
    """Somebody who writes to fifteen people at once, short words, up to twice a second."""
    talk = Talk()
    for pause, person, text in steps * 20:
        talk.now += pause
        assert not talk.say(text, f"p:ann:u{person}")


def test_an_outbox_of_a_night_may_leave_at_once(talk: Talk) -> None:
    for number in range(2000):
        assert not talk.say(f"thought {number}", f"p:ann:u{number % 5}")


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 3), st.integers(0, 40), st.integers(0, 40)), max_size=300))
def test_who_waits_as_long_as_told_is_let_in(steps: list[tuple[float, int, int, int]]) -> None:
    talk = Talk()
    for pause, sender, text, place in steps:
        talk.now += pause
        for copy in range(8):
            told = talk.say(f"text {text}", f"p:{place + copy}", who=f"s{sender}")
            if told:
                talk.now += told
                assert not talk.say(f"text {text}", f"p:{place + copy}", who=f"s{sender}")


def test_memory_is_bounded(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SENDERS", 50)
    for number in range(300):
        for step in range(100):
            talk.say(f"text {step}", f"p:u{step}", who=f"s{number}")
    assert len(talk.spam._senders) <= 51
    one = talk.spam._senders["s299"]
    assert len(one.texts) == rules.TEXTS
    for step in range(200):
        talk.say(f"text {step // 2}", f"p:u{step % 9}", who="s299")
    assert len(one.repeated) == rules.REPEATED
    for _ in range(100):
        talk.say("again", "p:u1", who="s299")
    assert max(len(text.ids) for text in one.repeated.values()) == rules.IDS


def test_those_who_are_gone_are_forgotten_as_others_come(talk: Talk) -> None:
    for number in range(100):
        talk.say(who=f"s{number}")
    talk.now += 120
    for number in range(100, 160):
        talk.say(who=f"s{number}")
    assert len(talk.spam._senders) <= 61


def test_strikes_are_not_forgotten_with_those_who_are_gone(talk: Talk) -> None:
    talk.until_refused()
    talk.now += 120
    for number in range(100):
        talk.say(who=f"s{number}")
    talk.until_refused()
    assert talk.say() == 10
