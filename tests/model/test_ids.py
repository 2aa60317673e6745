"""The forms of ids (CONTRACT §2)."""

from __future__ import annotations

import string

import hypothesis.strategies as st
import pytest
from hypothesis import given

from roost.errors import InvalidID
from roost.model import ids

LETTERS = string.ascii_letters + string.digits + "._@-"
user_ids = st.text(LETTERS, min_size=1, max_size=50)
group_ids = st.text(LETTERS, min_size=1, max_size=64)
OUTSIDE = [
    "",
    " ",
    "a b",
    "a:b",
    "a/b",
    "a\n",
    "\na",
    "ann\0",
    "ünï",
    "\u0430",
    "\uff41",
    "a,b",
    "\u0663",
    "a" * 51,
    "a" * 10_000,
]


class TestUsers:
    @given(user_ids)
    def test_what_is_of_the_character_set_is_taken_as_it_is(self, value: str) -> None:
        assert ids.user_id(value) == value

    @pytest.mark.parametrize("value", OUTSIDE)
    def test_what_is_not_is_refused(self, value: str) -> None:
        with pytest.raises(InvalidID):
            ids.user_id(value)

    @given(st.text(st.characters(exclude_characters=LETTERS), min_size=1))
    def test_no_other_character_gets_in(self, other: str) -> None:
        for value in (other, f"a{other}", f"{other}a", f"a{other}b"):
            with pytest.raises(InvalidID):
                ids.user_id(value)

    def test_an_integer_is_taken(self) -> None:
        assert ids.user_id(2) == "2"

    def test_the_refusal_names_the_field(self) -> None:
        with pytest.raises(InvalidID, match=r"^to must be"):
            ids.user_id("a b", "to")


class TestGroups:
    @given(group_ids)
    def test_it_may_be_named_with_or_without_its_prefix(self, value: str) -> None:
        assert ids.group_id(value) == ids.group_id(f"g:{value}") == value

    @pytest.mark.parametrize("value", ["", "g:", "g:g:a", "p:a", "a" * 65, "g:a b"])
    def test_what_is_not_of_the_form_is_refused(self, value: str) -> None:
        with pytest.raises(InvalidID):
            ids.group_id(value)


class TestConversations:
    @given(user_ids, user_ids)
    def test_two_users_have_one_conversation_whoever_writes_first(self, one: str, other: str) -> None:
        assert ids.private_conversation(one, other) == ids.private_conversation(other, one)

    @given(user_ids, user_ids)
    def test_what_is_made_is_of_the_form(self, one: str, other: str) -> None:
        made = ids.private_conversation(one, other)
        assert ids.conversation_id(made) == made
        assert made.split(":") == ["p", *sorted([one, other])]

    @given(group_ids)
    def test_so_is_that_of_a_group(self, group: str) -> None:
        made = ids.group_conversation(group)
        assert ids.conversation_id(made) == made

    @given(user_ids, user_ids, user_ids, user_ids)
    def test_different_pairs_never_meet(self, a: str, b: str, c: str, d: str) -> None:
        if {a, b} != {c, d}:
            assert ids.private_conversation(a, b) != ids.private_conversation(c, d)

    def test_the_order_is_that_of_code_points(self) -> None:
        assert ids.private_conversation("a", "B") == "p:B:a"
        assert ids.private_conversation("10", "9") == "p:10:9"

    @pytest.mark.parametrize(
        "value", ["", "p:", "p:a", "p:b:a", "p:a:b:c", "p::a", "p:a:", "g:", "g:a:b", "x:a", "a", "P:a:b", "p:a:b\n"]
    )
    def test_what_is_not_of_the_form_is_refused(self, value: str) -> None:
        with pytest.raises(InvalidID):
            ids.conversation_id(value)


@pytest.mark.parametrize("form", [ids.message_id, ids.device_id])
class TestPrintable:
    @pytest.mark.parametrize("value", ["a", "ü", "世界", "a b", "0192f3c4-7b1e-7c3a-9d2e-1f0a8b7c6d5e", "x" * 64, "👍"])
    def test_up_to_64_printable_characters_are_taken(self, form: type[str], value: str) -> None:
        assert form(value) == value

    @pytest.mark.parametrize("value", ["", "a\n", "\0", "x" * 65, "\u200b", "\ud800"])
    def test_what_is_not_is_refused(self, form: type[str], value: str) -> None:
        with pytest.raises(InvalidID, match="1-64 printable"):
            form(value)

    def test_an_integer_is_taken(self, form: type[str]) -> None:
        assert form(7) == "7"


class TestServerIDs:
    @given(st.integers(1, 2**53 - 1))
    def test_an_integer_and_its_decimal_string_are_the_same(self, number: int) -> None:
        assert ids.server_id(number) == ids.server_id(str(number)) == number

    @pytest.mark.parametrize(
        "value", [0, -1, 2**53, 2**80, "", "0", "01", "+1", "1.0", "1e3", " 1", "1\n", "٣", "a", "9" * 5000]
    )
    def test_what_cannot_be_one_is_none(self, value: int | str) -> None:
        assert ids.server_id(value) is None
