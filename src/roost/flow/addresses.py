"""Addresses on the web that others will open."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_https(text: str, longest: int) -> bool:
    """Whether this is an https address of at most so many characters, all of them ASCII and none a space."""
    if len(text) > longest or not text.isprintable() or not text.isascii() or " " in text:
        return False
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    return address.scheme == "https" and bool(address.hostname)
