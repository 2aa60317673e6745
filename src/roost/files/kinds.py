"""What a file is, by its content and never by its name or what the sender says of it (D9).

In text, markup is looked for first: what a browser might take for a page is not to pass for something else. (What is
called wrongly does no harm all the same: nothing but `INLINE` is ever given to a browser under its own type.) Other
text is plain, whatever its first letters would mean in a binary file, unless it is of `TEXTUAL`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import puremagic

HEAD = 8192
"""Bytes at the beginning of a file that tell what it is."""
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"

PICTURES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
"""Media types that are decoded, for their size and a thumbnail; and what Pillow calls the format."""

INLINE = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}
    | {"audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/mp4", "audio/aac"}
    | {"video/mp4", "video/webm", "video/ogg"}
)
"""Media types that a browser may show in place and that can carry no script. All others are for saving."""

TEXTUAL = frozenset(
    {"text/html", "image/svg+xml", "application/xml", "application/json", "application/x-yaml"}
    | {"application/pdf", "application/postscript", "application/rtf", "text/x-tex", "image/fits"}
    | {"text/calendar", "text/vcard", "text/vtt", "application/vnd.apple.mpegurl", "audio/x-scpls"}
    | {"application/pgp-encrypted", "application/pgp-keys", "application/pgp-signature"}
    | {"application/x-bittorrent", "application/x-mswinurl", "text/x-ms-regedit"}
)
"""Media types of files that are text, or begin as text, in a way that nobody writes by chance."""

_SPELLED = {
    "image/x-ms-bmp": "image/bmp",
    "image/jpg": "image/jpeg",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/x-flac": "audio/flac",
    "application/ogg": "audio/ogg",
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
}
"""Other names of the same thing."""

_SCRIPT = b"#!"
_PROGRAMS = (
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
)

_SVG = re.compile(rb"<(?:\w+:)?svg[\s>]", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml[\s?]", re.IGNORECASE)
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|meta|form)[\s/>]", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")


def kind_of(path: Path) -> str:
    """The media type of a file."""
    with path.open("rb") as file:
        return kind_of_head(file.read(HEAD))


def kind_of_head(head: bytes) -> str:
    """The media type of a file that begins so."""
    if head.startswith(_SCRIPT):
        return "text/x-shellscript"
    known = _by_magic(head)
    if _is_text(head):
        return _markup(head) or (known if known in TEXTUAL else TEXT)
    for magic, kind in _PROGRAMS:
        if head.startswith(magic):
            return kind
    return known or UNKNOWN


def is_taken(kind: str, wanted: Sequence[str], refused: Sequence[str]) -> bool:
    """Whether a media type is one of `wanted` and none of `refused`; `*` stands for anything in them."""
    return any(fnmatchcase(kind, one) for one in wanted) and not any(fnmatchcase(kind, one) for one in refused)


def _by_magic(head: bytes) -> str | None:
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    for match in found:
        kind: str = _SPELLED.get(match.mime_type, match.mime_type)
        if _MEDIA_TYPE.fullmatch(kind) and kind != UNKNOWN:
            return kind
    return None


def _markup(head: bytes) -> str | None:
    text = head.replace(b"\x00", b"") if head.startswith(_MARKS[1:]) else head  # UTF-16, near enough
    if _SVG.search(text):
        return "image/svg+xml"
    if _PAGE.search(text):
        return "text/html"
    return "application/xml" if _XML.match(text.removeprefix(_MARKS[0])) else None


def _is_text(head: bytes) -> bool:
    if head.startswith(_MARKS):
        return True
    if _CONTROL.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return bool(head) and len(head) == HEAD and error.start > HEAD - 4  # cut inside a character
    return bool(head)
