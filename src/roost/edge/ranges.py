"""Which bytes of a file a request wants (RFC 9110 §13, §14): one range, all, or none because the client has it."""

from __future__ import annotations

import re
from typing import NamedTuple

from roost.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.IGNORECASE | re.ASCII)
MOST_DIGITS = 18
"""Digits of a place in a file; beyond them is beyond every file."""


class Span(NamedTuple):
    """Bytes of a file: `length` of them, from `start` on. `partial`: they were asked for as a range."""

    start: int
    length: int
    partial: bool


def wanted(range_header: str | None, if_range: str | None, etag: str, size: int) -> Span:
    """The bytes to be answered. Raises `RangeNotSatisfiable`.

    Several ranges, other units and what is no range at all are answered with the whole file, as §14.2 allows; so is a
    range of another state of the file (`If-Range`).
    """
    whole = Span(0, size, partial=False)
    if range_header is None or (if_range is not None and if_range.strip() != etag):
        return whole
    found = _RANGE.fullmatch(range_header.strip())
    if found is None or found.groups() == ("", ""):
        return whole
    first, last = (None if not digits else int(digits[:MOST_DIGITS]) for digits in found.groups())
    if first is None:  # so many at the end
        length = min(last or 0, size)
        if length == 0:
            raise RangeNotSatisfiable(size=size)
        return Span(size - length, length, partial=True)
    if last is not None and last < first:
        return whole
    if first >= size:
        raise RangeNotSatisfiable(size=size)
    end = size if last is None else min(last + 1, size)
    return Span(first, end - first, partial=True)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this state of the file (`If-None-Match`, compared weakly as §13.1.2 says)."""
    if if_none_match is None:
        return False
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in known or "*" in known
