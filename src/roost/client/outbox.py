"""Sending what waits, in order, until the server has it; the same for read marks.

A message is in the store before anything else happens, and leaves the outbox in the transaction that stores its
receipt, or its copy from the log. Whatever happens between, it is sent again with the same `messageID`, and the
server gives the first result again (promise 3).

Several messages are on their way at once. After a refusal that may pass (rate limit, overload), sending rests as
long as the server asks, and goes on from the oldest: one at a time, and more as they are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from roost.client import backoff
from roost.client.errors import ClientClosed, NetworkError
from roost.client.events import Event, SendFailed
from roost.client.http import Http
from roost.client.store import sending
from roost.client.store.rows import FAILED, StoredMessage
from roost.client.store.store import Store
from roost.errors import ContentTooLong, RateLimited, RoostError
from roost.model.sticker import StickerName
from roost.protocol import frames
from roost.protocol.codec import encode_json

WINDOW = 64
"""Messages on their way without a receipt, at most."""
MAX_ATTEMPTS = 8
"""Refusals with hope after which a message has failed; waiting for one's turn (`rate_limited`) does not count."""
SLOW = 60.0
"""Seconds after a `rate_limited` in which messages go one by one: so they keep their order, at the limit's pace."""
UNLIMITED = 2**31
"""Before the server has told its limits."""
RECEIPT_TIMEOUT = 30.0
"""Seconds without a receipt for the oldest message on its way, after which the connection is given up."""

logger = logging.getLogger("roost.client.outbox")


class Outbox:
    """Sends what the store has pending. `send(frame)` gives a frame to the connection, False where there is none."""

    def __init__(
        self,
        store: Store,
        send: Callable[[frames.ClientFrame], bool],
        tell: Callable[[Event], None],
        stuck: Callable[[str], None],
        *,
        patience: float = 1.0,
    ) -> None:
        """`stuck(reason)` gives the connection up; `patience` scales waits."""
        self._base = backoff.BASE * patience
        self._store = store
        self._send = send
        self._tell = tell
        self._stuck = stuck
        self._chance = random.Random()  # noqa: S311 - spreads attempts out
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._under_way: dict[str, float] = {}
        self._last_place = 0
        self._window = WINDOW
        self._rest_until = 0.0
        self._rounds = 0
        self._slow_until = 0.0
        self._life = 0
        self._max_content = self._max_frame = UNLIMITED

    def start(self) -> None:
        """Sends whenever there is a connection."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="roost-outbox")

    async def stop(self) -> None:
        """Sends nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def limit(self, *, max_content: int, max_frame: int) -> None:
        """What the server takes: characters of a content, bytes of a frame."""
        self._max_content, self._max_frame = max_content, max_frame

    def wake(self) -> None:
        """There is something to send, or a connection to send it on."""
        self._wake.set()

    def begin_again(self) -> None:
        """The connection is new, or gone: what was on its way is sent again."""
        self._life += 1
        self._under_way.clear()
        self._last_place = 0
        self._wake.set()
        self._changed.set()

    def settled(self, message_ids: list[str]) -> None:
        """These are sent, and out of the outbox."""
        for message_id in message_ids:
            self._under_way.pop(message_id, None)
        self._rounds = 0
        now = asyncio.get_running_loop().time()
        self._window = 1 if now < self._slow_until else min(WINDOW, self._window * 2)
        self._wake.set()
        self._changed.set()

    def is_under_way(self, message_id: str) -> bool:
        """Whether the server may have it already."""
        return message_id in self._under_way

    async def refused(self, message_id: str, error: RoostError) -> None:
        """The server did not take a message."""
        self._under_way.pop(message_id, None)
        waits_its_turn = isinstance(error, RateLimited)
        attempts = None if waits_its_turn else MAX_ATTEMPTS
        message = await self._store.write(sending.refused, message_id, error, max_attempts=attempts)
        if message is not None and message.state == FAILED:
            self._tell(SendFailed(message_id=message_id, conversation_id=message.conversation_id, error=error))
        else:
            self._rest(error, slow=waits_its_turn)
        self._wake.set()
        self._changed.set()

    def _rest(self, error: RoostError, *, slow: bool) -> None:
        """Nothing is sent for a while; then again from the oldest. Refusals of one round are one reason to wait."""
        now = asyncio.get_running_loop().time()
        if now >= self._rest_until:
            wait = backoff.delay(self._rounds, self._chance, at_least=error.retry_after, base=self._base)
            self._rounds = 0 if slow else self._rounds + 1
            self._rest_until = now + wait
        self._rest_until = max(self._rest_until, now + (error.retry_after or 0.0))
        self._slow_until = now + SLOW if slow else self._slow_until
        self._window = 1
        self._last_place = 0

    async def flushed(self) -> None:
        """Waits until nothing is pending: everything is sent, or has failed."""
        while await self._store.read(sending.pending_count):
            self._changed.clear()
            if not await self._store.read(sending.pending_count):
                return
            await self._changed.wait()

    async def _run(self) -> None:
        while True:
            try:
                timeout = await self._send_more()
            except ClientClosed:
                return
            except Exception:
                logger.exception("the outbox could not be read")
                timeout = 1.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):  # `wait_for` may swallow the cancellation of `stop`
                    await self._wake.wait()
            self._wake.clear()

    async def _send_more(self) -> float | None:
        """Sends what may be sent now; returns after how many seconds to look again, None for when woken."""
        now = asyncio.get_running_loop().time()
        if self._rest_until > now:
            return self._rest_until - now
        room = self._window - len(self._under_way)
        if room > 0:
            life = self._life
            for waiting in await self._store.read(sending.waiting, self._last_place, room):
                if life != self._life:
                    return 0
                if not await self._send_one(waiting.message, now):
                    return None
                self._last_place = waiting.place
        if not self._under_way:
            return None
        late = now - min(self._under_way.values())
        if late > RECEIPT_TIMEOUT:
            self._stuck("no receipt came in time")
            return None
        return RECEIPT_TIMEOUT - late + 0.1

    async def _send_one(self, message: StoredMessage, now: float) -> bool:
        """Sends a message, unless it is on its way. False where there is no connection.

        One that the server would not even read is refused here: it would end every connection it is sent on.
        """
        message_id = message.message_id
        if message_id in self._under_way:
            return True
        frame = _frame(message)
        if len(message.content) > self._max_content or len(encode_json(frame)) > self._max_frame:
            await self.refused(message_id, ContentTooLong(f"A message has at most {self._max_content} characters."))
            return True
        if not self._send(frame):
            return False
        self._under_way[message_id] = now
        return True


def _frame(message: StoredMessage) -> frames.ClientFrame:
    kind, _, rest = message.conversation_id.partition(":")
    if kind == "g":
        return frames.Group(
            to=rest,
            content=_content(message),
            message_id=message.message_id,
            message_type=message.message_type,
            create_time=message.create_time,
            reply_to=message.reply_to,
            mentions=_names(message),
            ttl=message.ttl,
            attachments=_files(message),
            sticker=_sticker(message),
        )
    one, _, other = rest.partition(":")
    return frames.Private(
        to=other if one == message.sender_id else one,
        content=_content(message),
        message_id=message.message_id,
        message_type=message.message_type,
        create_time=message.create_time,
        reply_to=message.reply_to,
        mentions=_names(message),
        ttl=message.ttl,
        attachments=_files(message),
        sticker=_sticker(message),
    )


def _names(message: StoredMessage) -> list[str | int] | None:
    return None if message.mentions is None else [*message.mentions]


def _content(message: StoredMessage) -> str:
    return "" if message.sticker else message.content


def _sticker(message: StoredMessage) -> StickerName | None:
    one = message.sticker
    return None if one is None else StickerName(pack_id=one.pack_id, sticker_id=one.sticker_id)


def _files(message: StoredMessage) -> list[str] | None:
    return None if message.attachments is None else [attachment.id for attachment in message.attachments]


class ReadMarks:
    """Tells the server the read marks that wait in the store, merged, one request a conversation."""

    def __init__(self, store: Store, http: Http, online: Callable[[], bool], *, patience: float = 1.0) -> None:
        """`online` tells whether there is a connection; `patience` scales waits."""
        self._store = store
        self._http = http
        self._online = online
        self._base = backoff.BASE * patience
        self._chance = random.Random()  # noqa: S311 - spreads attempts out
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tells whenever it is woken."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="roost-read-marks")

    async def stop(self) -> None:
        """Tells nothing more; what waits stays in the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def wake(self) -> None:
        """There is a mark, or a connection."""
        self._wake.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.tell_all()
                failures = 0
            except ClientClosed:
                return
            except NetworkError as error:
                logger.info("read marks wait: %s", error)
                if self._online():  # otherwise the next connect wakes us
                    await asyncio.sleep(backoff.delay(failures, self._chance, base=self._base))
                    failures += 1
                    self._wake.set()
            except RoostError as error:
                logger.warning("read marks wait: %s", error)
                await asyncio.sleep(error.retry_after or backoff.CAP)
                self._wake.set()
            except Exception:
                logger.exception("read marks could not be told")

    async def tell_all(self) -> None:
        """Tells every mark. A mark that the server refuses for good is dropped: there is nothing to read there."""
        for mark in await self._store.read(sending.read_marks):
            try:
                await self._http.call(
                    "POST",
                    f"/conversations/{mark.conversation_id}/read",
                    type(None),
                    body={"conversationSeq": mark.conversation_seq},
                )
            except RoostError as error:
                if error.retryable or error.status in {0, 401}:
                    raise
                logger.warning("the read mark of %s was refused: %s", mark.conversation_id, error)
            await self._store.write(sending.mark_known, mark)
