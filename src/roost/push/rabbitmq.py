"""A queue in RabbitMQ: between the server and its push workers, through restarts of all three.

**Nothing is lost.** Queues are quorum queues, written to disk; `put` returns when the broker confirmed each thing,
and a worker acknowledges a thing after it was handled. What a worker had when it or the broker died is handed out
again (RabbitMQ: "Consumer Acknowledgements and Publisher Confirms").

**Once, mostly.** Acknowledgements are not confirmed, so that a broker that dies forgets the last of them. The worker
remembers what it has done, and acknowledges that once more without handling it. What is left: a worker that dies
itself, and a thing that goes to another worker after the broker died.

**One at a time.** A worker that lost the broker ends what it has in hand before it takes more: the same thing is
never handled twice at once in one process.

**Away is no reason to hang.** Everything that waits for the broker has a limit: a publish into a connection whose
other end is gone would wait for ever. `put` and `work` have a connection each, because a broker that is short of
memory or disk stops reading from who publishes, and acknowledgements must still get through.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import aio_pika
import msgspec
import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import CONNECTION_EXCEPTIONS as LOST

from roost.errors import Unavailable
from roost.push.amqp import PATIENCE, Line, hang_up, open_line, outcome
from roost.push.contract import TRIES

T = TypeVar("T")
Verdict = Callable[[], Awaitable[None]]
"""Tells the broker what became of a message."""

SLICE = 500
"""Things under way to the broker at a time; enough to keep it busy, few enough to be confirmed within `PATIENCE`."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts to connect: doubled from the first to the longest, and up to half of it taken off."""

SETTLING = 0.25
"""Seconds in which a broker has sent what it had room for, when nothing more makes room."""

REMEMBERED = 10_000
"""Things done whose second coming is known: more than a broker can have had unwritten when it died. 1 MB."""

logger = structlog.get_logger()


class RabbitQueue(Generic[T]):
    """A `Queue` of things of `kind`, by the broker at `url`; made there with its dead-letter queue `<name>.dead`.

    A thing whose `handle` raised is handed out again after `pause` seconds, doubled each time; after `TRIES`, or where
    its body is not of `kind`, it goes to the dead-letter queue. What a worker had before is
    handled as `again` makes it. `patience` in seconds.
    """

    lasting = True

    def __init__(
        self,
        url: str,
        name: str,
        kind: type[T],
        *,
        again: Callable[[T], T] | None = None,
        pause: float = 1.0,
        patience: float = PATIENCE,
    ) -> None:
        self._url = url
        self._name = name
        self._decode = msgspec.json.Decoder(kind).decode
        self._encode = msgspec.json.Encoder().encode
        self._marked = again
        self._pause = pause
        self._patience = patience
        self._publishing: Line | None = None
        self._opening = asyncio.Lock()
        self._done: dict[str, None] = {}
        self._away_since: float | None = None
        self._closed = False
        self._resting = False
        self._may_tell = asyncio.Event()
        self._may_tell.set()
        self._consuming: tuple[AbstractQueue, str] | None = None

    # --- putting ---

    async def room(self) -> int:
        """How many things it takes at once: always a slice."""
        return SLICE

    def held(self) -> list[T]:
        """Nothing: the broker has all."""
        return []

    async def put(self, things: Sequence[T]) -> None:
        """Returns when the broker has them all on disk. Raises `Unavailable` when it does not answer in `patience`."""
        for start in range(0, len(things), SLICE):
            line = await self._line()
            try:
                await self._publish(line, things[start : start + SLICE])
            except LOST as error:
                await self._drop(line)
                raise self._unavailable(error) from error
        self._back()

    async def _publish(self, line: Line, things: Sequence[T]) -> None:
        """Raises one of `LOST`, also where the broker refused a thing or no queue is there to take it."""
        exchange = line.channel.default_exchange
        # As tasks: a connection that breaks cancels those who wait for it, which must not look like a cancelled `put`.
        publishing = [
            asyncio.create_task(exchange.publish(self._message(thing), self._name, mandatory=True)) for thing in things
        ]
        try:
            _, late = await asyncio.wait(publishing, timeout=self._patience)
            if late:
                raise TimeoutError(f"no confirmation in {self._patience:g} s")
        finally:
            for one in publishing:
                one.cancel()
            results = await asyncio.gather(*publishing, return_exceptions=True)
        for result in results:
            outcome(result)

    def _message(self, thing: T) -> aio_pika.Message:
        return aio_pika.Message(
            self._encode(thing),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=uuid.uuid4().hex,
        )

    async def _line(self) -> Line:
        """The connection that `put` uses. Raises `Unavailable`."""
        if self._closed:
            raise Unavailable("The queue is closed.")
        try:
            async with asyncio.timeout(self._patience), self._opening:
                line = self._publishing
                if line is None or line.channel.is_closed:
                    if line is not None:
                        await self._drop(line)
                    line = self._publishing = await open_line(self._url, self._name)
                return line
        except LOST as error:
            raise self._unavailable(error) from error

    async def _drop(self, line: Line) -> None:
        if self._publishing is line:
            self._publishing = None
        await hang_up(line)

    def _unavailable(self, error: Exception) -> Unavailable:
        self._away(error)
        return Unavailable("The queue can't be reached; try again in a moment.")

    # --- working ---

    async def work(self, handle: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
        """Hands things to `handle` until cancelled; what is then unfinished goes to another worker."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    line = await open_line(self._url, self._name)
            except LOST as error:
                self._away(error)
            else:
                try:
                    if await self._serve(line, handle, at_once):
                        pause = FIRST_PAUSE
                finally:
                    await hang_up(line)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads, hides nothing
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _serve(self, line: Line, handle: Callable[[T], Awaitable[None]], at_once: int) -> bool:
        """Handles what arrives on `line` until that is lost, and says whether it came so far.

        The broker sends no more than `at_once` of which it has not heard, so that each can have a task.
        """
        gone, begun = asyncio.Event(), False

        def lost(_: object, reason: BaseException | None = None) -> None:
            self._away(reason or ConnectionError("the queue went away"))
            gone.set()

        async with asyncio.TaskGroup() as hands:

            async def take(message: AbstractIncomingMessage) -> None:
                if not gone.is_set():
                    hands.create_task(self._take(message, handle, gone))

            try:
                line.channel.close_callbacks.add(lost)
                channel = await line.channel.get_underlay_channel()
                channel.on_consumer_cancel_callbacks.add(lost)
                async with asyncio.timeout(self._patience):
                    await line.channel.set_qos(prefetch_count=at_once)
                    if not self._resting:
                        self._consuming = line.queue, await line.queue.consume(take)
                begun = True
                self._back()
                await gone.wait()
            except LOST as error:
                self._away(error)
            finally:
                line.channel.close_callbacks.discard(lost)
                self._consuming = None
                gone.set()
        return begun

    async def rest(self) -> None:
        """Hands out nothing more; what is in hand goes on. The rest goes to other workers, as if it had stayed.

        What is on its way to a consumer when that is cancelled never comes, and would be handed out as redelivered:
        perhaps sent. Each acknowledgement sets the next on its way, so they are held back until that is over.
        """
        self._resting = True
        if self._consuming is None:
            return
        queue, tag = self._consuming
        self._may_tell.clear()
        try:
            await asyncio.sleep(SETTLING)
            with contextlib.suppress(*LOST):
                async with asyncio.timeout(self._patience):
                    await queue.cancel(tag)
        finally:
            self._may_tell.set()

    async def _take(
        self, message: AbstractIncomingMessage, handle: Callable[[T], Awaitable[None]], gone: asyncio.Event
    ) -> None:
        """Handles a message and tells the broker; a broker that is gone by then hands it out again."""
        try:
            await self._tell(await self._verdict(message, handle, gone))
        except LOST as error:
            self._away(error)
            gone.set()

    async def _verdict(
        self, message: AbstractIncomingMessage, handle: Callable[[T], Awaitable[None]], gone: asyncio.Event
    ) -> Verdict:
        """Handles a message, and gives what is to be told to the broker. Never raises for what `handle` does."""
        if message.message_id in self._done:
            return message.ack
        try:
            thing = self._decode(message.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            logger.warning("put aside what can't be read", queue=self._name, reason=str(error))
            return partial(message.reject, requeue=False)
        if message.redelivered and self._marked is not None:
            thing = self._marked(thing)
        try:
            await handle(thing)
        except Exception as error:
            attempt = 1 + int(str(message.headers.get("x-delivery-count", 0)))
            if attempt >= TRIES:
                logger.exception("put aside what failed", queue=self._name, attempt=attempt)
                return partial(message.reject, requeue=False)
            logger.warning("failed, to be handed out again", queue=self._name, attempt=attempt, reason=repr(error))
            # Here, because the queue would hand it out again at once.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause * 2 ** (attempt - 1)):
                    await gone.wait()
            return partial(message.nack, requeue=True)
        self._remember(message.message_id)
        return message.ack

    async def _tell(self, verdict: Verdict) -> None:
        """Tells the broker what became of a thing; a worker that is stopped meanwhile still does.

        There is a limit also here: the client's own queue of frames stays full when the connection breaks.
        """
        telling = asyncio.ensure_future(self._tell_when_it_may(verdict))
        try:
            await asyncio.wait([telling], timeout=self._patience)
        except asyncio.CancelledError:
            await asyncio.wait([telling], timeout=self._patience)
            raise
        finally:
            telling.cancel()
        if not telling.done():
            raise TimeoutError("an acknowledgement could not be sent")
        telling.result()

    async def _tell_when_it_may(self, verdict: Verdict) -> None:
        await self._may_tell.wait()
        await verdict()

    def _remember(self, message_id: str | None) -> None:
        if message_id is not None:
            self._done[message_id] = None
            if len(self._done) > REMEMBERED:
                del self._done[next(iter(self._done))]

    # --- the broker ---

    async def backlog(self) -> int:
        """How many things wait for a worker, those not counted that one has. Raises `Unavailable`."""
        line = await self._line()
        try:
            # As a task, as in `_publish`.
            async with asyncio.timeout(self._patience):
                asking = line.channel.declare_queue(self._name, passive=True)
                found = outcome((await asyncio.gather(asking, return_exceptions=True))[0])
        except LOST as error:
            await self._drop(line)
            raise self._unavailable(error) from error
        return found.declaration_result.message_count or 0

    async def close(self) -> None:
        """Takes nothing more, and hangs up. Who works is cancelled by those who started it."""
        self._closed = True
        if self._publishing is not None:
            await self._drop(self._publishing)

    def _away(self, reason: BaseException) -> None:
        """One line an outage, however many attempts it outlasts."""
        if self._away_since is None:
            self._away_since = time.monotonic()
            logger.warning("the broker is away", queue=self._name, reason=str(reason) or repr(reason))

    def _back(self) -> None:
        if self._away_since is not None:
            logger.info("the broker is back", queue=self._name, seconds=round(time.monotonic() - self._away_since, 1))
            self._away_since = None
