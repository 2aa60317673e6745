"""Where any of many words are in a text, in one pass over it (Aho-Corasick).

The search is pyahocorasick's, which keeps the GIL. Who looks at every message can't give it away each time: beside a
thread that writes to the database it takes up to milliseconds to get it back.

That library looks for the next letter among all that may follow, one after the other, and nearly every Chinese word
begins with one of its own. So its letters are the bytes of UTF-8, of which there are never many; no word can be found
that begins or ends inside a character.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

import ahocorasick

Span = tuple[int, int, int]
"""A word by its number, and where it is in a text: start and end, in characters."""


class Automaton:
    """Finds `words`, at least one, which have numbers from 0 on."""

    def __init__(self, words: Iterable[str]) -> None:
        automaton = ahocorasick.Automaton()
        for number, word in enumerate(words):
            letters = _bytes_of(word)
            automaton.add_word(letters, (number, len(letters)))
        automaton.make_automaton()
        self._search = automaton.iter

    def find(self, text: str) -> list[Span]:
        """All places of all words, overlapping ones too."""
        hits = list(self._search(text if text.isascii() else _bytes_of(text)))
        if not hits:
            return []
        spans = [(number, last + 1 - length, last + 1) for last, (number, length) in hits]
        if text.isascii():
            return spans
        ends = accumulate((len(character.encode()) for character in text), initial=0)
        places = {end: place for place, end in enumerate(ends)}
        return [(number, places[start], places[end]) for number, start, end in spans]


def _bytes_of(text: str) -> str:
    """The bytes of a text in UTF-8, each as a character."""
    return text.encode().decode("latin-1")
