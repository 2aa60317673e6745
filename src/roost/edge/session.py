"""One WebSocket connection: frames in, frames out (CONTRACT §4).

The session is picows' listener, the reader's sink and catchup's socket in one object, because there are many
thousands of it. What it sends within one turn of the event loop leaves in one write: the receipts and deliveries
of a whole commit are one system call per connection.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from picows import WSCloseCode, WSListener, WSMsgType, WSTransport

from roost import metrics
from roost.deliver.reader import Reader
from roost.edge.websocket import frame_header
from roost.errors import InternalError, RoostError, SeqAhead, TokenRevoked, Unauthenticated
from roost.protocol import frames
from roost.protocol.close import CloseCode
from roost.protocol.codec import decode_client_json, error_frame
from roost.protocol.connection import Connection, State, Verdict
from roost.protocol.encoded import EncodedEntry, Encoding
from roost.protocol.protobuf import decode_client_protobuf

if TYPE_CHECKING:
    from roost.edge.gateway import Gateway
    from roost.journal.contract import Author, LogState
    from roost.protocol.frames import AnyClientFrame

MAX_IN_FLIGHT = 1024
"""Sends of one connection that wait for their receipt; beyond it, it is not read from until half are answered."""
MAX_TURN = 256 * 1024
"""Bytes written to one connection in one turn of the event loop before its reader leaves the fast lane."""
RETRY_READING = 1.0
"""Seconds until reading a log is tried again after a fault (B6)."""

logger = structlog.get_logger()


class Session(WSListener):  # type: ignore[misc]
    """A connection from its upgrade to its end."""

    __slots__ = (
        "_closing",
        "_connection",
        "_encoding",
        "_gateway",
        "_held",
        "_in_flight",
        "_out",
        "_partial",
        "_paused",
        "_timer",
        "_transport",
        "_turn",
        "author",
        "heard",
        "reader",
        "token_id",
        "watched",
        "writable",
    )

    def __init__(self, gateway: Gateway, encoding: Encoding | None) -> None:
        """`encoding` is the negotiated subprotocol's; None lets the first frame decide."""
        self._gateway = gateway
        self._encoding = encoding
        self._connection = Connection()
        self._transport: WSTransport = None
        self._timer: asyncio.TimerHandle | None = None
        self._held: list[AnyClientFrame] | None = None
        self._partial: tuple[WSMsgType, bytearray] | None = None
        self._in_flight = 0
        self._paused = False
        self._closing = False
        self._out: list[bytes] = []
        self._turn = 0
        self.author: Author | None = None
        self.reader: Reader | None = None
        self.token_id = ""
        self.watched: frozenset[str] = frozenset()
        self.writable = True
        self.heard = gateway.now

    # --- picows' listener: bytes in ---

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done: the first frame must come in time."""
        self._transport = transport
        transport.request.headers.clear()  # nobody asks again, and headers are kilobytes
        transport.response.headers.clear()
        self._gateway.opened(self)
        self._timer = self._gateway.loop.call_later(self._gateway.auth_timeout, self._too_late)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        """The connection is gone, whoever ended it."""
        self._connection.closed()
        self._stop_timer()
        self._gateway.closed(self)

    def on_ws_frame(self, transport: WSTransport, frame: Any) -> None:
        """One WebSocket frame. Messages in several frames are put together, up to the size of one."""
        kind = frame.msg_type
        self.heard = self._gateway.now
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(WSCloseCode.PROTOCOL_ERROR, "no extension was negotiated")
        elif kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            if self._partial is not None:
                self.close(WSCloseCode.PROTOCOL_ERROR, "expected a continuation")
            elif frame.fin:
                self._receive(kind, frame.get_payload_as_bytes())
            else:
                self._partial = (kind, bytearray(frame.get_payload_as_bytes()))
        elif kind is WSMsgType.CONTINUATION:
            self._continue(frame)
        elif kind is WSMsgType.CLOSE:
            code = frame.get_close_code()
            transport.send_close(WSCloseCode.OK if code == WSCloseCode.NO_INFO else code)
            transport.disconnect()

    def _continue(self, frame: Any) -> None:
        if self._partial is None:
            self.close(WSCloseCode.PROTOCOL_ERROR, "nothing to continue")
            return
        kind, parts = self._partial
        parts += frame.get_payload_as_bytes()
        if len(parts) > self._gateway.max_frame:
            self.close(WSCloseCode.MESSAGE_TOO_BIG, f"at most {self._gateway.max_frame} bytes")
        elif frame.fin:
            self._partial = None
            self._receive(kind, bytes(parts))

    def pause_writing(self) -> None:
        """The socket's buffer is full: nothing more is queued for it, and nothing more is taken from it."""
        self.writable = False
        if self.reader is not None:
            self.reader.leave_fast_lane()
            metrics.SLOW_READERS.inc()
        self._regulate()

    def resume_writing(self) -> None:
        """The buffer has room again."""
        self.writable = True
        self._regulate()
        if self.reader is not None:
            self.reader.wake()

    # --- frames ---

    def _receive(self, kind: WSMsgType, data: bytes) -> None:
        if self._closing:
            return
        binary = kind is WSMsgType.BINARY
        if self._encoding is None:
            self._encoding = Encoding.PROTOBUF if binary else Encoding.JSON
        frame: AnyClientFrame | None = None
        try:
            frame = decode_client_protobuf(data) if binary else decode_client_json(data)
            verdict = self._connection.receive(frame)
            if verdict is Verdict.HANDLE:
                self._handle(frame)
            elif verdict is Verdict.AUTHENTICATE:
                self._authenticate(frame)
            elif verdict is Verdict.HOLD and self._held is not None:
                self._held.append(frame)
        except RoostError as refusal:
            self._refuse(refusal, frame)
            if frame is None and not binary and not _is_utf8(data):
                self.close(WSCloseCode.INVALID_TEXT, "text frames are UTF-8")
        except Exception:
            logger.exception("a frame failed", frame=type(frame).__name__, user=self.author and self.author.user_id)
            self._refuse(InternalError(), frame)

    def _handle(self, frame: AnyClientFrame) -> None:
        author, reader, roads = self.author, self.reader, self._gateway.roads
        if author is None or reader is None:  # only ready connections come here
            raise Unauthenticated
        match frame:
            case frames.Private() | frames.Group():
                roads.submit.message(author, frame, partial(self._receipt, frame), self)
                self._in_flight += 1
                self._regulate()
            case frames.Ack(seq=seq):
                if seq > reader.announced:
                    raise SeqAhead(f"ack {seq} is above the head of this log, {reader.announced}.")
                roads.positions.ack(author, seq)
                reader.ack(seq)
            case frames.Sync():
                self._later(self._sync(author, frame), frame)
            case frames.Read():
                self._later(roads.conversations.read(author, frame.conversation_id, frame.conversation_seq), frame)
            case frames.Typing():
                self._later(self._gateway.typing(self, author, frame.conversation_id), frame)
            case frames.Presence():
                self._later(self._gateway.watch(self, frame.user_ids), frame)
            case frames.Ping():
                self.send(frames.Pong(server_time=roads.clock()))

    async def _sync(self, author: Author, frame: frames.Sync) -> None:
        page = await self._gateway.roads.catchup.page(author, frame.last_seq, frame.count, frame.epoch)
        self.send(frames.SyncBatch(**{name: getattr(page, name) for name in frames.Page.__struct_fields__}))

    def _receipt(self, frame: frames.Private | frames.Group, outcome: frames.Sent | Exception) -> None:
        self._in_flight -= 1
        if self._paused:
            self._regulate()
        if isinstance(outcome, frames.Sent):
            self.send(outcome)
        else:
            self._refuse(outcome if isinstance(outcome, RoostError) else InternalError(), frame)

    def _regulate(self) -> None:
        """Stops reading from a client that sends faster than it is answered, or does not read its answers."""
        full = not self.writable or self._in_flight >= (MAX_IN_FLIGHT // 2 if self._paused else MAX_IN_FLIGHT)
        if full is not self._paused and not self._transport.is_disconnected:
            self._paused = full
            transport = self._transport.underlying_transport
            (transport.pause_reading if full else transport.resume_reading)()

    def _later(self, work: Any, frame: AnyClientFrame) -> None:
        async def run() -> None:
            try:
                await work
            except RoostError as refusal:
                self._refuse(refusal, frame)
            except Exception:
                logger.exception("a frame failed", frame=type(frame).__name__)
                self._refuse(InternalError(), frame)

        self._gateway.spawn(run())

    def _refuse(self, refusal: RoostError, frame: AnyClientFrame | None) -> None:
        metrics.REFUSALS.labels(refusal.slug).inc()
        message_id = frame.message_id if isinstance(frame, frames.Send) else None
        self.send(error_frame(refusal, None if message_id is None else str(message_id)))

    # --- authentication ---

    def _authenticate(self, frame: AnyClientFrame) -> None:
        self._held = []
        self._gateway.spawn(self._enter(frame))

    async def _enter(self, frame: frames.Auth) -> None:
        """Recovery in seven steps (B1). A fault is logged with its step and never drops the connection (B6)."""
        step = "authenticate"
        try:
            self.author, self.token_id = await self._gateway.admit(frame)
            step = "fetch position"
            reader = self._gateway.attach(self, self.author, follows=frame.last_seq is not None)
            opening = await self._gateway.roads.catchup.open(self.author, frame.last_seq, frame.epoch)
            if not self._connection.accepted():
                return
            self._stop_timer()
            self.send(self._gateway.ready(self.author, opening))
            step = "send missed messages"
            await self._start(reader, frame, opening.state, reset=opening.reset)
            step = "live"
            held, self._held = self._held or [], None
            for earlier in held:
                self._handle_held(earlier)
        except RoostError as refusal:
            self._entry_refused(refusal)
        except Exception:
            logger.exception("recovery failed", step=step, user=self.author and self.author.user_id)
            self._entry_refused(InternalError())

    async def _start(self, reader: Reader, frame: frames.Auth, state: LogState, *, reset: bool) -> None:
        if frame.last_seq is not None:
            reader.start(0 if reset else frame.last_seq, state.head)
            if reset:
                self.must_reset(state)
            else:
                reader.go_on()
            return
        position = state.head
        try:
            batch, state = await self._gateway.roads.catchup.offline_batch(self.author)
            position = state.head
            if batch is not None:
                self.batch(batch)
        except Exception:
            logger.exception("recovery failed", step="send missed messages", user=self.author and self.author.user_id)
        reader.start(position, position)
        reader.go_on()

    def _handle_held(self, frame: AnyClientFrame) -> None:
        try:
            self._handle(frame)
        except RoostError as refusal:
            self._refuse(refusal, frame)

    def _entry_refused(self, refusal: RoostError) -> None:
        self._refuse(refusal, None)
        if isinstance(refusal, TokenRevoked):
            self.close(CloseCode.REVOKED, str(refusal))
        elif isinstance(refusal, Unauthenticated):
            self.close(CloseCode.BAD_TOKEN, str(refusal))
        else:  # may be tried again on this connection
            self._gateway.detach(self)
            if self._connection.state is not State.CLOSED:
                self._connection.reopen()

    def _too_late(self) -> None:
        self._refuse(Unauthenticated("No auth frame in time."), None)
        self.close(CloseCode.NO_AUTH_IN_TIME, "no auth frame in time")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the reader's sink, catchup's socket: bytes out ---

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        """A live entry."""
        if self._encoding is Encoding.PROTOBUF:
            self._write(entry.protobuf(seq), 2)
        else:
            self._write(entry.json(seq), 1)
        if self._turn > MAX_TURN and self.reader is not None:
            self.reader.leave_fast_lane()

    def read_on(self) -> None:
        """The reader may read its log from its position."""
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

    def batch(self, frame: frames.Offline) -> None:
        """A batch of what was missed."""
        self.send(frame)

    def must_reset(self, state: LogState) -> None:
        """What comes next is not retained: the client takes a snapshot, and its ack says where it goes on."""
        reader = self.reader
        if reader is not None:
            reader.hold()
            page = self._gateway.roads.catchup.reset_page(state, reader.position)
            self.send(frames.SyncBatch(**{name: getattr(page, name) for name in frames.Page.__struct_fields__}))

    def send(self, frame: frames.ServerFrame | frames.SyncBatch) -> None:
        """Any frame."""
        encoding = self._encoding or Encoding.JSON
        self._write(encoding.encode(frame), 2 if encoding is Encoding.PROTOBUF else 1)

    def _write(self, payload: bytes, opcode: int) -> None:
        out = self._out
        if not out:
            self._gateway.has_output(self)
        size = len(payload)
        self._turn += size
        out.append(frame_header(size, opcode))
        out.append(payload)

    def flush(self) -> None:
        """Writes what was sent in this turn of the event loop."""
        out, self._out, turn, self._turn = self._out, [], self._turn, 0
        if out and not self._transport.is_disconnected and not self._transport.is_close_frame_sent:
            self._transport.underlying_transport.write(b"".join(out))
        if turn > MAX_TURN and self.reader is not None and self.writable:
            self.reader.wake()

    def ping(self) -> None:
        """Asks a silent client whether it is there (RFC 6455 §5.5.2)."""
        self.flush()
        self._transport.send_ping()

    def close(self, code: int, reason: str) -> None:
        """Ends the connection, after what was sent has left."""
        if self._closing:
            return
        self._closing = True
        self._stop_timer()
        self.flush()
        self._transport.send_close(code, reason[:120].encode())
        self._gateway.loop.call_later(self._gateway.close_timeout, self._transport.disconnect, False)

    def shutdown(self) -> None:
        """The server ends; the client comes back to the next."""
        self.close(CloseCode.RESTART, "the server restarts")
        self._transport.disconnect()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
