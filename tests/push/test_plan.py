"""Whether a push is still worth sending, for every reason there is."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.model.message import MessageType
from roost.push import plan
from roost.push.contract import Apns, Dropped, Missed, Notification, Postponed, Task
from roost.push.plan import Facts
from tests.rooms import BEGINNING

TTL = 3_600_000
GRACE = 10_000
TASK = Task(task_id=1, aid=1, uid=2, did=3, mid=4, seq=5, attempt=0, created_at=BEGINNING, taken_at=BEGINNING)
MESSAGE = Missed(
    conversation_id="p:ann:bob",
    conversation_name="ann",
    sender_id="ann",
    sender_name="Ann",
    server_msg_id="4",
    seq=5,
    text="hello",
    time=BEGINNING,
)
GOOD = Facts(
    open=True,
    user_id="bob",
    device_id="phone",
    platform="apns",
    address=Apns("abcd"),
    sent_at=BEGINNING,
    member=True,
    badge=3,
    missed=(MESSAGE,),
)
AGAINST = {
    "the address was removed": {"address": None},
    "the message was cleared from the log": {"cleared": True},
    "the device is muted": {"muted": True},
    "the message was recalled": {"recalled": True},
    "the user has left the conversation": {"member": False},
    "the conversation is muted": {"conversation_muted": True},
    "a device of the user has stored it": {"stored": True},
    "the user has read it": {"read": True},
    "a mail has gone out since": {"told": 5},
    "it is too old to be news": {"sent_at": BEGINNING - TTL - 1},
}


def decided(now: int = BEGINNING, **changes: object) -> Notification | Dropped | Postponed:
    return plan.decide(TASK, msgspec.structs.replace(GOOD, **changes), now=now, ttl=TTL, grace=GRACE)


def test_what_nothing_speaks_against_is_sent() -> None:
    assert isinstance(decided(), Notification)


@pytest.mark.parametrize(("reason", "changes"), AGAINST.items(), ids=AGAINST.keys())
def test_each_reason_alone_is_enough(reason: str, changes: dict[str, object]) -> None:
    assert decided(**changes) == Dropped(reason)


@given(st.sets(st.sampled_from(sorted(AGAINST)), min_size=1))
def test_of_several_reasons_one_that_holds_is_told(reasons: set[str]) -> None:
    changes = {name: value for reason in reasons for name, value in AGAINST[reason].items()}
    dropped = decided(**changes)
    assert isinstance(dropped, Dropped)
    assert dropped.reason in reasons


def test_it_is_news_to_the_last_moment() -> None:
    assert isinstance(decided(now=BEGINNING + TTL), Notification)
    assert isinstance(decided(now=BEGINNING + TTL + 1), Dropped)


def test_who_is_connected_has_time_to_store_it() -> None:
    assert decided(connected=True) == Postponed(BEGINNING + GRACE)
    assert decided(BEGINNING + GRACE - 1, connected=True) == Postponed(BEGINNING + GRACE)
    assert isinstance(decided(BEGINNING + GRACE, connected=True), Notification)


@pytest.mark.parametrize(("reason", "changes"), AGAINST.items(), ids=AGAINST.keys())
def test_nothing_waits_that_is_not_sent_anyway(reason: str, changes: dict[str, object]) -> None:
    assert decided(connected=True, **changes) == Dropped(reason)


def test_it_is_not_worth_delivering_after_the_news_is_old() -> None:
    sent = decided(now=BEGINNING + TTL // 2)
    assert isinstance(sent, Notification)
    assert sent.expires_at == BEGINNING + TTL


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, ("Ann", "hello")),
        ({"text": ""}, ("Ann", "New message")),
        ({"conversation_id": "g:tea", "conversation_name": "Tea"}, ("Tea", "Ann: hello")),
        ({"conversation_id": "g:tea", "conversation_name": "Tea", "text": ""}, ("Tea", "Ann: New message")),
    ],
    ids=["private", "private without preview", "group", "group without preview"],
)
def test_what_is_shown(changes: dict[str, object], shown: tuple[str, str]) -> None:
    sent = decided(missed=(msgspec.structs.replace(MESSAGE, **changes),))
    assert isinstance(sent, Notification)
    assert (sent.title, sent.body) == shown


def test_the_newest_of_what_was_missed_is_shown() -> None:
    sent = decided(missed=(MESSAGE, msgspec.structs.replace(MESSAGE, seq=6, text="later")))
    assert isinstance(sent, Notification)
    assert sent.body == "later"


@pytest.mark.parametrize("kind", MessageType)
def test_every_kind_of_message_has_words(kind: MessageType) -> None:
    assert plan.text_of(kind, "content") in {"content", "Image", "File"}


attempts = st.integers(0, 10_000)
asked = st.none() | st.floats(0, 1e12)
chances = st.floats(0, 1)


@given(attempts, st.none() | st.floats(0, plan.LONGEST_ASKED), chances)
def test_a_pause_is_never_below_what_was_asked(attempt: int, wish: float | None, chance: float) -> None:
    assert plan.pause(attempt, wish, chance) >= (wish or 0.0)


@given(attempts, asked, chances)
def test_a_pause_is_never_below_half_a_first_one_nor_above_a_day(
    attempt: int, wish: float | None, chance: float
) -> None:
    assert plan.FIRST_PAUSE / 2 <= plan.pause(attempt, wish, chance) <= plan.LONGEST_ASKED


@given(attempts, chances)
def test_nobody_waits_longer_than_the_longest_pause_unasked(attempt: int, chance: float) -> None:
    assert plan.pause(attempt, None, chance) <= plan.LONGEST_PAUSE


@given(attempts, attempts, asked, chances)
def test_a_later_attempt_does_not_wait_less(one: int, other: int, wish: float | None, chance: float) -> None:
    earlier, later = sorted((one, other))
    assert plan.pause(earlier, wish, chance) <= plan.pause(later, wish, chance)
