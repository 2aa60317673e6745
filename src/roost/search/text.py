"""What is found by what: texts folded and cut into terms, the same for every database.

**Letters** are compared after NFKC and case folding, without accents that only decorate (`café` is found by `cafe`).

**Words** of scripts with spaces are one term each. A word that is looked for is found by its beginning, from three
letters on; a shorter one is found whole.

**Runs** of scripts without spaces (Chinese, Japanese, Korean, Thai) and of emoji are cut into pairs of neighbours:
`你好吗` is `你好 好吗 吗`, and a single character is the beginning of a pair or the last of its run. So no database
needs a parser or a dictionary for them.

The index only chooses: whether a text has what was looked for, one next to the other, and where, is seen in the text
itself (`find`). So all databases find the same, and a text that has changed is never shown for what it said before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from roost.errors import InvalidInput

MAX_QUERY = 200
"""Characters to look for."""
MAX_NEEDLES = 10
"""Words to look for at once."""
FROM_BEGINNING = 3
"""Letters of a word from which on it is found by its beginning: fewer begin too many."""
LONGEST = 60
"""Characters of a term; MySQL leaves out words of more than 84, and what is before the term takes up to 20."""
BEFORE, AFTER = 30, 90
"""Characters of a text shown before and after the first place where something was found."""

_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
_VOICED = "\u3099\u309a\uff9e\uff9f"
_WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2600-\u27bf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u3035\u3038-\u303b\u3041-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u318e\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
_CLUSTER = re.compile(f".[{_MARKS}{_VOICED}\u200b-\u200f\u2060\ufeff\u00ad]*", re.DOTALL)
_DROPPED = re.compile(f"[{_MARKS}\u200b-\u200f\u2060\ufeff\u00ad]")
_PIECE = re.compile(f"(?P<run>[{_WITHOUT_SPACES}]+)|[^\\W_{_WITHOUT_SPACES}]+")


class Folded(NamedTuple):
    """A text folded; `owners[k]` is the place in the original of what became `text[k]`, and one more is its length."""

    text: str
    owners: Sequence[int]


class Needle(NamedTuple):
    """Something to look for: folded text in one piece, at the beginning of a word or at its end where it must be."""

    text: str
    begins: bool
    ends: bool


class Term(NamedTuple):
    """A term that a text must have in the index, or one that begins so."""

    text: str
    beginning: bool


class Query(NamedTuple):
    """What is looked for: all of `needles`; a text that has them has all of `terms`."""

    needles: list[Needle]
    terms: list[Term]


class Snippet(NamedTuple):
    """Part of a text, and where in it something was found: (place, length), in characters."""

    text: str
    matches: list[tuple[int, int]]


def fold(text: str) -> Folded:
    """The text for comparison, with the way back."""
    if text.isascii():
        return Folded(text.lower(), range(len(text) + 1))
    parts: list[str] = []
    owners: list[int] = []
    for cluster in _CLUSTER.finditer(text):
        part = _fold_cluster(cluster[0])
        parts.append(part)
        owners.extend([cluster.start()] * len(part))
    return Folded("".join(parts), [*owners, len(text)])


@lru_cache(maxsize=8192)
def _fold_cluster(cluster: str) -> str:
    return _DROPPED.sub("", normalize("NFKC", _DROPPED.sub("", normalize("NFKD", cluster)))).casefold()


def terms(text: str) -> set[str]:
    """The terms by which the index finds a text: ASCII letters and digits."""
    found: set[str] = set()
    for piece in _PIECE.finditer(fold(text).text):
        if piece["run"]:
            found.update(_pair(piece[0][place : place + 2]) for place in range(len(piece[0])))
        else:
            found.add(_word(piece[0]))
    return found


def _word(letters: str) -> str:
    return "w" + _spelled(letters)


def _pair(letters: str) -> str:
    return "r" + _spelled(letters)


def _spelled(letters: str) -> str:
    """In ASCII, so that no database has an opinion on it; what begins alike is spelled alike at the beginning."""
    if not letters.isascii():
        letters = "".join(letter if letter.isascii() else f"{ord(letter):05x}" for letter in letters)
    return letters[:LONGEST]


def parse(text: str) -> Query:
    """What a person looks for: words with anything between them, all of which must be found.

    Raises `InvalidInput` where there is nothing to look for, or too much.
    """
    if len(text) > MAX_QUERY:
        raise InvalidInput(f"q must have at most {MAX_QUERY} characters.")
    folded = fold(text).text
    chunks: list[list[re.Match[str]]] = []
    for piece in _PIECE.finditer(folded):
        if chunks and chunks[-1][-1].end() == piece.start():
            chunks[-1].append(piece)
        else:
            chunks.append([piece])
    if not 1 <= len(chunks) <= MAX_NEEDLES:
        raise InvalidInput(f"q must have 1-{MAX_NEEDLES} words, of letters, digits or emoji.")
    found = Query([], [])
    for chunk in chunks:
        found.needles.append(_needle(chunk))
        found.terms.extend(_terms(chunk))
    return found


def _needle(chunk: list[re.Match[str]]) -> Needle:
    first, last = chunk[0], chunk[-1]
    whole = last["run"] is None and len(last[0]) < FROM_BEGINNING
    return Needle("".join(piece[0] for piece in chunk), begins=first["run"] is None, ends=whole)


def _terms(chunk: list[re.Match[str]]) -> list[Term]:
    found = []
    for piece in chunk:
        letters = piece[0]
        if piece["run"] is None:
            begins = piece is chunk[-1] and len(letters) >= FROM_BEGINNING
            found.append(Term(_word(letters), begins))
        elif len(letters) == 1:
            found.append(Term(_pair(letters), beginning=True))
        else:
            found.extend(Term(_pair(letters[place : place + 2]), beginning=False) for place in range(len(letters) - 1))
    return found


def find(query: Query, text: str) -> Snippet | None:
    """Where the text has all that is looked for; None where it has not."""
    folded = fold(text)
    places: list[tuple[int, int]] = []
    for needle in query.needles:
        found = _places(needle, folded.text)
        if not found:
            return None
        places += [(folded.owners[start], _end(folded, start + len(needle.text))) for start in found]
    return _snippet(text, _joined(places))


def _places(needle: Needle, text: str) -> list[int]:
    found = []
    place = text.find(needle.text)
    while place >= 0:
        end = place + len(needle.text)
        inside = needle.begins and place > 0 and _in_word(text[place - 1])
        if not inside and not (needle.ends and end < len(text) and _in_word(text[end])):
            found.append(place)
        place = text.find(needle.text, place + 1)
    return found


def _in_word(letter: str) -> bool:
    piece = _PIECE.match(letter)
    return piece is not None and piece["run"] is None


def _end(folded: Folded, end: int) -> int:
    """The place in the original behind the character that became `text[end - 1]`."""
    owner = folded.owners[end - 1]
    while folded.owners[end] == owner:
        end += 1
    return folded.owners[end]


def _joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without overlaps, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _snippet(text: str, places: list[tuple[int, int]]) -> Snippet:
    first = max(0, places[0][0] - BEFORE)
    last = min(len(text), max(places[0][1], places[0][0] + AFTER))
    before, after = "…" * (first > 0), "…" * (last < len(text))
    shift = len(before) - first
    shown = [(start + shift, end - start) for start, end in places if end <= last]
    return Snippet(f"{before}{text[first:last]}{after}", shown)
