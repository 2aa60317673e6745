"""How messages lie on the screen, and what of their text comes through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from roost.client import MessageType, StoredMessage
from roost.terminal import text
from roost.terminal.lines import laid_out

MINUTE = 60_000
NOON = 1_700_049_600_000
DAY = 24 * 60 * MINUTE


def message(content: str = "hi", *, sender: str = "bob", at: int = NOON, seq: int = 1, **more: Any) -> StoredMessage:
    fields = {
        "message_id": f"m{seq}",
        "server_msg_id": str(seq),
        "conversation_id": "p:ann:bob",
        "conversation_seq": seq,
        "sender_id": sender,
        "message_type": MessageType.TEXT,
        "content": content,
        "create_time": at,
        "server_time": at,
        "version": 1,
        "state": "sent" if sender == "ann" else "received",
    }
    return StoredMessage(**fields | more)


def shown(*messages: StoredMessage, width: int = 40, read: int | None = None) -> list[str]:
    """The lines, without the day at the top and the times."""
    lines = [line.plain.rstrip() for line in laid_out(messages, user_id="ann", width=width, read=read)]
    return [line.replace(text.clock(NOON), "00:00") for line in lines[1:]]


def test_a_run_of_messages_names_its_sender_once() -> None:
    assert shown(message("one"), message("two", seq=2), message("three", sender="ann", seq=3)) == [
        "bob",
        "00:00   one",
        "00:00   two",
        "",
        "you",
        "00:00 ✓ three",
    ]


def test_a_pause_names_the_sender_again() -> None:
    assert shown(message("one"), message("two", seq=2, at=NOON + 11 * MINUTE)).count("bob") == 2


def test_long_messages_go_on_beside_the_margin() -> None:
    assert shown(message("some words that\nbreak here"), width=20) == [
        "bob",
        "00:00   some words",
        "        that",
        "        break here",
    ]


def test_each_day_has_a_rule() -> None:
    rules = [line for line in shown(message(), message(seq=2, at=NOON + DAY)) if "──" in line]
    assert rules == [f" {text.day(NOON + DAY)} ".center(40, "─")]


def test_what_is_new_has_a_rule_before_the_first_message_of_another() -> None:
    mine = message("mine", sender="ann", seq=2)
    lines = shown(message(seq=1), mine, message("new one", seq=3), message("next", seq=4), read=1)
    assert [line for line in lines if "─ new ─" in line] == [" new ".center(40, "─")]
    assert lines.index(" new ".center(40, "─")) == lines.index("00:00   new one") - 2


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"state": "pending"}, "00:00 ◌ hi"),
        ({"state": "failed", "error": "No such\nuser."}, "        Not sent: No such user."),
        ({"edit_time": NOON}, "00:00 ✓ hi (edited)"),
        ({"recall_time": NOON, "content": ""}, "00:00 ✓ recalled"),
        ({"message_type": MessageType.IMAGE}, "00:00 ✓ (image) hi"),
        ({"message_type": 99}, "00:00 ✓ hi"),
        ({"content": ""}, "00:00 ✓"),
    ],
)
def test_what_became_of_a_message_is_told(more: dict[str, Any], line: str) -> None:
    assert shown(message(sender="ann", **more))[-1] == line


@given(st.lists(st.text(st.characters(exclude_categories=[]), max_size=200), max_size=5), st.integers(12, 90))
def test_no_text_leaves_its_line_or_gives_orders(contents: list[str], width: int) -> None:
    messages = [message(content, seq=number + 1) for number, content in enumerate(contents)]
    for line in laid_out(messages, user_id="ann", width=width):
        assert cell_len(line.plain) <= width
        assert not any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in line.plain)
        line.plain.encode()


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("two\r\nlines\n", "two\nlines\n"),
        ("a\tb", "a   b"),
        ("\x1b[31mred\x1b[0m\x07\x7f\x9b", "␛[31mred␛[0m␇␡\ufffd"),
        ("over\rwritten", "over␍written"),
        ("left\u202eright\u2066\u200b", "leftright"),
        ("\ud800", "\ufffd"),
        ("نم\u200cکن 👨\u200d👩\u200d👧", "نم\u200cکن 👨\u200d👩\u200d👧"),
        ("no\xa0break\u2028line", "no break\nline"),
        ("[b]x[/b]", "[b]x[/b]"),
        ("new emoji \U0001fae8", "new emoji \U0001fae8"),
    ],
)
def test_clean_keeps_what_one_reads_and_shows_what_a_terminal_would_obey(given: str, seen: str) -> None:
    assert text.clean(given) == seen


@given(st.text(max_size=40), st.integers(1, 30))
def test_fitted_is_as_wide_as_asked(given: str, width: int) -> None:
    assert cell_len(text.fitted(text.one_line(given), width)) == width


@pytest.mark.parametrize(
    ("conversation_id", "name"),
    [("p:ann:bob", "bob"), ("p:aaa:ann", "aaa"), ("p:ann:ann", "ann (yourself)"), ("g:tea", "#tea")],
)
def test_a_conversation_is_called_by_the_others(conversation_id: str, name: str) -> None:
    assert text.name_of(conversation_id, "ann") == name


def test_a_time_that_no_calendar_has_is_shown_all_the_same() -> None:
    assert shown(message(at=2**62))
