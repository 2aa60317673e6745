"""What a place for files promises (`roost.files.contract`), on every kind of store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.config import S3
from roost.errors import Unavailable, UnknownAttachment
from roost.files.contract import PIECE, Store
from roost.files.local import LocalStore
from roost.files.s3 import S3Store
from roost.files.threads import Threads

KEY = "0123456789abcdef"
LARGE = 20 << 20
"""Bytes of a file that goes to S3 in parts."""


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    threads = Threads()
    yield threads
    threads.close()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, threads: Threads) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path / "kept", threads)
    return S3Store(request.getfixturevalue("s3_server").bucket(), threads)


def made(folder: Path, content: bytes) -> Path:
    path = folder / "made"
    path.write_bytes(content)
    return path


async def whole(store: Store, key: str = KEY, start: int = 0, length: int = 1 << 40) -> bytes:
    return b"".join([piece async for piece in store.read(key, start, length)])


async def test_a_file_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    content = os.urandom(PIECE * 2 + 7)
    source = made(tmp_path, content)
    await store.keep(KEY, source)
    assert not source.exists()
    assert await whole(store, length=len(content)) == content


async def test_a_range_comes_back(store: Store, tmp_path: Path) -> None:
    content = os.urandom(PIECE + 100)
    await store.keep(KEY, made(tmp_path, content))
    for start, length in ((0, 1), (PIECE - 1, 2), (len(content) - 3, 3), (5, 0)):
        assert await whole(store, KEY, start, length) == content[start : start + length]


async def test_pieces_are_of_bounded_size(store: Store, tmp_path: Path) -> None:
    content = os.urandom(LARGE)
    await store.keep(KEY, made(tmp_path, content))
    got = bytearray()
    async for piece in store.read(KEY, 0, LARGE):
        assert len(piece) <= 4 * PIECE
        got += piece
    assert got == content


async def test_the_event_loop_goes_on_meanwhile(store: Store, tmp_path: Path) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    await store.keep(KEY, made(tmp_path, bytes(LARGE)))
    kept = turns
    await whole(store, length=LARGE)
    turning.cancel()
    assert kept > 1
    assert turns > kept + 1


async def test_an_empty_file_is_a_file(store: Store, tmp_path: Path) -> None:
    await store.keep(KEY, made(tmp_path, b""))
    assert await whole(store, length=0) == b""


async def test_kept_again_it_is_the_same_file(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        await store.keep(KEY, made(tmp_path, b"same"))
    assert await whole(store, length=4) == b"same"


async def test_what_is_removed_is_not_there(store: Store, tmp_path: Path) -> None:
    await store.keep(KEY, made(tmp_path, b"x"))
    await store.keep(KEY + ".webp", made(tmp_path, b"thumbnail"))
    for _ in range(2):  # again is harmless
        await store.remove(KEY)
    with pytest.raises(UnknownAttachment):
        await whole(store, length=1)
    assert await whole(store, KEY + ".webp", length=9) == b"thumbnail"


async def test_what_was_never_kept_is_not_there(store: Store) -> None:
    with pytest.raises(UnknownAttachment):
        await whole(store, length=1)


async def test_a_reader_that_leaves_leaves_nothing_open(store: Store, tmp_path: Path) -> None:
    await store.keep(KEY, made(tmp_path, bytes(LARGE)))
    reading = store.read(KEY, 0, LARGE)
    await anext(reading)
    await reading.aclose()
    await store.remove(KEY)


async def test_a_store_that_is_away_says_so(threads: Threads, tmp_path: Path) -> None:
    """A bucket on a server that is not there; a directory that is a file."""
    away = S3Store(S3(bucket="b", endpoint="http://127.0.0.1:1", access_key="k", secret_key="s"), threads)
    (tmp_path / "file").write_bytes(b"")
    for store in (away, LocalStore(tmp_path / "file", threads)):
        with pytest.raises(Unavailable):
            await store.keep(KEY, made(tmp_path, b"x"))
