"""Which texts are the same, and what a reader sees as one character."""

from __future__ import annotations

import unicodedata

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from roost.admit.folding import _UNUSUAL, characters, clusters, fold, fold_unusual, fold_with_places

SAME = {
    "case": ("Word", "wORD"),
    "full width": ("ｗｏｒｄ", "word"),
    "half-width katakana": ("ﾊﾞｶ", "バカ"),
    "sharp s": ("Straße", "STRASSE"),
    "ligature": ("oﬃce", "office"),
    "one character for a word": ("㍿", "株式会社"),
    "accent in one piece or two": ("caf\u00e9", "cafe\u0301"),
    "accent that makes no letter": ("b\u0336a\u0336d\u0336", "bad"),
    "the large Turkish i with its dot": ("\u0130", "i"),
    "final sigma": ("λόγος", "ΛΌΓΟΣ"),
    "zero width": ("b\u200ba\u200d\u2060d", "bad"),
    "soft hyphen": ("b\u00adad", "bad"),
    "skin": ("👍🏽", "👍"),
    "emoji as a picture": ("❤\ufe0f", "❤"),
    "half-width hangul": ("ﾡ", "ㄱ"),
}
OTHERS = {
    "another letter": ("cafe", "café"),
    "the Turkish i without a dot": ("ı", "i"),
    "hiragana": ("ばか", "バカ"),
    "voiced": ("ハ", "バ"),
    "a vowel sign": ("क", "की"),
    "a look-alike": ("a", "а"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_these_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), OTHERS.values(), ids=OTHERS)
def test_these_are_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_korean_letters_that_stand_alone_stay_apart_from_the_syllable_before() -> None:
    assert fold("바보ㅠㅠ").startswith(fold("바보"))
    assert fold("ㅅㅏ") != fold("사")


@given(st.text())
@example("\u1100\u1161\u11a8a\u0301\u200d\u0323ﾊﾞ゛🇨🇳🇨👨\u200d👩")
@example("ㅠ\u0301\uffa1ｶ\uff9e\u0e33\u0345")
def test_folding_cluster_by_cluster_gives_the_folded_text(text: str) -> None:
    folded = fold_with_places(text)
    assert folded.text == fold(text)
    assert len(folded.owners) == len(folded.text)
    assert "".join(characters(text, folded.starts)) == text


@given(st.text(st.characters(exclude_categories=["Cf", "Mn", "Me", "Cs", "Co", "Cn"], max_codepoint=0x30FF)))
def test_but_for_what_it_leaves_out_folding_is_nfkc_and_case_folding(text: str) -> None:
    text = text.translate(dict.fromkeys([0x115F, 0x1160]))
    both = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    assert fold(text) == "".join(one for one in both if not "\u0300" <= one <= "\u036f")


def test_the_short_way_for_usual_characters_leads_to_the_same() -> None:
    usual = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000 and not _UNUSUAL.search(chr(code))]
    assert len(usual) > 30_000
    for one, other in zip(usual, [*usual[1:], *usual[:1]], strict=True):
        assert fold(one + other) == fold_unusual(one + other)


SEEN_AS_ONE = [
    *"aZ9坏バㅠ한❤*",
    "e\u0301",
    "b\u0336\u0301",
    "ﾊ\uff9e",
    "u\u200b",
    "की",
    "กำ",
    "\u1112\u1161\u11ab",
    "👍🏽",
    "❤\ufe0f",
    "👨\u200d👩\u200d👧",
    "🇨🇳",
    "1\ufe0f\u20e3",
]


@given(st.lists(st.sampled_from(SEEN_AS_ONE)))
def test_clusters_are_what_a_reader_sees_as_one_character(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert characters(text, clusters(text)) == pieces
