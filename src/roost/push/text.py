"""Other people's words on one line: in a subject, in a list, in the log."""

from __future__ import annotations

import unicodedata

BROKEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that end lines, steer terminals or can't be encoded: control, surrogates, separators."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows (UAX 9 §2): with them a name could rewrite the line it is in."""


def one_line(text: str, longest: int) -> str:
    """`text` without line breaks, control characters and runs of space, in at most `longest` characters."""
    readable = "".join(" " if c in TURNING or unicodedata.category(c) in BROKEN else c for c in text[: 4 * longest])
    line = " ".join(readable.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
