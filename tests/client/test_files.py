"""Files through the SDK: there and back, through broken connections and a server that is killed (D9)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from roost.client import Attachment, Client, MessageReceived, MessageType, NetworkError
from roost.client import files as module
from roost.client.blocking import BlockingClient
from roost.errors import TooLarge, UnknownAttachment
from roost.testing import LocalServer
from tests.chaos.proxy import Proxy, Way
from tests.client.conftest import Open
from tests.client.people import Cast
from tests.files.pictures import picture

BIG = 3_000_000


@pytest.fixture
def content() -> bytes:
    return os.urandom(BIG)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several requests for one file."""
    monkeypatch.setattr(module, "PIECE", 1_000_000)


@pytest.fixture
async def proxy(serving: LocalServer) -> AsyncIterator[Proxy]:
    async with Proxy(serving.port) as proxy:
        yield proxy


def through(proxy: Proxy, cast: Cast, name: str) -> Client:
    """A client that reaches the server through the proxy alone."""
    return Client(proxy.url, token=cast.token(name), store=":memory:", patience=0.01)


def at(done: int, act: Callable[[], Any]) -> Callable[[int, int], None]:
    """A progress that acts once, when so many bytes are through."""
    acted = False

    def progress(now: int, _: int) -> None:
        nonlocal acted
        if now >= done and not acted:
            acted = True
            act()

    return progress


def left(server: LocalServer) -> list[str]:
    """What lies about of unfinished uploads."""
    return sorted(path.name for path in (server.data / "files" / "incoming").glob("*"))


async def test_a_file_goes_with_a_message_and_is_in_every_store(
    cast: Cast, client: Open, tmp_path: Path, content: bytes, small_pieces: None
) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    source = tmp_path / "notes of May.bin"
    source.write_bytes(content)
    told: list[tuple[int, int]] = []
    file = await ann.upload(source, progress=lambda done, total: told.append((done, total)))
    assert (file.name, file.size, file.type) == ("notes of May.bin", BIG, "application/octet-stream")
    assert told[-1] == (BIG, BIG)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    image = await ann.upload(picture(), name="p.png")
    sent = await ann.send(cast["bob"], "both", attachments=[file, image])
    await ann.flush(10)
    assert (sent.message_type, sent.attachments) == (MessageType.FILE, [file, image])
    bob = await client(cast, "bob")
    async for event in bob.events(MessageReceived):
        message = event.message
        break
    (own,) = await ann.history(cast["bob"])
    assert message.attachments == own.attachments == [file, image]
    assert (message.message_type, own.message_type) == (MessageType.FILE, MessageType.FILE)
    folder = tmp_path / "of bob"
    folder.mkdir()
    got = await bob.download(file, folder)
    assert (got, got.read_bytes()) == (folder / "notes of May.bin", content)
    assert [path.name for path in folder.iterdir()] == ["notes of May.bin"]
    assert (await bob.thumbnail(image))[8:12] == b"WEBP"
    with pytest.raises(UnknownAttachment):
        await bob.thumbnail(file)


async def test_pictures_alone_make_a_message_of_pictures_without_words(cast: Cast, client: Open) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    image = await ann.upload(picture(), name="p.png")
    await ann.send(cast["bob"], attachments=[image])
    await ann.flush(10)
    (message,) = await ann.history(cast["bob"])
    assert (message.content, message.message_type, message.state) == ("", MessageType.IMAGE, "sent")
    (there,) = (await cast.call("bob", "GET", f"/messages/user/{cast['ann']}"))["messages"]
    assert there["messageType"] == 2


async def test_a_recalled_message_has_no_files_in_any_store(cast: Cast, client: Open, tmp_path: Path) -> None:
    await cast.make("bob")
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    file = await ann.upload(b"oops", name="oops.txt")
    await ann.send(cast["bob"], "look", attachments=[file])
    await ann.flush(10)
    (sent,) = await ann.history(cast["bob"])
    await ann.recall(sent)
    await bob.refresh()
    for one, other in ((ann, "bob"), (bob, "ann")):
        (message,) = await one.history(cast[other])
        assert message.attachments is None
        with pytest.raises(UnknownAttachment):
            await one.download(file, tmp_path / "x")


async def test_an_upload_goes_on_where_the_connection_broke(
    cast: Cast, proxy: Proxy, serving: LocalServer, content: bytes, tmp_path: Path, small_pieces: None
) -> None:
    """Bytes that were through are not sent again, but for what was on its way."""
    sent = 0

    def count(done: int, _: int) -> None:
        nonlocal sent
        sent = max(sent, done)
        if done in {1_000_000, 2_000_000} and proxy.accepted < 6:
            proxy.cut()

    async with through(proxy, cast, "ann") as ann:
        file = await ann.upload(content, name="big.bin", progress=count)
        assert file.size == BIG
        assert proxy.accepted > 2
        got = await ann.download(file, tmp_path / "got")
        assert got.read_bytes() == content
    assert left(serving) == []


async def test_an_upload_goes_on_in_the_middle_of_a_piece(
    cast: Cast, proxy: Proxy, content: bytes, tmp_path: Path, serving: LocalServer
) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(content)
    async with through(proxy, cast, "ann") as ann:
        await ann.connected(10)
        cutting = at(BIG // 4, lambda: proxy.cut_after(Way.UP, 400_000))
        file = await ann.upload(source, progress=cutting)
        assert (await ann.download(file, tmp_path / "got")).read_bytes() == content
    assert left(serving) == []


async def test_an_answer_that_is_lost_is_asked_for_again(cast: Cast, proxy: Proxy, serving: LocalServer) -> None:
    """The file is whole at the server, and its client does not know: it learns the same description."""
    async with through(proxy, cast, "ann") as ann:
        await ann.connected(10)
        losing = at(100_000, lambda: proxy.cut_after(Way.DOWN, 1))
        file = await ann.upload(b"x" * 100_000, name="x", progress=losing)
        assert (file.size, file.type) == (100_000, "text/plain")
        assert proxy.accepted > 2
    assert left(serving) == []


async def test_a_download_goes_on_where_the_connection_broke(
    cast: Cast, proxy: Proxy, content: bytes, tmp_path: Path
) -> None:
    async with through(proxy, cast, "ann") as ann:
        await ann.connected(10)
        file = await ann.upload(content, name="big.bin")
        told: list[int] = []

        def progress(done: int, _: int) -> None:
            told.append(done)
            if done > BIG // 3 and len(told) < 1000 and not cut.is_set():
                cut.set()
                proxy.cut()

        cut = asyncio.Event()
        got = await ann.download(file, tmp_path / "got", progress=progress)
        assert got.read_bytes() == content
        assert told == sorted(told)  # nothing was fetched twice
        assert cut.is_set()


async def test_an_upload_survives_the_server(
    own_server: LocalServer, content: bytes, tmp_path: Path, small_pieces: None
) -> None:
    """Killed in the middle, it goes on with what it has; what is refused in the end leaves nothing."""
    cast = Cast(own_server)
    loop = asyncio.get_running_loop()
    restarts: list[Any] = []

    def kill() -> None:
        own_server.kill()
        restarts.append(loop.run_in_executor(None, own_server.start))

    async with Client(own_server.url, token=cast.token("ann"), store=":memory:", patience=2.0) as ann:
        await ann.connected(10)
        file = await ann.upload(content, name="big.bin", progress=at(1_500_000, kill))
        assert len(restarts) == 1
        assert (await ann.download(file, tmp_path / "got")).read_bytes() == content
    assert left(own_server) == []
    assert len(list((own_server.data / "files" / "kept").rglob("*/*"))) == 1


async def test_what_is_refused_is_told(cast: Cast, client: Open, tmp_path: Path) -> None:
    ann = await client(cast, "ann")
    with pytest.raises(TooLarge):
        await ann.upload(sparse(tmp_path, 200 << 20))
    with pytest.raises(FileNotFoundError):
        await ann.upload(tmp_path / "nothing")
    with pytest.raises(UnknownAttachment):
        await ann.download(Attachment(id="0" * 32, name="x", size=3), tmp_path / "x")


def sparse(folder: Path, size: int) -> Path:
    """A file of so many bytes that takes none."""
    path = folder / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
    return path


async def test_a_server_that_stays_away_is_told(cast: Cast, proxy: Proxy) -> None:
    ann = through(proxy, cast, "ann")
    await ann.open()
    proxy.refuse()
    with pytest.raises(NetworkError):
        await ann.upload(b"x")
    await ann.close()


def test_a_script_sends_and_reads_files(cast: Cast, tmp_path: Path) -> None:
    with (
        BlockingClient(cast.server.url, token=cast.token("bob"), store=":memory:") as bob,
        BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:") as ann,
    ):
        bob.connected(10)
        ann.connected(10)
        file = ann.upload(picture(), name="p.png")
        ann.send(cast["bob"], attachments=[file])
        for message in bob.messages(timeout=10):
            (got,) = message.attachments or []
            break
        assert bob.download(got, tmp_path).read_bytes() == picture()
        assert bob.thumbnail(got)[8:12] == b"WEBP"
