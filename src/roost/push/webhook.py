"""Sending events to webhooks, as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com).

Each request carries `webhook-id`, which is the same in every attempt, `webhook-timestamp` and `webhook-signature`:
HMAC-SHA256 over id, timestamp and body. Any 2xx ends an event; anything else is tried again with longer and longer
pauses, as late as `Retry-After` asks for; 410, or one attempt too many, gives it up, and a row says so.

Every receiver has a task and connections of its own, so one that hangs keeps nobody else waiting. One that fails again
and again is left alone for a while, and found again by a single request.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import httpcore2
import httpx2
import structlog

from roost import __version__
from roost.config.webhooks import Webhook, Webhooks, secret_bytes
from roost.db.database import Database
from roost.metrics import WEBHOOKS
from roost.push import plan
from roost.push.http import LONGEST_REASON, retry_after
from roost.push.internet import Internet, NotPublic
from roost.push.text import one_line
from roost.push.webhook_outbox import BATCH, LEASE, Due, Ended, HookOutbox

logger = structlog.get_logger()

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 3600.0
"""Seconds until an event is tried again: the first time, and at most."""
TROUBLES = 3
"""Failures in a row after which a receiver is left alone."""
LONGEST_REST = 60.0
"""Seconds that it is left alone, at most, unless it asks for more."""
LOOK_AGAIN = 5.0
"""Seconds after which the outbox is looked at, though nothing called for it: another node may have written to it."""
LOOK_SOON = 0.05
BEGIN_AGAIN = 2.0
"""Seconds after which a round is tried again that failed: the database is away."""
LARGEST_ANSWER = 1024
"""Bytes of an answer that are read."""


FAILURES = NotPublic, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, OSError
"""What the network does."""


class Answer(NamedTuple):
    """What became of a request: whether the event is done, or gone for good; why not; seconds it asks for, if any."""

    done: bool
    gone: bool = False
    reason: str = ""
    after: float | None = None


def signature(secrets: Sequence[str], identity: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature`: one for each secret. `timestamp` in seconds."""
    signed = f"{identity}.{timestamp}.".encode() + body
    each = (hmac.digest(secret_bytes(secret), signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in each)


def pause(attempt: int, asked: float | None, chance: float) -> float:
    """Seconds until the attempt after number `attempt` (from 0): doubling, spread by `chance` (0 to 1)."""
    longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 20))
    return max(longest * (0.5 + chance / 2), min(asked or 0.0, plan.LONGEST_ASKED))


class Receiver:
    """One webhook: takes its events from the outbox and sends them, until cancelled. `clock` in ms."""

    def __init__(
        self, hook: Webhook, settings: Webhooks, outbox: HookOutbox, epoch: str, clock: Callable[[], int]
    ) -> None:
        """`epoch` makes the ids of events differ from those of a backup that was restored."""
        self._hook = hook
        self._settings = settings
        self._outbox = outbox
        self._epoch = epoch
        self._clock = clock
        self._called = asyncio.Event()
        self._hands = asyncio.Semaphore(settings.at_once)
        self._troubles = 0
        self._stuck = False
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=settings.at_once,
            network_backend=None if settings.private else Internet(),
        )

    def wake(self) -> None:
        """There may be something to send."""
        self._called.set()

    async def run(self) -> None:
        """Sends events as they become due, until cancelled."""
        try:
            while True:
                await self._round_or_pause()
        finally:
            await self._pool.aclose()

    async def _round_or_pause(self) -> None:
        try:
            self._called.clear()
            away = self._troubles >= TROUBLES
            until = time.monotonic() + LEASE / 2000
            topics = await self._outbox.take(1 if away else BATCH)
            await asyncio.gather(*(self._send_all(events, until) for events in topics))
            if not topics:
                await self._rest()
            elif self._troubles >= TROUBLES:
                await asyncio.sleep(min(LONGEST_REST, 2.0 ** min(self._troubles - TROUBLES, 10)))
            self._stuck = False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            if not self._stuck:
                logger.warning("webhooks wait", hook=self._hook.name, reason=str(error) or repr(error))
            self._stuck = True
            await asyncio.sleep(BEGIN_AGAIN)

    async def _rest(self) -> None:
        """Until the next event is due, or somebody calls."""
        due = await self._outbox.next_due()
        wait = LOOK_AGAIN if due is None else min(LOOK_AGAIN, max(LOOK_SOON, (due - self._clock()) / 1000))
        try:
            async with asyncio.timeout(wait):
                await self._called.wait()
        except TimeoutError:
            pass

    async def _send_all(self, events: Sequence[Due], until: float) -> None:
        """The events of one topic, one after the other, up to the first that fails; none is begun after `until`.

        Who is cancelled lets others have what is left.
        """
        done: list[int] = []
        failed, answer = None, Answer(done=True)
        try:
            async with self._hands:
                for event in events:
                    if time.monotonic() > until:
                        break
                    answer = await self._send(event)
                    if not answer.done:
                        failed = event
                        break
                    done.append(event.event_id)
        finally:
            await self._outbox.end(self._ended(events[0].topic, done, failed, answer))

    def _ended(self, topic: str, done: list[int], failed: Due | None, answer: Answer) -> Ended:
        now = self._clock()
        WEBHOOKS.labels(self._hook.name, "sent").inc(len(done))
        if failed is None:
            return Ended(topic, done, None, now, None)
        if answer.gone or failed.attempt + 1 >= self._settings.attempts:
            WEBHOOKS.labels(self._hook.name, "failed").inc()
            logger.error("an event was given up", hook=self._hook.name, number=failed.event_id, reason=answer.reason)
            return Ended(topic, done, failed, now, answer.reason)
        WEBHOOKS.labels(self._hook.name, "retry").inc()
        wait = pause(failed.attempt, answer.after, random.random())  # noqa: S311 - spreads retries
        return Ended(topic, done, failed, now + int(wait * 1000), None)

    async def _send(self, event: Due) -> Answer:
        """One request, in time."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._post(event)
        except TimeoutError:
            answer = Answer(done=False, reason=f"no answer within {self._settings.timeout:g} s")
        except FAILURES as error:
            answer = Answer(done=False, reason=one_line(f"{type(error).__name__}: {error}", LONGEST_REASON))
        self._learn(answer)
        return answer

    def _learn(self, answer: Answer) -> None:
        """Whether the receiver is there."""
        if answer.done:
            if self._troubles >= TROUBLES:
                logger.info("a webhook is back", hook=self._hook.name)
            self._troubles = 0
            return
        self._troubles += 1
        if self._troubles == TROUBLES:
            logger.warning("a webhook is away", hook=self._hook.name, reason=answer.reason)

    async def _post(self, event: Due) -> Answer:
        now, body = self._clock(), event.body.encode()
        identity = f"{self._epoch}-{event.event_id}"
        headers = {
            "Host": urlsplit(self._hook.url).netloc,
            "User-Agent": f"Roost/{__version__}",
            "Content-Type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(now // 1000),
            "webhook-signature": signature(self._hook.secrets, identity, now // 1000, body),
        }
        async with self._pool.stream(
            "POST",
            self._hook.url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=body,
            extensions={"timeout": {"connect": self._settings.timeout / 2}},
        ) as response:
            said = b""
            async for chunk in response.aiter_stream():
                said += chunk
                if len(said) >= LARGEST_ANSWER:
                    break
        status = response.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(done=True)
        answered = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        reason = one_line(f"{status} {said[:LARGEST_ANSWER].decode(errors='replace')}", LONGEST_REASON)
        asked = retry_after(answered.get("retry-after"), now)
        return Answer(done=False, gone=status == HTTPStatus.GONE, reason=reason, after=asked)


def receivers_of(settings: Webhooks, database: Database, epoch: str, clock: Callable[[], int]) -> list[Receiver]:
    """One for each webhook of the settings."""
    return [
        Receiver(hook, settings, HookOutbox(database, hook.name, clock), epoch, clock) for hook in settings.endpoints
    ]
