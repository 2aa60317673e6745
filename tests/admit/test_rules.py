"""The form of a message that may be sent (D7, CONTRACT §2)."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from roost.admit import rules
from roost.errors import ContentTooLong, InvalidInput
from roost.model.message import MessageType


@given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=50))
def test_content_of_any_characters_up_to_the_limit_is_taken(content: str) -> None:
    rules.check_content(content, 50)


@pytest.mark.parametrize("character", ["a", "é", "世", "👍"])
def test_the_limit_counts_characters_not_bytes(character: str) -> None:
    rules.check_content(character * 5000, 5000)
    with pytest.raises(ContentTooLong, match="5001 characters; at most 5000"):
        rules.check_content(character * 5001, 5000)


def test_empty_content_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        rules.check_content("", 5000)


@pytest.mark.parametrize("content", ["\0", "a\0b", "\0" * 10])
def test_a_character_that_no_database_stores_is_refused(content: str) -> None:
    with pytest.raises(InvalidInput, match=r"U\+0000"):
        rules.check_content(content, 5000)


@pytest.mark.parametrize("kind", [MessageType.TEXT, MessageType.IMAGE, MessageType.FILE, MessageType.EMOJI])
def test_users_send_text_image_file_and_emoji(kind: int) -> None:
    rules.check_type(int(kind))


@pytest.mark.parametrize("kind", [MessageType.SYSTEM, 0, -1, 6, 2**40])
def test_they_send_nothing_else(kind: int) -> None:
    with pytest.raises(InvalidInput, match="messageType"):
        rules.check_type(kind)


@pytest.mark.parametrize("time", [0, 1_700_000_000_000, 2**53 - 1])
def test_a_time_that_every_reader_keeps_exact_is_taken(time: int) -> None:
    rules.check_time(time)


@pytest.mark.parametrize("time", [-1, 2**53, 2**70])
def test_another_is_refused(time: int) -> None:
    with pytest.raises(InvalidInput, match="createTime"):
        rules.check_time(time)
