"""One WebSocket connection: frames in, frames out (CONTRACT §4).

The session is the socket's user, the reader's sink and catchup's socket in one object, because there are many
thousands of it. The states it goes through are `roost.protocol.connection`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from roost import metrics
from roost.deliver.reader import Reader
from roost.edge.answering import as_batch
from roost.edge.api.requests import Asker
from roost.edge.paced import Paced
from roost.edge.socket import BINARY, TEXT
from roost.errors import InternalError, RoostError, SeqAhead, TokenRevoked, Unauthenticated
from roost.protocol import frames
from roost.protocol.close import CloseCode, restart_reason
from roost.protocol.codec import decode_client_json, error_frame
from roost.protocol.connection import Connection, State, Verdict
from roost.protocol.encoded import EncodedEntry, Encoding
from roost.protocol.protobuf import decode_client_protobuf

if TYPE_CHECKING:
    from roost.edge.auth.tokens import Claims
    from roost.edge.gateway import Gateway
    from roost.flow.catchup import Opening
    from roost.journal.contract import Author, LogState
    from roost.protocol.frames import AnyClientFrame

LOGGED_OUT = "logged out"
"""The reason that a connection is closed for whose token counts no more."""
RETRY_READING = 1.0
"""Seconds until reading a log is tried again after a fault (B6)."""

logger = structlog.get_logger()


class Session(Paced):
    """A connection from its upgrade to its end."""

    __slots__ = (
        "_connection",
        "_encoding",
        "_gateway",
        "_held",
        "_timer",
        "_token",
        "author",
        "claims",
        "hints",
        "reader",
        "unseen",
        "watched",
    )

    def __init__(self, gateway: Gateway, encoding: Encoding | None) -> None:
        """`encoding` is the negotiated subprotocol's; None lets the first frame decide."""
        super().__init__(gateway.turn)
        self._gateway = gateway
        self._encoding = encoding
        self._connection = Connection()
        self._timer: asyncio.TimerHandle | None = None
        self._held: list[AnyClientFrame] = []
        self._token = ""
        self.author: Author | None = None
        self.reader: Reader | None = None
        self.claims: Claims | None = None
        self.hints = False
        self.watched: frozenset[str] = frozenset()
        self.unseen: frozenset[str] = frozenset()

    # --- the socket's life ---

    def opened(self) -> None:
        """The first frame must come in time."""
        self._gateway.opened(self)
        self._timer = self._gateway.loop.call_later(self._gateway.auth_timeout, self._too_late)

    def gone(self) -> None:
        """Cleans up; the position is saved soon (B1)."""
        self._connection.closed()
        self._stop_timer()
        super().gone()
        self._gateway.closed(self)

    def full(self) -> None:
        """Nothing more is queued for the socket, and nothing more is taken from it."""
        if self.reader is not None:
            self.reader.leave_fast_lane()
            metrics.SLOW_READERS.inc()
        super().full()

    def room(self) -> None:
        """Reads on where it left."""
        super().room()
        if self.reader is not None:
            self.reader.wake()

    def hears(self, notice: frames.Passing) -> bool:
        """Whether the client is told of what passes: after `ready`, while there is room, and where it wants that."""
        wanted = self.hints or isinstance(notice, frames.TypingNotice)
        return wanted and self.writable and self._connection.state is State.READY

    def send_on(self, delay: float) -> None:
        """The node ends; the client comes back after so many seconds, to this node or to another."""
        self.close(CloseCode.RESTART, restart_reason(delay))

    def log_out(self) -> None:
        """The token counts no more: nothing is taken or delivered from now on. Who asked for it gets the answer."""
        self._connection.closed()
        self._gateway.detach(self)
        self.close_answered(CloseCode.REVOKED, LOGGED_OUT)

    def asker(self, author: Author) -> Asker:
        """Who asks for an operation here. Only connections that were let in have an author."""
        assert self.claims is not None
        return Asker(author, self.claims, self._token, self.address)

    def _too_late(self) -> None:
        self._refuse(Unauthenticated("No auth frame in time."), None)
        self.close(CloseCode.NO_AUTH_IN_TIME, "no auth frame in time")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- frames in ---

    def message(self, opcode: int, data: bytes) -> None:
        """One frame of the contract."""
        binary = opcode == BINARY
        if self._encoding is None:
            self._encoding = Encoding.PROTOBUF if binary else Encoding.JSON
        if not (binary or data.isascii() or _is_utf8(data)):
            self.close(CloseCode.INVALID_TEXT, "text frames are UTF-8")
            return
        try:
            frame = decode_client_protobuf(data) if binary else decode_client_json(data)
        except RoostError as refusal:
            self._refuse(refusal, None)
        else:
            self._take(frame)

    def _take(self, frame: AnyClientFrame) -> None:
        try:
            verdict = self._connection.receive(frame)
            if verdict is Verdict.HANDLE:
                self._handle(frame)
            elif verdict is Verdict.HOLD:
                self._held.append(frame)
                self.pause_reading(True)  # what follows waits in the kernel
            elif verdict is Verdict.AUTHENTICATE and isinstance(frame, frames.Auth):
                self._gateway.spawn(self._enter(frame))
        except RoostError as refusal:
            self._refuse(refusal, frame)
        except Exception:
            logger.exception("a frame failed", frame=type(frame).__name__, user=self.author and self.author.user_id)
            self._refuse(InternalError(), frame)

    def _handle(self, frame: AnyClientFrame) -> None:
        author, reader, roads = self.author, self.reader, self._gateway.roads
        if author is None or reader is None:  # only ready connections come here
            raise Unauthenticated
        if self._gateway.ending and not isinstance(frame, frames.Ack):
            return  # it has no answer when the connection closes, and so is sent again
        match frame:
            case frames.Private() | frames.Group():
                roads.submit.message(author, frame, partial(self._receipt, frame), address=self.address, via=self)
                self.begun(1)
            case frames.Ack(seq=seq):
                if seq > (head := reader.announced):
                    raise SeqAhead(f"ack {seq} is above the head of this log, {head}.", headSeq=head)
                roads.positions.ack(author, seq)
                reader.ack(seq)
            case frames.Ping():
                self.send(frames.Pong(server_time=roads.clock()))
            case _:
                self.ask(frame)

    async def answer(self, question: AnyClientFrame) -> None:
        """Answers what needs a look into the database."""
        try:
            if self.author is not None:
                await self._gateway.answering.answer(self, self.author, question)
        except RoostError as refusal:
            self._refuse(refusal, question)
        except Exception:
            logger.exception("a frame failed", frame=type(question).__name__, user=self.author and self.author.user_id)
            self._refuse(InternalError(), question)

    def _receipt(self, frame: frames.Private | frames.Group, outcome: frames.Sent | Exception) -> None:
        self.settled(1)
        if isinstance(outcome, frames.Sent):
            self.send(outcome)
        else:
            self._refuse(outcome if isinstance(outcome, RoostError) else InternalError(), frame)

    def _refuse(self, refusal: RoostError, frame: AnyClientFrame | None) -> None:
        metrics.REFUSALS.labels(refusal.slug).inc()
        self.send(error_frame(refusal, frame))

    def entered_with(self, claims: Claims) -> bool:
        """Whether the token that opened this connection is the one of `claims`, or of the same device."""
        mine = self.claims
        return mine is not None and (
            mine.token_id == claims.token_id or (mine.device_id is not None and mine.device_id == claims.device_id)
        )

    # --- coming in ---

    async def _enter(self, frame: frames.Auth) -> None:
        """Recovery in seven steps (B1). A fault is logged with its step and never drops the connection (B6)."""
        step = "authenticate"
        try:
            author, claims, known = await self._gateway.admit(frame, self.address)
            if self._connection.state is State.CLOSED:  # gone meanwhile: nobody would ever detach it
                return
            self.author, self.claims, self.hints = author, claims, frame.hints
            self._token = frame.token or ""
            reader = self._gateway.attach(self, author, follows=frame.last_seq is not None)
            step = "join the bus"
            await self._gateway.roads.bus.join(author.uid)
            await self._gateway.roads.pulling.enter(author.uid)
            step = "fetch position"
            opening = await self._gateway.roads.catchup.open(author, frame.last_seq, frame.epoch, known)
            if not self._connection.accepted():
                return
            self._stop_timer()
            self.send(self._gateway.ready(author, opening))
            if frame.last_seq is None:
                await self._send_missed(author, reader, opening)
            else:
                reader.start(0 if opening.reset else frame.last_seq, opening.state.head)
            if opening.reset:
                self.must_reset(opening.state)
            else:
                reader.go_on()
            self._take_held()
        except RoostError as refusal:
            self._turn_away(refusal)
        except Exception:
            logger.exception("recovery failed", step=step, user=self.author and self.author.user_id)
            self._turn_away(InternalError())

    async def _send_missed(self, author: Author, reader: Reader, opening: Opening) -> None:
        """The one `offline` batch of a simple connection (A6); whatever else waits is asked for over HTTP."""
        head = opening.state.head
        if opening.position < head:
            try:
                batch = await self._gateway.roads.catchup.offline_batch(author, opening)
                if batch is not None:
                    self.send(batch)
            except Exception:
                logger.exception("recovery failed", step="send missed messages", user=author.user_id)
        reader.start(head, head)

    def _take_held(self) -> None:
        """What came behind `auth`, now that it is answered: one more `auth` may be among it, and have more wait."""
        held, self._held = self._held, []
        for frame in held:
            self._take(frame)
        if not self._held:
            self.regulate()

    def _turn_away(self, refusal: RoostError) -> None:
        self._refuse(refusal, None)
        if isinstance(refusal, TokenRevoked):
            self.close(CloseCode.REVOKED, str(refusal))
        elif isinstance(refusal, Unauthenticated):
            self.close(CloseCode.BAD_TOKEN, str(refusal))
        elif self._connection.state is not State.CLOSED:  # may be tried again on this connection
            self._gateway.detach(self)
            self._connection.reopen()
            self._take_held()

    # --- the reader's sink, catchup's socket: frames out ---

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        """A live entry."""
        if self._encoding is Encoding.PROTOBUF:
            self.write(BINARY, entry.protobuf(seq))
        else:
            self.write(TEXT, entry.json(seq))
        if self.turn_is_full and self.reader is not None:
            self.reader.leave_fast_lane()

    def read_on(self) -> None:
        """The reader may read its log from its position; at the end of it there is nothing to be read."""
        reader = self.reader
        if reader is not None and self.writable and reader.caught_up():
            reader.reading = False
        else:
            self._gateway.spawn(self._read_on())

    async def _read_on(self) -> None:
        reader = self.reader
        if reader is None:
            return
        try:
            await self._gateway.roads.catchup.read_on(reader, self)
        except Exception:
            logger.exception("recovery failed", step="read the log", user=self.author and self.author.user_id)
            self._gateway.loop.call_later(RETRY_READING, reader.wake)

    def must_reset(self, state: LogState) -> None:
        """What comes next is not retained: the client takes a snapshot, and its ack says where it goes on."""
        reader = self.reader
        if reader is not None:
            reader.hold()
            self.send(as_batch(self._gateway.roads.catchup.reset_page(state, reader.position)))

    def send(self, frame: frames.ServerFrame | frames.SyncBatch) -> None:
        """Any frame."""
        encoding = self._encoding or Encoding.JSON
        self.write(BINARY if encoding is Encoding.PROTOBUF else TEXT, encoding.encode(frame))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
