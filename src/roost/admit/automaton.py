"""Where any of many words are in a text, in one pass over it (Aho-Corasick).

The search is pyahocorasick's, which keeps the GIL. Who looks at every message can't give it away each time: beside a
thread that writes to the database it takes up to milliseconds to get it back.

That library looks for the next letter among all that may follow, one after the other, and nearly every Chinese word
begins with one of its own. So its letters are the bytes of UTF-8, of which there are never many; no word can be found
that begins or ends inside a character. An ASCII text has ASCII words only, and is looked through for these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

import ahocorasick

Span = tuple[int, int, int]
"""A word by its number, and where it is in a text: start and end, in characters."""
Search = Callable[[str], Iterable[tuple[int, tuple[int, int]]]]
"""Goes through the bytes of a text and gives, for each word there, its last byte, its number and its length."""


class Automaton:
    """Finds `words`, at least one, which have numbers from 0 on."""

    def __init__(self, words: Iterable[str]) -> None:
        numbered = list(enumerate(words))
        self._search = _searching(numbered)
        ascii_words = [(number, word) for number, word in numbered if word.isascii()]
        self._search_ascii = _searching(ascii_words) if ascii_words else self._search

    def find(self, text: str) -> list[Span]:
        """All places of all words, overlapping ones too."""
        if text.isascii():
            return [(number, last + 1 - length, last + 1) for last, (number, length) in self._search_ascii(text)]
        hits = list(self._search(_bytes_of(text)))
        if not hits:
            return []
        ends = accumulate((len(character.encode()) for character in text), initial=0)
        places = {end: place for place, end in enumerate(ends)}
        return [(number, places[last + 1 - length], places[last + 1]) for last, (number, length) in hits]


def _searching(words: Iterable[tuple[int, str]]) -> Search:
    automaton = ahocorasick.Automaton()
    for number, word in words:
        letters = _bytes_of(word)
        automaton.add_word(letters, (number, len(letters)))
    automaton.make_automaton()
    search: Search = automaton.iter
    return search


def _bytes_of(text: str) -> str:
    """The bytes of a text in UTF-8, each as a character."""
    return text.encode().decode("latin-1")
