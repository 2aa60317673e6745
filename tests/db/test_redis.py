"""The connection to Redis: what is asked at once leaves together, and an outage keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from roost.db.redis import RedisAway, RedisServer, Script
from tests.servers.redis import RedisProcess


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


@pytest.fixture
async def redis(mortal_redis: RedisProcess) -> AsyncIterator[RedisServer]:
    server = RedisServer(mortal_redis.url())
    async with server.running():
        yield server


async def test_commands_are_done_in_the_order_in_which_they_were_asked_for(redis: RedisServer) -> None:
    pushed = [redis.call("RPUSH", "list", number) for number in range(1200)]
    assert await asyncio.gather(*pushed) == list(range(1, 1201))
    assert await redis.call("LRANGE", "list", 0, -1) == [str(number).encode() for number in range(1200)]


async def test_many_at_once_are_one_connection(redis: RedisServer, mortal_redis: RedisProcess) -> None:
    await asyncio.gather(*(redis.call("PING") for _ in range(1000)))
    with mortal_redis.look() as client:
        assert sum(1 for one in client.client_list() if one["name"] == "roost") == 1


async def test_a_command_that_is_refused_fails_alone(redis: RedisServer) -> None:
    outcomes = await asyncio.gather(
        redis.call("SET", "word", "one"), redis.call("INCR", "word"), redis.call("GET", "word"), return_exceptions=True
    )
    assert outcomes[2] == b"one"
    assert isinstance(outcomes[1], RedisAway)
    assert redis.up


async def test_a_script_runs_though_the_server_has_forgotten_it(redis: RedisServer, mortal_redis: RedisProcess) -> None:
    script = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert await redis.run(script, ("n",), 2) == 2
    with mortal_redis.look() as client:
        client.script_flush()
    assert await redis.run(script, ("n",), 3) == 5


async def test_who_asks_during_an_outage_is_told_at_once(redis: RedisServer, mortal_redis: RedisProcess) -> None:
    mortal_redis.kill()
    with pytest.raises(RedisAway):
        await redis.call("PING")
    assert not redis.up
    started = asyncio.get_running_loop().time()
    for _ in range(1000):
        with pytest.raises(RedisAway):
            await redis.call("PING")
    assert asyncio.get_running_loop().time() - started < 2.0


async def test_it_comes_back_by_itself_and_what_has_to_be_there_is_put_there(
    redis: RedisServer, mortal_redis: RedisProcess
) -> None:
    async def put() -> None:
        await redis.call("SET", "there", "again")

    redis.returned.append(put)
    mortal_redis.kill()
    with pytest.raises(RedisAway):
        await redis.call("PING")
    mortal_redis.start()
    await until(lambda: redis.up)
    assert await redis.call("GET", "there") == b"again"


async def test_a_server_that_does_not_answer_is_given_up(redis: RedisServer, mortal_redis: RedisProcess) -> None:
    with mortal_redis.frozen():
        async with asyncio.timeout(10):
            outcomes = await asyncio.gather(*(redis.call("PING") for _ in range(700)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {RedisAway}
    await until(lambda: redis.up)
    assert await redis.call("PING") == b"PONG"


async def test_what_waits_for_something_holds_nobody_up(redis: RedisServer) -> None:
    waiting = asyncio.ensure_future(redis.block("BLPOP", "nothing", 1))
    async with asyncio.timeout(0.9):
        await redis.call("PING")
    assert await waiting is None


async def test_a_node_starts_without_it_and_finds_it_later(mortal_redis: RedisProcess) -> None:
    mortal_redis.kill()
    server = RedisServer(mortal_redis.url())
    async with server.running():
        with pytest.raises(RedisAway):
            await server.call("PING")
        mortal_redis.start()
        await until(lambda: server.up)
        assert await server.call("PING") == b"PONG"
