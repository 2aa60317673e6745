"""What counts as the same letters: texts folded for comparison, and the way back to the characters as written.

Folding is NFKC and case folding (full-width, half-width katakana, ligatures, ß, İ), without what nobody sees or what
is no letter of its own: invisible characters (zero-width joiners, soft hyphens, variation selectors), the skin
tones of emoji, and accents that make no other letter (struck-out, "Zalgo"). `é` stays another letter than `e`.

One character may become several (`ß`, `ﬁ`, `㍿`) and several may become one (`e` + accent, `ﾊ` + `ﾞ`), so a place in
the folded text is a place in the original by way of **clusters**: what a reader sees as one character (UAX #29,
simplified). A cluster begins only where Unicode's composition can not reach back over its beginning. Hence folding
cluster by cluster gives the folded text, and the clean text, which is nearly every text, is folded as a whole.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from unicodedata import category, decomposition, normalize

ZWJ = "\u200d"
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, as far as texts have it."""
SKIN_TONES = "\U0001f3fb-\U0001f3ff"
JAMO = "\u3131-\u3163\u3165-\u318e\uffa1-\uffdc"
"""Korean letters that stand alone (ㅋㅋ, ㅠㅠ). NFKC would make parts of syllables of them, and join `바보ㅠㅠ`."""
LETTERS_ALONE = 0xF0000
"""Where they are put instead, out of NFKC's reach: a plane for private use."""
CONJOINING = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb]")
"""Vowels and finals of Korean syllables written in parts."""
REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]")
"""Two of them are a flag."""

_DROPPED = re.compile(f"[{INVISIBLE}{SKIN_TONES}]")
_JAMO = re.compile(f"[{JAMO}]")
_UNUSUAL = re.compile(
    "[^\x00-\x7f\u00c0-\u00d6\u00d8-\u00de\u00e0-\u00f6\u00f8-\u00ff\u0410-\u044f\u2010-\u2016\u2018-\u2027\u3000-\u3029"
    "\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
)
"""What NFKC and lower case are not enough for. Most texts have none of it, and are folded in a third of the time."""
_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
"""The punctuation of Chinese and Japanese: quicker done by hand, since NFKC takes a whole text apart for it."""
_DECORATION = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")


def fold(text: str) -> str:
    """The text for comparison."""
    if text.isascii():
        return text.lower()
    if not _UNUSUAL.search(text):
        return normalize("NFKC", _FULL_WIDTH.sub(_half_width, text)).lower()
    return fold_unusual(text)


def _half_width(letter: re.Match[str]) -> str:
    return chr(ord(letter[0]) - 0xFEE0)


def fold_unusual(text: str) -> str:
    """The same, for any text."""
    text = _JAMO.sub(_alone, _DROPPED.sub("", text))
    return _DECORATION.sub("", normalize("NFKC", normalize("NFKC", text).casefold()))


def _alone(letter: re.Match[str]) -> str:
    full_width = decomposition(letter[0]).rpartition(" ")[2] if letter[0] > "\uff00" else f"{ord(letter[0]):x}"
    return chr(LETTERS_ALONE + int(full_width, 16))


class Folded(NamedTuple):
    """A text, folded: `owners[k]` is the cluster of `text[k]`; `starts` are where clusters begin in the original.

    `whole` are places inside a cluster where nothing may be cut, because it would cut a letter from its accent, or
    an emoji in two. (`ß`, one character that stands for two letters, may be cut.)
    """

    text: str
    owners: list[int]
    starts: list[int]
    whole: frozenset[int]


def fold_with_places(text: str) -> Folded:
    """The text for comparison, and the way back."""
    starts = clusters(text)
    parts: list[str] = []
    owners: list[int] = []
    whole: list[int] = []
    for number, cluster in enumerate(characters(text, starts)):
        part, may_be_cut = _fold_cluster(cluster)
        if not may_be_cut:
            whole.extend(range(len(owners) + 1, len(owners) + len(part)))
        parts.append(part)
        owners.extend([number] * len(part))
    return Folded("".join(parts), owners, starts, frozenset(whole))


@lru_cache(maxsize=8192)
def _fold_cluster(cluster: str) -> tuple[str, bool]:
    folded = fold(cluster)
    one = len(_DROPPED.sub("", cluster)) == 1
    return folded, one and not any(is_mark(letter) for letter in folded)


def clusters(text: str) -> list[int]:
    """Where the characters begin, as a reader sees them."""
    if text.isascii():
        return list(range(len(text)))
    starts: list[int] = []
    flags = 0
    before = ""
    for place, character in enumerate(text):
        flags = flags + 1 if REGIONAL.match(character) else 0
        joined = _extends(character) or (before == ZWJ and category(character) == "So") or (flags and flags % 2 == 0)
        if not (joined and starts):
            starts.append(place)
        before = character
    return starts


def characters(text: str, starts: list[int]) -> list[str]:
    """A text cut at the beginnings of its clusters."""
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


@lru_cache(maxsize=8192)
def _extends(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    if character.isascii():
        return False
    return bool(is_mark(normalize("NFKD", character)[0]) or CONJOINING.match(character) or _DROPPED.match(character))


def is_mark(character: str) -> bool:
    """Whether a character is an accent, a vowel sign or the like (Unicode's category M)."""
    return category(character)[0] == "M"
