"""The client at work: what comes on the connection goes into the store, what waits in the store goes out.

Here the parts meet: connection, intake, sync, outbox, delivery. A short gap is closed by the socket itself, which
sends the log in batches as far as we ack. A long one is closed by HTTP pages: acks are held back meanwhile, so the
server's window keeps the socket still, and the first ack afterwards lets it go on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from roost.client import visit
from roost.client.connection import Connection, error_of
from roost.client.delivery import Delivery
from roost.client.drafts import DraftsToTell
from roost.client.errors import StoreBelongsToAnother
from roost.client.events import (
    ConversationChanged,
    MessageSent,
    PresenceChanged,
    ProfileChanged,
    State,
    StateChanged,
    StoreReset,
    SyncProgress,
    Typing,
)
from roost.client.frames import LiveChange, LiveMessage, ServerFrame
from roost.client.holes import close_gap
from roost.client.http import Http
from roost.client.intake import Intake, LogFrame
from roost.client.others import Others
from roost.client.outbox import Outbox, ReadMarks
from roost.client.requests import Requests
from roost.client.store.entries import Applied
from roost.client.store.rows import StoredMessage
from roost.client.store.store import Store, SyncConfig
from roost.client.sync import SyncManager, SyncMetrics, load_snapshot
from roost.client.tokens import Tokens, hints
from roost.errors import RoostError
from roost.model.message import Message
from roost.protocol import frames

LONG_GAP = 3000
"""Entries behind, from which on pages are quicker than the socket's batches."""

logger = logging.getLogger("roost.client")


class Following:
    """Follows the user's log into the store. `user_id` is None until the server or the store has told it."""

    def __init__(
        self, url: str, tokens: Tokens, store: Store, delivery: Delivery, *, device_id: str | None, patience: float
    ) -> None:
        """`patience` scales all waits between attempts; 1.0 outside of tests."""
        self._url = url
        self._tokens = tokens
        self.http = Http(url, tokens)
        self._store = store
        self._delivery = delivery
        self._device = device_id
        self._own_device = ""
        self.user_id: str | None = None
        self.epoch: str | None = None
        self.connection = Connection(url, tokens, self, patience=patience)
        self.requests = Requests(self.connection.send)
        self.intake = Intake(store, applied=self._applied, gap=self._gap, broken=self._broken)
        self.outbox = Outbox(store, self._send_message, delivery.tell, self.connection.drop, patience=patience)
        self.read_marks = ReadMarks(
            store, self.http, lambda: self.connection.state in {State.SYNCING, State.CONNECTED}, patience=patience
        )
        self.drafts = DraftsToTell(
            store, self.http, lambda: self.connection.state in {State.SYNCING, State.CONNECTED}, patience=patience
        )
        self.sync = SyncManager(
            self.http,
            store,
            self.intake,
            self,
            tell=delivery.tell,
            patience=patience,
        )
        self.others = Others(self.http, store, delivery)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched: list[str] = []
        self._log_there: str | None = None
        self._holding = False
        self._hello_at = 0
        self._acked = 0
        self._resets = 0
        self._target = 0
        self._behind = 0
        self._batches = 0
        self._resetting = asyncio.Lock()

    # --- life ---

    def start(self, config: SyncConfig) -> None:
        """Begins, without connecting."""
        self.user_id, self.epoch, self._own_device = config.user_id, config.epoch, config.device_id
        self.intake.start(config.last_sync_seq)
        self.outbox.start()
        self.read_marks.start()
        self.drafts.start()

    async def stop(self) -> None:
        """Ends everything in good order; what was received is stored."""
        await self.sync.stop_sync()
        await self.connection.stop("closed")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.outbox.stop()
        await self.read_marks.stop()
        await self.drafts.stop()
        await self.intake.stop()
        await self.http.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, RoostError):
                logger.warning("a task of the client failed: %s", error)
            else:
                logger.error("a task of the client failed", exc_info=error)
            self.connection.drop(str(error))

    # --- the connection's follower ---

    async def hello(self, token: str) -> frames.Auth:
        """Where the store stands, once all that was received is in it."""
        await self.intake.drained()
        self._hello_at = self.intake.position
        device = self._device
        if device is None and hints(token).device_id is None:
            device = self._own_device
        return frames.Auth(token=token, device_id=device, last_seq=self._hello_at, epoch=self.epoch, hints=True)

    def ready(self, frame: frames.Ready) -> None:
        """Authenticated: decides how the gap is closed."""
        if self.user_id not in (None, frame.user_id):
            raise StoreBelongsToAnother(f"The token is {frame.user_id}'s, the store {self.user_id}'s.")
        if self.user_id is None or self.epoch is None:
            self.user_id = frame.user_id
            self.epoch = self.epoch or frame.epoch
            self._spawn(self._store.claim(self.user_id, self.epoch))
        self._log_there = frame.epoch
        self._acked = min(frame.position, self._hello_at)
        self._target = frame.head_seq
        self._behind = frame.head_seq - self.intake.reach
        self._batches = 0
        self._holding = self._is_another_log
        if not self._holding and self._behind > LONG_GAP:
            self._fill_by_pages()
        self.outbox.limit(max_content=frame.max_content, max_frame=frame.max_frame)
        self.requests.limit(frame.max_frame)
        self.outbox.begin_again()
        self.read_marks.wake()
        self.drafts.wake()
        if self._watched:
            self.connection.send(frames.Presence(user_ids=list(self._watched)))
        self._advanced()

    def receive(self, frame: ServerFrame) -> None:
        """A frame after `ready`."""
        match frame:
            case frames.Offline() | LiveMessage() | LiveChange() | frames.Sent():
                self._take(frame)
            case frames.SyncBatch():
                if frame.reset_required:
                    self._holding = True
                    self._spawn(self._reset_and_go_on())
            case frames.Response():
                self.requests.answered(frame)
            case frames.Error():
                self._refused(frame)
            case frames.TypingNotice():
                self._delivery.tell(Typing(conversation_id=frame.conversation_id, user_id=frame.user_id))
            case frames.ReceiptsNotice():
                self._spawn(self.others.keep_marks(frame))
            case frames.ProfileNotice(user_id=user_id, version=version):
                self._delivery.tell(ProfileChanged(user_id=user_id, version=version))
                self._spawn(self.others.ask_profiles([user_id]))
            case frames.PresenceNotice():
                self._tell_presence(frame)

    def _tell_presence(self, frame: frames.PresenceNotice) -> None:
        for user_id, state in frame.users.items():
            self._delivery.tell(PresenceChanged(user_id=user_id, online=state.online, last_seen=state.last_seen))

    def _take(self, frame: LogFrame) -> None:
        if not self._is_another_log:
            self.intake.take(frame)

    @property
    def _is_another_log(self) -> bool:
        """Whether the server follows another log than the store: what it gives a place there has none here."""
        return self._log_there != self.epoch

    def _send_message(self, frame: frames.ClientFrame) -> bool:
        """Sends a message of the outbox, once its receipt will be of the log that the store is in.

        Sent before a reset, its receipt would be stored in what the reset forgets, and its copy look like news.
        """
        return not self._is_another_log and self.connection.send(frame)

    def lost(self) -> None:
        """The connection is over: what had no receipt is sent again on the next."""
        self._holding = False
        self.requests.lost()
        self.outbox.begin_again()

    def changed(self, event: StateChanged) -> None:
        """Tells the application; and asks what nobody could tell meanwhile."""
        self._delivery.tell(event)
        if event.state is State.CONNECTED:
            self._spawn(self.others.ask_marks())
            self._spawn(self.others.ask_profiles(None))
            self._spawn(self.others.read_anew())

    def watch(self, user_ids: list[str]) -> None:
        """Subscribes to the presence of these users, on this connection and those to come."""
        self._watched = user_ids
        self.connection.send(frames.Presence(user_ids=list(user_ids)))

    # --- the intake's events ---

    async def keep(self, messages: list[Message]) -> None:
        """Stores messages of a history page."""
        self._sent(await self._store.save_messages(messages))

    def _sent(self, messages: list[StoredMessage]) -> None:
        """These are out of the outbox: something other than a receipt or the log has brought them."""
        if messages:
            self.outbox.settled([message.message_id for message in messages])
        for message in messages:
            self._delivery.tell(MessageSent(message=message))
            self._delivery.tell(ConversationChanged(conversation_id=message.conversation_id))

    def _applied(self, outcome: Applied, position: int) -> None:
        """A transaction is on disk: now the server may know, then the application."""
        if outcome.settled:
            self.outbox.settled(outcome.settled)
        for message in outcome.sent:
            self._delivery.tell(MessageSent(message=message))
        for conversation_id in outcome.conversations:
            self._delivery.tell(ConversationChanged(conversation_id=conversation_id))
        if not self._holding and self.connection.state is State.SYNCING and not self.sync.running:
            self._batches += 1
            done = self._behind - max(0, self._target - position)
            self._delivery.tell(SyncProgress(done=done, total=self._behind, batch=self._batches))
        if outcome.stale and self.connection.state is State.CONNECTED:
            self._spawn(self.others.read_anew())
        self._advanced()
        self._delivery.wake()

    def _advanced(self) -> None:
        """Acks what is stored, and notices the end of catching up."""
        if self._holding:
            return
        position = self.intake.position
        if position > self._acked and self.connection.send(frames.Ack(seq=position)):
            self._acked = position
        if position >= self._target:
            self.connection.caught_up()

    def _gap(self, seq: int) -> None:
        """Something before `seq` is missing: the log has it."""
        self._target = max(self._target, seq)
        if not self._holding:
            self.connection.behind()
            self._fill_by_pages()

    def _broken(self, error: Exception) -> None:
        """What came could not be stored: it comes again on the next connection."""
        self.connection.drop(f"the store failed: {error}")

    # --- long gaps ---

    def _fill_by_pages(self) -> None:
        self._holding = True
        self.sync.start_sync().add_done_callback(self._filled)

    def _filled(self, task: asyncio.Future[SyncMetrics]) -> None:
        """The pages are stored: the socket goes on. If they could not be had, the next connection sees to it."""
        self._holding = False
        if task.cancelled() or task.exception() is not None:
            self.connection.drop("the log could not be read")
        elif self.intake.reach < self._target:  # the gap was noticed after the last page was read
            self._fill_by_pages()
        else:
            self._advanced()

    # --- starting from a snapshot ---

    async def must_reset(self) -> None:
        """The log does not reach back to our position, or is another: a snapshot is the way on."""
        seen = self._resets
        async with self._resetting:
            if self._resets != seen:
                return
            snapshot = await load_snapshot(self.http)
            await close_gap(self.http, self._store, await self._store.config(), snapshot)
            self._resets += 1
            await self._delivery.suspend()
            try:
                foreign, sent = await self.intake.take_snapshot(snapshot)
            finally:
                config = await self._store.config()
                self._delivery.resume(config.delivered_seq, config.delivered_id)
            self.epoch = snapshot.epoch
            logger.warning("the store starts again from a snapshot at seq %d", snapshot.max_seq)
            self._delivery.tell(StoreReset(position=snapshot.max_seq, epoch=snapshot.epoch, foreign_epoch=foreign))
            for conversation in snapshot.conversations:
                self._delivery.tell(ConversationChanged(conversation_id=conversation.conversation_id))
            self._sent(sent)
            self.outbox.wake()

    async def _reset_and_go_on(self) -> None:
        await self.must_reset()
        self.connection.drop("the store starts again from a snapshot")

    async def seen_epoch(self, epoch: str) -> None:
        """A page tells the log's epoch; the first one is kept."""
        if self.epoch is None:
            self.epoch = epoch
            if self.user_id is not None:
                await self._store.claim(self.user_id, epoch)

    async def tell_position(self) -> None:
        """After pages without a connection: the server is told how far they are stored; if not now, then later."""
        if self.connection.alive:
            return
        try:
            hello = await self.hello(await self._tokens.get())
            await visit.tell_position(self._url, hello, self.intake.position)
        except RoostError as error:
            logger.info("the server does not know yet what is stored: %s", error)

    def _refused(self, frame: frames.Error) -> None:
        if frame.message_id is not None:
            self._spawn(self.outbox.refused(frame.message_id, error_of(frame)))
        elif frame.request_id is not None:
            self.requests.refused(frame.request_id, error_of(frame))
        else:
            logger.warning("the server refused a frame: %s %s", frame.error, frame.message)
