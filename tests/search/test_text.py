"""What is found by what."""

from __future__ import annotations

import pytest

from roost.errors import InvalidInput
from roost.search import text
from roost.search.text import LONGEST, MAX_NEEDLES, MAX_QUERY


def shown(query: str, content: str) -> str | None:
    """The content with brackets round what was found; None where it was not."""
    found = text.find(text.parse(query), content)
    if found is None:
        return None
    marked = found.text
    for place, length in reversed(found.matches):
        marked = f"{marked[:place]}[{marked[place : place + length]}]{marked[place + length :]}"
    return marked


def chosen(query: str, content: str) -> bool:
    """Whether the index would choose the content."""
    terms = text.terms(content)
    return all(
        any(term.startswith(wanted.text) if wanted.beginning else term == wanted.text for term in terms)
        for wanted in text.parse(query).terms
    )


FOUND = [
    ("hello", "say Hello there", "say [Hello] there"),
    ("hel", "say Hello there", "say [Hel]lo there"),
    ("to", "to go into it", "[to] go into it"),
    ("CAFE", "a café here", "a [café] here"),
    ("café", "a cafe\u0301 here", "a [cafe\u0301] here"),
    ("strasse", "Die Straße hier", "Die [Straße] hier"),
    ("iphone", "ｉＰｈｏｎｅ 15", "[ｉＰｈｏｎｅ] 15"),
    ("привет", "Ну, Привет!", "Ну, [Привет]!"),
    ("你好", "大家你好吗", "大家[你好]吗"),
    ("好", "你好", "你[好]"),
    ("你", "你好", "[你]好"),
    ("人工智能", "关于人工智能的报告", "关于[人工智能]的报告"),
    ("iphone手机", "新iPhone手机到了", "新[iPhone手机]到了"),
    ("手机 到了", "新iPhone手机到了", "新iPhone[手机到了]"),
    ("ラーメン", "ﾗｰﾒﾝ食べたい", "[ﾗｰﾒﾝ]食べたい"),
    ("ガス", "ｶﾞｽ代", "[ｶﾞｽ]代"),
    ("안녕", "안녕하세요", "[안녕]하세요"),
    ("🎉", "party 🎉🎉", "party [🎉🎉]"),
    ("two words", "words, and two", "[words], and [two]"),
    ("x-ray", "an x-ray", "an [x]-[ray]"),
    ("2026-11", "on 2026-11-23", "on [2026]-[11]-23"),
]


@pytest.mark.parametrize(("query", "content", "expected"), FOUND)
def test_it_is_found_where_a_reader_sees_it(query: str, content: str, expected: str) -> None:
    assert shown(query, content) == expected


@pytest.mark.parametrize(("query", "content", "_"), FOUND)
def test_what_is_found_is_chosen_by_the_index(query: str, content: str, _: str) -> None:
    assert chosen(query, content)


@pytest.mark.parametrize(
    ("query", "content"),
    [
        ("ello", "hello"),
        ("he", "hello"),
        ("hello you", "hello there"),
        ("智人", "人工智能"),
        ("工能", "人工智能"),
        ("你们", "你好，们"),
    ],
)
def test_it_is_not_found(query: str, content: str) -> None:
    assert shown(query, content) is None


def test_neighbours_that_stand_apart_are_chosen_and_not_found() -> None:
    content = "天地人，地人和"
    assert chosen("天地人和", content)
    assert shown("天地人和", content) is None


def test_terms_are_ascii_and_none_is_too_long() -> None:
    terms = text.terms("Привет" * 30 + " 你好吗 hello" + "x" * 500)
    assert all(term.isascii() and term.isalnum() and len(term) <= LONGEST + 1 for term in terms)


def test_a_long_word_is_found_by_a_beginning_longer_than_its_term() -> None:
    content = "щ" * 100
    assert chosen("щ" * 40, content)
    assert shown("щ" * 40, content) is not None
    assert shown("щ" * 101, content) is None


def test_of_a_long_text_the_part_round_the_first_place_is_shown() -> None:
    found = text.find(text.parse("needle"), "hay " * 100 + "needle" + " hay" * 100 + " needle")
    assert found is not None
    assert found.text.startswith("…")
    assert found.text.endswith("…")
    assert len(found.text) < 130
    assert [found.text[place : place + length] for place, length in found.matches] == ["needle"]


@pytest.mark.parametrize("query", ["", "  ", "!?,", "a " * (MAX_NEEDLES + 1), "x" * (MAX_QUERY + 1)])
def test_what_can_not_be_looked_for_is_refused(query: str) -> None:
    with pytest.raises(InvalidInput):
        text.parse(query)
