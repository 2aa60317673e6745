"""The life of the client's connection, as one table, and the loop that lives it (D8).

    disconnected --open--> connecting --ready--> syncing --caught up--> connected
         ^                   |    ^                 |                       |
         +------ final ------+    +----- lost ------+---------- lost -------+

A lost connection comes back after a wait, unless its end was final: close codes 4500-4999, a token that is refused
and can't be replaced, or `close`. A server that is stopped in good order tells how long to wait (close code 4000):
that is no failure, and the state goes back to connecting at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from enum import Enum
from typing import Any, Protocol

from roost.client import backoff
from roost.client.errors import ConnectionRefused, NetworkError, is_of_authentication, refusal
from roost.client.events import State, StateChanged
from roost.client.frames import ServerFrame
from roost.client.link import Ending, Link
from roost.client.tokens import Tokens
from roost.errors import RoostError, SeqAhead
from roost.protocol import frames
from roost.protocol.close import FINAL, CloseCode, told_delay

READY_TIMEOUT = 15.0
"""Seconds from `auth` to `ready`."""
STABLE = 5.0
"""Seconds after which a connection counts as good: the next loss starts from the shortest wait."""

logger = logging.getLogger("roost.client.connection")


class Step(Enum):
    """What moves the state."""

    OPEN = "open"
    READY = "ready"
    CAUGHT_UP = "caught up"
    BEHIND = "behind"
    SENT_ON = "sent on"
    LOST = "lost"
    FINAL = "final"


STATES: dict[tuple[State, Step], State] = {
    (State.DISCONNECTED, Step.OPEN): State.CONNECTING,
    (State.CONNECTING, Step.READY): State.SYNCING,
    (State.CONNECTING, Step.LOST): State.DISCONNECTED,
    (State.CONNECTING, Step.FINAL): State.DISCONNECTED,
    (State.SYNCING, Step.CAUGHT_UP): State.CONNECTED,
    (State.SYNCING, Step.SENT_ON): State.CONNECTING,
    (State.SYNCING, Step.LOST): State.DISCONNECTED,
    (State.SYNCING, Step.FINAL): State.DISCONNECTED,
    (State.CONNECTED, Step.BEHIND): State.SYNCING,
    (State.CONNECTED, Step.SENT_ON): State.CONNECTING,
    (State.CONNECTED, Step.LOST): State.DISCONNECTED,
    (State.CONNECTED, Step.FINAL): State.DISCONNECTED,
}
"""The whole life. A step that is not here changes nothing."""


class Follower(Protocol):
    """Who uses the connection. Nothing but `hello` and `must_reset` may wait."""

    async def hello(self, token: str) -> frames.Auth:
        """The first frame: where the store stands."""

    def ready(self, frame: frames.Ready) -> None:
        """Authenticated. Raises a final error where this is not the store's user."""

    def receive(self, frame: ServerFrame) -> None:
        """A frame after `ready`."""

    def lost(self) -> None:
        """The connection is over."""

    async def must_reset(self) -> None:
        """The store's position is ahead of this log: a snapshot is the way on."""

    def changed(self, event: StateChanged) -> None:
        """The state has changed."""


class Connection:
    """Keeps one connection open to the server at `url`, from `start` to `stop`."""

    def __init__(self, url: str, tokens: Tokens, follower: Follower, *, patience: float = 1.0) -> None:
        """`patience` scales the waits between attempts."""
        self._url = url
        self._tokens = tokens
        self._follower = follower
        self._base = backoff.BASE * patience
        self._chance = random.Random()  # noqa: S311 - spreads clients out, nothing more
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._ready: asyncio.Future[frames.Ready] | None = None
        self._refreshed = False
        self._stopping = False
        self._hurry = asyncio.Event()
        self._moved: asyncio.Future[None] | None = None
        self.state = State.DISCONNECTED
        self.reason = "not connected yet"
        self.error: RoostError | None = None
        """Why the connection ended for good."""

    # --- for its owner ---

    def start(self) -> None:
        """Connects, and keeps connected; at once if it was waiting for its next attempt."""
        self._hurry.set()  # an attempt under way leaves it alone, and a wait ends
        if self._task is None or self._task.done():
            self.error = None
            self._stopping = False
            self._task = asyncio.get_running_loop().create_task(self._live(), name="roost-connection")

    async def stop(self, reason: str) -> None:
        """Closes in good order, and stays closed."""
        task, self._task = self._task, None
        self._stopping = True
        if self._link is not None:
            await self._link.close()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._move(Step.FINAL, reason)

    @property
    def alive(self) -> bool:
        """Whether it is connected, or tries to be."""
        return self._task is not None and not self._task.done()

    def send(self, frame: frames.ClientFrame) -> bool:
        """Sends a frame; False unless authenticated."""
        if self._link is None or self.state not in (State.SYNCING, State.CONNECTED):
            return False
        return self._link.send(frame)

    def drop(self, reason: str) -> None:
        """Gives this connection up; another follows."""
        if self._link is not None:
            self._link.drop(reason)

    def caught_up(self) -> None:
        """The store has everything that waited."""
        self._move(Step.CAUGHT_UP, "up to date")

    def behind(self) -> None:
        """Something was left out, and is being read."""
        self._move(Step.BEHIND, "filling a gap")

    async def renew(self, reason: str) -> None:
        """Gives this connection up, and waits for the next, which begins at once. Raises as `until`."""
        self.drop(reason)
        await self.until(State.DISCONNECTED, State.CONNECTING)
        self.start()
        await self.until(State.SYNCING, State.CONNECTED)

    async def until(self, *states: State) -> None:
        """Waits for one of these states. Raises the error that ended the connection for good."""
        while self.state not in states:
            if self.error is not None:
                raise self.error
            self._moved = self._moved or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._moved)

    # --- the loop ---

    async def _live(self) -> None:
        attempt = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            self._hurry.clear()
            failure = await self._attempt()
            if self._stopping:
                return
            if loop.time() - began > STABLE:
                attempt = 0
            if self._is_final(failure):
                self.error = failure
                logger.warning("not connecting again: %s", failure)
                self._move(Step.FINAL, str(failure), error=failure)
                return
            wait = backoff.delay(attempt, self._chance, at_least=failure.retry_after, base=self._base)
            if failure.data.get("closeCode") == CloseCode.RESTART and failure.retry_after is not None:
                wait = wait if attempt else failure.retry_after  # as told, unless one is told again and again
                self._move(Step.SENT_ON, str(failure), retry_in=wait)
            else:
                self._move(Step.LOST, str(failure), retry_in=wait, error=failure)
            attempt += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # `wait_for` may swallow the cancellation of `stop`
                    await self._hurry.wait()

    def _is_final(self, failure: RoostError) -> bool:
        """A refused token is replaced once between two good connections, if it can be."""
        if not is_of_authentication(failure):
            return not failure.retryable
        if isinstance(failure, ConnectionRefused) and failure.data.get("closeCode") != CloseCode.BAD_TOKEN:
            return True
        if self._refreshed or not self._tokens.renew():
            return True
        self._refreshed = True
        return False

    async def _attempt(self) -> RoostError:
        """One connection, from its opening to its end; returns why it ended."""
        self._move(Step.OPEN, "connecting")
        link = self._link = Link(self._receive)
        self._ready = asyncio.get_running_loop().create_future()
        try:
            hello = await self._follower.hello(await self._tokens.get())
            await link.open(self._url)
            link.send(hello)
            ended = await self._wait_ready(link)
            if ended is None:
                self._refreshed = False
                ended = await link.ended
            return self._failure(ended)
        except SeqAhead:
            try:
                await self._follower.must_reset()
            except RoostError as error:
                return error
            return NetworkError("the position was ahead of the log; it was reset")
        except RoostError as error:
            return error
        except Exception as error:  # the application's token function, the store's disk
            logger.exception("the connection failed")
            return NetworkError(f"{type(error).__name__}: {error}")
        finally:
            link.drop("given up")
            self._link = None
            if self._ready.done() and not self._ready.cancelled():
                self._ready.exception()
            self._follower.lost()

    async def _wait_ready(self, link: Link) -> Ending | None:
        """None once `ready` is here; otherwise how the connection ended before. Raises a refusal of `auth`."""
        ready = self._ready
        assert ready is not None
        either: set[asyncio.Future[Any]] = {ready, link.ended}
        done, _ = await asyncio.wait(either, timeout=READY_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if ready in done:
            ready.result()
            return None
        if not done:
            raise NetworkError("the server did not answer `auth` in time")
        return link.ended.result()

    def _receive(self, frame: ServerFrame) -> None:
        ready = self._ready
        assert ready is not None
        if ready.done():
            self._follower.receive(frame)
        elif isinstance(frame, frames.Ready):
            self._move(Step.READY, "catching up")
            try:
                self._follower.ready(frame)
            except RoostError as error:
                ready.set_exception(error)
            else:
                ready.set_result(frame)
        elif isinstance(frame, frames.Error):
            ready.set_exception(error_of(frame))

    def _failure(self, ended: Ending) -> RoostError:
        if ended.code >= FINAL:
            return ConnectionRefused(ended.reason, closeCode=ended.code)
        return NetworkError(ended.reason, retry_after=told_delay(ended.reason), closeCode=ended.code)

    def _move(self, step: Step, reason: str, *, retry_in: float | None = None, error: RoostError | None = None) -> None:
        state = STATES.get((self.state, step))
        if state is None:
            return
        self.state, self.reason = state, reason
        moved, self._moved = self._moved, None
        if moved is not None:
            moved.set_result(None)
        logger.info("%s: %s", state.value, reason)
        self._follower.changed(StateChanged(state=state, reason=reason, retry_in=retry_in, error=error))


def error_of(frame: frames.Error) -> RoostError:
    """The error that an `error` frame tells."""
    return refusal(frame.code, frame.message, data=frame.data, retry_after=frame.retry_after)
