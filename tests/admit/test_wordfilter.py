"""Which words are found where, what becomes of the text; all of it against a search by plain means."""

from __future__ import annotations

import re
from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from roost.admit.folding import fold
from roost.admit.wordfilter import Action, BadWord, Verdict, WordFilter, is_masked, parse_list


def masked(text: str, *words: str, ignore_separators: bool = False) -> str:
    verdict = WordFilter({Action.MASK: words}, ignore_separators=ignore_separators).judge(text)
    return text if verdict is None else verdict.text


FOUND = {
    "as it is": ("you fool", "fool", "you ****"),
    "another case": ("FoOL!", "fool", "****!"),
    "listed in capitals": ("fool", "FOOL", "****"),
    "full width": ("ｆｏｏｌ", "fool", "****"),
    "two words": ("a damned fool.", "damned fool", "a ***********."),
    "chinese inside a sentence": ("你是坏人吗", "坏人", "你是**吗"),
    "latin between chinese": ("你是fool吗", "fool", "你是****吗"),
    "half-width katakana, two characters for one": ("ﾊﾞｶ!", "バカ", "**!"),
    "katakana, one character for two": ("バカ", "ﾊﾞｶ", "**"),
    "a ligature is one character": ("ﬁx", "fix", "**"),
    "a word listed with a ligature": ("fix", "ﬁx", "***"),
    "sharp s": ("Straße", "strasse", "******"),
    "double s for sharp s": ("STRASSE", "straße", "*******"),
    "an accent in two pieces": ("cafe\u0301", "café", "****"),
    "an accent in one": ("café", "cafe\u0301", "****"),
    "the large Turkish i": ("SİL", "sil", "***"),
    "zero-width characters": ("f\u200bo\u200bo\u200bl", "fool", "****"),
    "struck out": ("f\u0336o\u0336o\u0336l\u0336", "fool", "****"),
    "before korean letters that stand alone": ("바보ㅠㅠ", "바보", "**ㅠㅠ"),
    "korean with an ending": ("바보야", "바보", "**야"),
    "an emoji": ("so 🖕!", "🖕", "so *!"),
    "an emoji of any skin": ("🖕🏿🖕", "🖕", "**"),
    "a family is one character": ("👨\u200d👩\u200d👧 x", "👨\u200d👩\u200d👧", "* x"),
    "a part of one character hides it all": ("㍿です", "株式", "*です"),
    "overlapping": ("abcde 甲乙丙", "甲乙", "abcde **丙"),
    "between signs": ("_fool_ (fool)", "fool", "_****_ (****)"),
    "thai": ("คนเลวมาก", "เลว", "คน***มาก"),
    "indic": ("वह मूर्ख है", "मूर्ख", "वह *** है"),
}
NOT_FOUND = {
    "inside a word": ("class assess sass", "ass"),
    "with a digit": ("ass1 2ass", "ass"),
    "another letter": ("cafe", "café"),
    "a letter without its accent": ("café", "cafe"),
    "a letter of several without its vowel sign": ("की", "क"),
    "half of a flag pair": ("🇦🇨🇳🇧", "🇨🇳"),
    "one of a family": ("👨\u200d👩\u200d👧", "👩"),
    "kana without its voice": ("バカ", "ハ"),
    "a stem": ("मकान", "कान"),
    "with separators": ("f.o.o.l", "fool"),
}


@pytest.mark.parametrize(("text", "word", "hidden"), FOUND.values(), ids=FOUND)
def test_found_and_masked(text: str, word: str, hidden: str) -> None:
    assert masked(text, word) == hidden


@pytest.mark.parametrize(("text", "word"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_not_found(text: str, word: str) -> None:
    assert masked(text, word) == text


SPACED = {
    "dots": ("f.o.o.l", "fool", "*******"),
    "two between": ("f- o- o- l", "fool", "**********"),
    "spaces": ("oh f o o l!", "fool", "oh *******!"),
    "chinese": ("坏 人", "坏人", "***"),
    "masks": ("f*o*o*l", "fool", "*******"),
    "as it is": ("fool", "fool", "****"),
    "what masking brings together": ("甲坏乙", "坏 甲乙", "***"),
    "not between some only": ("fo.ol", "fool", "fo.ol"),
    "not three": ("f...o...o...l", "fool", "f...o...o...l"),
    "not with a letter before": ("if o o l", "fool", "if o o l"),
    "not the end of a clause": ("你好坏，人家", "坏人", "你好坏，人家"),
    "two words": ("as s", "ass", "as s"),
}


@pytest.mark.parametrize(("text", "words", "hidden"), SPACED.values(), ids=SPACED)
def test_with_separators(text: str, words: str, hidden: str) -> None:
    assert masked(text, *words.split(), ignore_separators=True) == hidden


def test_each_list_has_its_action_and_a_word_may_be_in_several() -> None:
    words = WordFilter({Action.MASK: ["fool", "both"], Action.REJECT: ["no"], Action.FLAG: ["Hm", "both"]})
    assert words.judge("hello") is None
    assert words.judge("a fool") == Verdict("a ****", rejected=False, flagged=())
    assert words.judge("no fool") == Verdict("no ****", rejected=True, flagged=())
    assert words.judge("hm, hm") == Verdict("hm, hm", rejected=False, flagged=("Hm",))
    assert words.judge("both") == Verdict("****", rejected=False, flagged=("both",))
    assert len(words) == 4


def test_without_words_nothing_is_found() -> None:
    assert WordFilter({}).judge("anything") is None


# --- against a plain search ---

PIECES = [
    *"abASsfiıxé坏人甲乙カ株バ바보ㅠ한1.*-_ ，",
    *("Ｓ", "ß", "ﬁ", "㍿", "İ", "e\u0301", "s\u0336", "ﾊ\uff9e", "ｶ", "u\u200b", "की", "क"),
    *("👍", "👍🏽", "👨\u200d👩\u200d👧", "👩", "🇨🇳", "❤", "❤\ufe0f", "\u1112\u1161\u11ab"),
]
"""What a reader sees as one character."""
PLAIN = [one for one in PIECES if len(fold(one)) < 2]
UNSPACED = set("坏人甲乙カバ株式会社바보한") | set(fold("ㅠ"))


def spans(pieces: list[str], word: str, *, ignore_separators: bool) -> Iterator[range]:
    """The pieces at which a word is, by trying every place."""
    letters = [(letter, number) for number, piece in enumerate(pieces) for letter in fold(piece)]
    folded, word = "".join(letter for letter, _ in letters), fold(word)
    patterns = [re.escape(word)]
    if ignore_separators and len(word) > 1:
        patterns.append("[- ._*]{1,2}".join(re.escape(letter) for letter in word))
    for pattern in patterns:
        for start in range(len(folded)):
            found = re.compile(pattern).match(folded, start)
            if found is None:
                continue
            end = found.end()
            cuts = [at for at in (start, end) if 0 < at < len(letters) and letters[at - 1][1] == letters[at][1]]
            if any(not is_one_character(pieces[letters[at][1]]) for at in cuts):
                continue
            around = [(start - 1, start), (end, end - 1)]
            if not any(is_in_word(folded, outside) and is_in_word(folded, inside) for outside, inside in around):
                yield range(letters[start][1], letters[end - 1][1] + 1)


def is_one_character(piece: str) -> bool:
    return len(piece.replace("\u200b", "")) == 1


def is_in_word(folded: str, place: int) -> bool:
    return (
        0 <= place < len(folded) and (folded[place].isalnum() or folded[place] == "ी") and folded[place] not in UNSPACED
    )


def plainly_masked(pieces: list[str], words: list[str], *, ignore_separators: bool = False) -> list[str]:
    while True:
        hidden = {
            number
            for word in words
            for span in spans(pieces, word, ignore_separators=ignore_separators)
            for number in span
        }
        after = ["*" if number in hidden else piece for number, piece in enumerate(pieces)]
        if after == pieces:
            return pieces
        pieces = after


def word_of(pieces: list[str]) -> st.SearchStrategy[str]:
    letters = [one for one in pieces if one not in {"*", " ", "."}]
    return st.lists(st.sampled_from(letters), min_size=1, max_size=3).map("".join)


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.lists(word_of(PIECES), min_size=1, max_size=6))
@example(list("a㍿b"), ["株式"])
@example(["👍🏽", "👍"], ["👍"])
def test_it_masks_what_a_plain_search_finds_character_by_character(pieces: list[str], words: list[str]) -> None:
    assert masked("".join(pieces), *words) == "".join(plainly_masked(pieces, words))


@given(st.lists(st.sampled_from(PLAIN), max_size=30), st.lists(word_of(PLAIN), min_size=1, max_size=6))
@example(list("甲坏乙人"), ["坏", "甲乙"])
@example(list("甲甲坏乙乙"), ["坏", "甲乙"])
def test_with_separators_it_does_too(pieces: list[str], words: list[str]) -> None:
    expected = plainly_masked(pieces, words, ignore_separators=True)
    assert masked("".join(pieces), *words, ignore_separators=True) == "".join(expected)


@given(st.text(), st.lists(st.text(min_size=1).filter(lambda word: "*" not in fold(word) and fold(word).strip())))
@example("ass a.s.s", ["ass"])
def test_a_masked_text_has_nothing_left_to_be_masked(text: str, words: list[str]) -> None:
    for ignore_separators in (False, True):
        once = masked(text, *words, ignore_separators=ignore_separators)
        assert masked(once, *words, ignore_separators=ignore_separators) == once


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.lists(st.sampled_from(["坏", "a", "é"]), min_size=1))
def test_a_masked_text_is_told_from_another(pieces: list[str], words: list[str]) -> None:
    text = "".join(pieces)
    hidden = masked(text, *words)
    assert is_masked(hidden, text) == (hidden != text)
    assert not is_masked(hidden + "!", text)
    assert not is_masked(text.replace("x", "y"), text) or "x" not in text


# --- lists ---


def test_a_list_has_a_word_a_line() -> None:
    content = "\ufeff# rude\nass\r\n\n  坏人 \n#more\ndamned fool\n"
    assert parse_list(content.encode(), "rude.txt") == ["ass", "坏人", "damned fool"]
    assert parse_list(b"", "empty.txt") == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"f*ck", "no wildcards"),
        ("\u200b".encode(), "can be seen"),
        ("＊".encode(), "wildc"),
    ],
)
def test_a_line_that_can_be_no_word_is_named(line: bytes, reason: str) -> None:
    with pytest.raises(BadWord, match=f"rude.txt, line 3: .*{reason}"):
        parse_list(b"one\n# two\n" + line + b"\nfour\n", "rude.txt")
