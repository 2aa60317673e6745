"""The names that people give to files: shown and offered for saving, and never a path here (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

LONGEST = 255
"""Characters of a name; most file systems take 255 bytes."""
LONGEST_EXTENSION = 20
UNNAMED = "file"

_DIRTY = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
"""Categories of characters that steer or end lines, turn their direction (so that exe.gpj reads as jpg.exe), or can't
be shown."""
_RISKY = re.compile(r'[^A-Za-z0-9 ._()+,=@~-]|"')
_ATTR_CHARS = "!#$&+-.^_`|~"
"""What RFC 8187 leaves as it is, besides letters and digits."""


def safe_name(given: str) -> str:
    """A name without directories, control characters and dots at its beginning, in at most `LONGEST` characters.

    What is cut off is cut before the extension.
    """
    last = re.split(r"[/\\]", given)[-1]
    shown = "".join(character for character in last if unicodedata.category(character) not in _DIRTY)
    name = " ".join(shown.split()).lstrip(". ").rstrip(". ")
    if len(name) > LONGEST:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) <= LONGEST_EXTENSION else ""
        name = name[: LONGEST - len(tail)] + tail
    return name or UNNAMED


def disposition(name: str, *, inline: bool) -> str:
    """The `Content-Disposition` with which a file of this name is answered: both spellings, in plain ASCII."""
    plain = _RISKY.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "replace").decode())
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
