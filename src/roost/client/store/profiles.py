"""Profiles that the application has asked for: what is shown offline."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from roost.client.store.entries import Book
from roost.protocol.answers import Profile

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Profile).decode


def keep(book: Book, profiles: Sequence[Profile]) -> None:
    """Remembers profiles; of two of one user the later."""
    book.connection.executemany(
        "INSERT INTO profiles (user_id, version, body) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET version = excluded.version, body = excluded.body WHERE version <= excluded.version",
        [(one.user_id, one.version, _encode(one).decode()) for one in profiles],
    )


def kept(book: Book, user_ids: Sequence[str]) -> dict[str, Profile]:
    """Those of the users whose profiles are remembered."""
    found = book.execute(
        "SELECT user_id, body FROM profiles WHERE user_id IN (SELECT value FROM json_each(?))",
        (_encode(list(user_ids)).decode(),),
    )
    return {user_id: _decode(body) for user_id, body in found.fetchall()}


def names(book: Book, count: int) -> list[str]:
    """Users whose profiles are remembered, at most `count`."""
    found = book.execute("SELECT user_id FROM profiles LIMIT ?", (count,))
    return [row[0] for row in found.fetchall()]
