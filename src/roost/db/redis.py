"""A node's connection to Redis, which is a help and never a condition: who asks it is told at once when it is away.

Commands that come while others are under way leave together, as one pipeline on one connection: ten thousand devices
that come back at once are not ten thousand connections. They are done in the order in which they were asked for.

**Away.** A connection that breaks or does not answer within `PATIENCE` makes Redis `up` no more. Until a probe finds
it again every command is refused at once (`RedisAway`); then `returned` is called, for what has to be there again: it
may have been emptied meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

PATIENCE = 2.0
"""Seconds until a server that does not answer is given up."""
PROBE = 0.5
"""Seconds between two looks whether it is back."""
TOGETHER = 500
"""Commands that leave as one pipeline, at most."""
MAX_WAITING = 50_000
"""Commands that wait; beyond it they are refused instead of filling the memory."""

logger = structlog.get_logger()

Argument = str | bytes | int | float


class RedisAway(Exception):
    """Redis can't be asked now, or has refused. Whoever asks it goes on without."""


class Script:
    """A Lua script, sent once and named by its SHA-1 afterwards."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class _Asked(NamedTuple):
    command: tuple[Argument, ...]
    answer: asyncio.Future[Any]


class RedisServer:
    """Redis as one node sees it; `up` says whether it answers. Made on the event loop, runs inside `running`."""

    def __init__(self, url: str) -> None:
        """`url` is redis://, rediss:// (TLS) or unix://. Raises `ValueError` for anything else."""
        self._redis = Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            client_name="roost",
            protocol=3,  # answers with the same shapes whatever the library prefers
        )
        self._redis.response_callbacks.clear()  # answers as they are
        self._waiting: deque[_Asked] = deque()
        self._called = asyncio.Event()
        self._here = asyncio.Event()
        self._gone = asyncio.Event()
        self._said = False
        self._ended = False
        """Looked at as well as the tasks are cancelled: redis-py waits with `wait_for`, which may swallow that."""
        self.returned: list[Callable[[], Awaitable[None]]] = []
        """Called, in order, each time that Redis is there: the first time, and after every outage."""

    @property
    def up(self) -> bool:
        """Whether it answers."""
        return self._here.is_set()

    async def call(self, *command: Argument) -> Any:
        """One command's answer, with bytes for strings. Raises `RedisAway`."""
        if not self.up:
            raise RedisAway("Redis is away.")
        return await self._ask(command)

    async def run(self, script: Script, keys: tuple[Argument, ...], *arguments: Argument) -> Any:
        """A script's answer. Raises `RedisAway`."""
        try:
            return await self.call("EVALSHA", script.name, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.call("EVAL", script.text, len(keys), *keys, *arguments)

    async def run_apart(self, script: Script, keys: tuple[Argument, ...], *arguments: Argument) -> Any:
        """A script's answer that waits for no other command, nor they for it. Raises `RedisAway`."""
        try:
            try:
                return await self._apart("EVALSHA", script.name, len(keys), *keys, *arguments)
            except NoScriptError:
                return await self._apart("EVAL", script.text, len(keys), *keys, *arguments)
        except ResponseError as error:
            raise _refused(error) from None

    async def block(self, *command: Argument) -> Any:
        """A command that waits for something, for less than `PATIENCE`, on a connection of its own.

        What it waits at was there: a refusal tells that Redis was emptied. Raises `RedisAway`.
        """
        try:
            return await self._apart(*command)
        except ResponseError as error:
            raise self._failed(error) from None

    async def _apart(self, *command: Argument) -> Any:
        """On a connection of its own. Raises `RedisAway`, and `ResponseError` where the command is refused."""
        if not self.up:
            raise RedisAway("Redis is away.")
        try:
            return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]
        except ResponseError:
            raise
        except (RedisError, OSError) as error:
            raise self._failed(error) from None

    async def _ask(self, command: tuple[Argument, ...]) -> Any:
        if len(self._waiting) >= MAX_WAITING:
            raise RedisAway("Too much waits for Redis.")
        asked = _Asked(command, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._called.set()
        return await asked.answer

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[RedisServer]:
        """Keeps the connection until the block ends. Where Redis is not there yet, the node starts without it."""
        tasks = [asyncio.create_task(self._send_forever()), asyncio.create_task(self._find_forever())]
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._here.wait()
            yield self
        finally:
            self._ended = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._refuse_waiting("The node ends.")
            await self._redis.aclose()

    async def _send_forever(self) -> None:
        while not self._ended:
            await self._called.wait()
            self._called.clear()
            while self._waiting:
                await self._send([self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))])

    async def _send(self, asked: list[_Asked]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for one in asked:
            pipeline.execute_command(*one.command)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            answers = [self._failed(error)] * len(asked)
        except asyncio.CancelledError:
            for one in asked:
                one.answer.cancel()
            raise
        for one, answer in zip(asked, answers, strict=True):
            if not one.answer.done():
                _tell(one.answer, answer)

    def _failed(self, error: Exception) -> RedisAway:
        """The connection broke: nobody else has to find that out by waiting."""
        if self.up:
            logger.warning("Redis is away", reason=str(error) or repr(error))
            self._here.clear()
            self._gone.set()
        self._refuse_waiting(str(error))
        return RedisAway(f"Redis is away: {error}")

    def _refuse_waiting(self, reason: str) -> None:
        while self._waiting:
            answer = self._waiting.popleft().answer
            if not answer.done():
                answer.set_exception(RedisAway(f"Redis is away: {reason}"))

    async def _find_forever(self) -> None:
        while not self._ended:
            self._gone.clear()
            if await self._find():
                await self._gone.wait()
            else:
                await asyncio.sleep(PROBE)

    async def _find(self) -> bool:
        try:
            await self._redis.connection_pool.disconnect(inuse_connections=False)  # none of before the outage is good
            await self._redis.execute_command("PING")  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            if not self._said:
                logger.warning("Redis can't be reached; everything goes on without it", reason=str(error))
            self._said = True
            return False
        self._here.set()
        self._said = False
        for callback in self.returned:
            try:
                await callback()
            except RedisAway:
                break
            except Exception:
                logger.exception("what Redis should have could not be put there")
        if self.up:
            logger.info("Redis is there")
        return self.up


def _tell(future: asyncio.Future[Any], answer: Any) -> None:
    if isinstance(answer, NoScriptError):
        future.set_exception(answer)
    elif isinstance(answer, Exception):
        future.set_exception(answer if isinstance(answer, RedisAway) else _refused(answer))
    else:
        future.set_result(answer)


def _refused(error: Exception) -> RedisAway:
    return RedisAway(f"Redis refuses: {error}")
