"""The proxy does what it is told, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from tests.chaos.proxy import FAIR, Manner, Proxy, Way, Weather

PATIENCE = 5.0
TEXT = bytes(range(256)) * 40


class Echo:
    """A server that gives back what it is given, and remembers how its connections ended."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ends: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                self.heard.append(chunk)
                writer.write(chunk)
                await writer.drain()
            self.ends.append("eof")
        except ConnectionError:
            self.ends.append("reset")
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, Proxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE * 2), Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield echo, proxy
    server.close()


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


async def ask(proxy: Proxy, text: bytes = TEXT) -> bytes:
    """What comes back on a new connection that is closed in good order."""
    reader, writer = await connect(proxy)
    try:
        writer.write(text)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def test_in_fair_weather_every_byte_comes_through(echo: tuple[Echo, Proxy]) -> None:
    server, proxy = echo
    assert await ask(proxy) == TEXT
    await until(lambda: not proxy.lines)
    assert server.ends == ["eof"]


async def test_delayed_and_split_bytes_are_the_same_bytes(echo: tuple[Echo, Proxy]) -> None:
    _, proxy = echo
    proxy.delay(0.01)
    proxy.split(7)
    assert await ask(proxy, TEXT[:500]) == TEXT[:500]


@pytest.mark.parametrize("manner", list(Manner))
async def test_a_cut_at_an_offset_lets_exactly_so_much_through(echo: tuple[Echo, Proxy], manner: Manner) -> None:
    server, proxy = echo
    reader, writer = await connect(proxy)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    proxy.cut_after(Way.UP, 1000, manner)
    writer.write(TEXT)
    await until(lambda: server.ends)
    assert b"".join(server.heard) == b"x" + TEXT[:1000]
    assert server.ends == ["eof" if manner is Manner.FIN else "reset"]
    writer.close()


async def test_a_broken_connection_is_broken_for_the_client(echo: tuple[Echo, Proxy]) -> None:
    _, proxy = echo
    reader, writer = await connect(proxy)
    await until(lambda: proxy.lines)
    proxy.cut(Manner.RST)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_what_stalls_goes_on_where_it_was(echo: tuple[Echo, Proxy]) -> None:
    server, proxy = echo
    reader, writer = await connect(proxy)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    proxy.stall(Way.UP)
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    assert server.heard == [b"one"]
    proxy.resume()
    assert await reader.readexactly(3) == b"two"
    writer.close()


async def test_refused_connections_end_at_once(echo: tuple[Echo, Proxy]) -> None:
    server, proxy = echo
    proxy.refuse()
    with pytest.raises(ConnectionError):
        assert await ask(proxy) == b"?"
    proxy.heal()
    assert await ask(proxy) == TEXT
    assert len(server.ends) == 1


async def test_a_lingering_connection_still_brings_the_server_what_was_on_its_way(echo: tuple[Echo, Proxy]) -> None:
    server, proxy = echo
    reader, writer = await connect(proxy)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    proxy.stall(Way.UP)
    writer.write(b"two")
    await asyncio.sleep(0.02)  # it is in the proxy, or the next line finds nothing to do
    proxy.linger()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    again, second = await connect(proxy)
    second.write(b"three")
    assert await again.readexactly(5) == b"three"
    proxy.resume()
    await until(lambda: server.heard == [b"one", b"three", b"two"])
    assert not server.ends
    assert len(proxy.lines) == 2
    proxy.heal()
    await until(lambda: server.ends == ["reset"])
    second.close()


async def test_a_vanished_server_is_not_noticed_until_the_line_is_cut(echo: tuple[Echo, Proxy]) -> None:
    server, proxy = echo
    reader, writer = await connect(proxy)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    proxy.vanish()
    await until(lambda: server.ends == ["reset"])
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


def test_weather_is_the_same_for_a_seed() -> None:
    days = [[weather.fate() for _ in range(100)] for weather in (Weather(1), Weather(1), Weather(2))]
    assert days[0] == days[1] != days[2]
    assert {fate == FAIR for fate in days[0]} == {True, False}
    assert any(one != other for one, other in pairwise(days[0]))
