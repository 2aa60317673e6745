"""Sensitive words (D7): all words of all lists are looked for in one pass (Aho-Corasick), in the folded text.

**Words.** In scripts with spaces a word counts as a whole word: `ass` is not in `class`. In scripts without (Chinese,
Japanese, Thai ...; Korean, whose words carry endings) it counts wherever it stands. A match never cuts a letter from
its accent. See `folding` for which texts are the same.

**Separators.** If asked for, a word also counts with one or two separators between each two of its letters, and as
such: `f.u.c.k`, `坏 人`. Between *each* two: `as s` is two words.

**Masking** replaces each character that a reader sees by `*`, and leaves nothing to be found: a masked text, judged
again, is the same. For that no word may have a `*` in it. A mask is no letter, so it makes no word whole that was not:
beside it stood no letter of a script with spaces, or there had been no match. It is a separator; where that makes
another word (`甲坏乙` with `坏` and `甲乙` listed), the text is looked at again. Twice is enough: then three stars
and more stand together, which is more than separators may.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from roost.admit.automaton import Automaton, Span
from roost.admit.folding import Folded, characters, clusters, fold, fold_with_places, is_mark

MASK = "*"
SEPARATORS = re.compile(r"[ \t.\-_*·•~|/\\+=^'`]")
"""What people put between letters to hide a word. Not what ends a clause: `你好坏。人家` is no `坏人`."""
WIDEST_GAP = 2
"""Separators between two letters, at most."""
WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3031-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff\U000f0000-\U000f3fff]"
)
"""Letters of scripts whose words are not parted: Thai, Lao, Tibetan, Burmese, Khmer, Han, kana, bopomofo, hangul."""


class Action(Enum):
    """What becomes of a message with a listed word: it is changed, refused, or taken and noted."""

    MASK = "mask"
    REJECT = "reject"
    FLAG = "flag"


class BadWord(ValueError):
    """A line of a list that can be no word; the message says where and why."""


class Verdict(NamedTuple):
    """About a text: the text to be stored, whether it is refused, and the words it is flagged for, as listed."""

    text: str
    rejected: bool
    flagged: tuple[str, ...]


class _Word(NamedTuple):
    listed: str
    folded: str
    actions: frozenset[Action]


Found = tuple[_Word, int, int]
"""A word, and the first and the last cluster of a text that it is at."""


def parse_list(content: bytes, name: str) -> list[str]:
    """The words of a list: one a line, in UTF-8; empty lines and lines that begin with `#` are passed over.

    Raises `BadWord`, which names the line.
    """
    words: list[str] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        try:
            word = line.decode().strip()
        except UnicodeDecodeError as error:
            raise BadWord(f"{name}, line {number}: not UTF-8 ({error.reason} at byte {error.start + 1})") from None
        if not word or word.startswith("#"):
            continue
        if MASK in fold(word):
            raise BadWord(f"{name}, line {number}: a word can't have a {MASK} in it; there are no wildcards")
        if not fold(word).strip():
            raise BadWord(f"{name}, line {number}: nothing of this word can be seen")
        words.append(word)
    return words


class WordFilter:
    """Judges texts by lists of words. Never changes once made, so it may be put in place of another at any time."""

    def __init__(self, lists: Mapping[Action, Iterable[str]], *, ignore_separators: bool = False) -> None:
        """The words come as `parse_list` gives them. A word may be in several lists."""
        words: dict[str, _Word] = {}
        for action, listed in lists.items():
            for word in listed:
                folded = fold(word)
                known = words.get(folded)
                words[folded] = _Word(word, folded, (known.actions if known else frozenset()) | {action})
        self._words = list(words.values())
        self._search = Automaton(words).find
        self._ignore_separators = ignore_separators

    def __len__(self) -> int:
        """How many words."""
        return len(self._words)

    def judge(self, text: str, folded: str | None = None) -> Verdict | None:
        """The verdict on a text; None, the quick answer, where there is nothing to say.

        `folded` is the text folded, where somebody has done it before.
        """
        if not self._words or not self._spans(fold(text) if folded is None else folded):
            return None
        places = fold_with_places(text)
        found = self._find(places)
        if not found:
            return None
        flagged = dict.fromkeys(word.listed for word, _, _ in found if Action.FLAG in word.actions)
        rejected = any(Action.REJECT in word.actions for word, _, _ in found)
        text = _mask(text, places, found)
        if self._ignore_separators:
            places = fold_with_places(text)
            text = _mask(text, places, self._find(places))
        return Verdict(text, rejected, tuple(flagged))

    def _find(self, folded: Folded) -> list[Found]:
        """All words that are whole characters, overlapping ones too."""
        words, owners, whole = self._words, folded.owners, folded.whole
        return [
            (words[number], owners[start], owners[end - 1])
            for number, start, end in self._spans(folded.text)
            if start not in whole and end not in whole
        ]

    def _spans(self, text: str) -> list[Span]:
        """Where words are in a folded text. They may cut a character."""
        spans = self._search(text)
        if self._ignore_separators and SEPARATORS.search(text):
            spans += self._spaced_out(text)
        return [span for span in spans if _is_whole(text, span[1], span[2])] if spans else spans

    def _spaced_out(self, text: str) -> Iterator[Span]:
        """Words with separators between each two of their letters, and not too many."""
        spans = self._search(SEPARATORS.sub("", text))
        if not spans:
            return
        kept = [place for place, letter in enumerate(text) if not SEPARATORS.match(letter)]
        for number, start, end in spans:
            places = kept[start:end]
            if all(1 <= after - place - 1 <= WIDEST_GAP or is_mark(text[after]) for place, after in pairwise(places)):
                yield number, places[0], places[-1] + 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether these letters are whole words, where the script has words."""
    inside_first = start > 0 and _is_word_letter(text[start]) and _is_word_letter(text[start - 1])
    inside_last = end < len(text) and _is_word_letter(text[end - 1]) and _is_word_letter(text[end])
    return not (inside_first or inside_last)


@lru_cache(maxsize=8192)
def _is_word_letter(letter: str) -> bool:
    return (letter.isalnum() or is_mark(letter)) and not WITHOUT_SPACES.match(letter)


def _mask(text: str, folded: Folded, found: Iterable[Found]) -> str:
    """The text with the characters of the words that are to be masked hidden."""
    masked = {(first, last) for word, first, last in found if Action.MASK in word.actions}
    hidden = {number for first, last in masked for number in range(first, last + 1)}
    if not hidden:
        return text
    return "".join(MASK if number in hidden else one for number, one in enumerate(characters(text, folded.starts)))


def is_masked(text: str, written: str) -> bool:
    """Whether a text is another with some characters masked."""
    if text == written:
        return False
    shown, meant = characters(text, clusters(text)), characters(written, clusters(written))
    return len(shown) == len(meant) and all(one in {MASK, other} for one, other in zip(shown, meant, strict=True))
