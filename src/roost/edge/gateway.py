"""The WebSocket gateway: lets connections in, keeps the node's sessions, and does for all what needs doing.

`Session` is one connection; what many of them share is here: the upgrade (origin, subprotocol), the check of
tokens, writing out at the end of a turn, the periodic sweep (leases, pings) and the saving of positions.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine, Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog
from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from roost import metrics
from roost.config import Config
from roost.deliver.bus import Advanced, Barred, Notice, Revoked
from roost.deliver.reader import Reader
from roost.edge.address import Proxies
from roost.edge.answering import Answering
from roost.edge.api.requests import Requests
from roost.edge.auth.tokens import Claims
from roost.edge.notices import Notices, sessions_of
from roost.edge.roads import Roads
from roost.edge.session import Session
from roost.edge.socket import Socket, Turn
from roost.flow.catchup import Opening
from roost.journal.contract import Author
from roost.journal.recent import SyncState
from roost.model import ids
from roost.protocol import frames
from roost.protocol.close import CloseCode
from roost.protocol.encoded import Encoding
from roost.roster.users import Identity

SWEEP = 15.0
"""Seconds between looks at all connections."""
SILENCE = 60.0
"""Seconds of silence after which a client is pinged; after twice as long its connection is ended."""
WEBSOCKET_VERSION = "13"
"""The one there is (RFC 6455 §4.4)."""
ANSWERS_WITHIN = 2.0
"""Seconds in which what clients have sent is answered, when the node ends."""
SPREAD = 4.0
"""Seconds over which the connections of a node that ends come back, at most."""
COME_BACK = 1000
"""How many of them a second: the nodes that are left authenticate more than that, and have their own to serve."""
LAST_WORDS = 1.0
"""Seconds in which what is under way may end, when all connections have."""
LOOK = 0.01
"""Seconds between two looks whether a connection may be closed."""

logger = structlog.get_logger()


class Gateway:
    """All WebSocket connections of a node."""

    def __init__(self, roads: Roads, config: Config, requests: Requests, loop: asyncio.AbstractEventLoop) -> None:
        self.roads = roads
        self.loop = loop
        self.auth_timeout = config.limits.auth_timeout
        self.max_frame = config.limits.max_frame
        self._max_content = config.limits.max_content
        self._window = config.sync.window
        self._save_interval = config.sync.save_interval
        self._origins = frozenset(config.server.origins)
        self._sessions: set[Session] = set()
        self.notices = Notices(roads)
        self.answering = Answering(roads, self.notices, requests)
        self.turn = Turn(loop, self.spawn, self._has_output, self.max_frame, Proxies(config.server.trusted_proxies))
        self._output: list[Socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._left: set[int] = set()
        self._save_now = asyncio.Event()
        self.ending = False
        """Whether nothing new is taken from clients: the node ends."""

    # --- the upgrade ---

    def open(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        """Answers an upgrade request: `/ws`, from an allowed origin, with a subprotocol we speak if any is named."""
        if urlsplit(request.path.decode("latin-1")).path != "/ws":
            return _refusal(404, b"WebSockets are at /ws")
        if request.headers.get("Sec-WebSocket-Version") != WEBSOCKET_VERSION:
            return _refusal(426, b"This is WebSocket version 13", {"Sec-WebSocket-Version": WEBSOCKET_VERSION})
        origin = request.headers.get("Origin")
        if origin is not None and not self._may_connect(origin, request.headers.get("Host", "")):
            return _refusal(403, b"Pages of this origin may not connect; see server.origins")
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        encoding = next((known for name in offered for known in Encoding if known.value == name), None)
        headers = {"Sec-WebSocket-Protocol": encoding.value} if encoding else {}
        response = WSUpgradeResponse.create_101_response(headers)
        return WSUpgradeResponseWithListener(response, Session(self, encoding))

    def _may_connect(self, origin: str, host: str) -> bool:
        return (
            "*" in self._origins
            or origin in self._origins
            or ("self" in self._origins and urlsplit(origin).netloc == host)
        )

    def opened(self, session: Session) -> None:
        """A connection is there, not authenticated yet."""
        self._sessions.add(session)
        if self.ending:
            session.send_on(0)

    def closed(self, session: Session) -> None:
        """A connection is gone: its position is saved soon, its lease ends with the user's last one (B1)."""
        self._sessions.discard(session)
        self.notices.forget(session)
        self.detach(session)

    # --- authentication ---

    async def admit(self, frame: frames.Auth, address: str) -> tuple[Author, Claims, SyncState | None]:
        """The author a token stands for, there, what it says, and the device's sync state, if that is known (B1).

        Raises `Unauthenticated` kinds or `InvalidID`.
        """
        claims = await self.roads.tokens.verify(frame.token or "")
        device = claims.device_id if frame.device_id is None else ids.device_id(frame.device_id)
        device = device or ids.DEFAULT_DEVICE
        known = await self.roads.positions.recall(claims.user_id, device)
        told = None if known is None else Identity(known.uid, known.did)
        identity = await self.roads.users.identify(claims.user_id, device, told)
        return Author(identity.uid, identity.did, claims.user_id, device, address, claims.bot), claims, known

    def attach(self, session: Session, author: Author, *, follows: bool) -> Reader:
        """From now on the session is told of new entries; it is held until it knows where to start."""
        reader = Reader(session, author.uid, author.did, follows=follows, window=self._window)
        session.reader = reader
        self.roads.hub.attach(reader)
        metrics.CONNECTIONS.inc()
        self.spawn(self.roads.presence.renew(author.user_id))
        return reader

    def detach(self, session: Session) -> None:
        """Ends this."""
        author, reader, session.reader = session.author, session.reader, None
        if reader is None or author is None:
            return
        self.roads.hub.detach(reader)
        metrics.CONNECTIONS.dec()
        self._left.add(author.did)
        self._save_now.set()
        if not self.roads.hub.has(author.uid):
            self.roads.bus.leave(author.uid)
            self.roads.pulling.leave(author.uid)
            self.spawn(self._leave(author))

    async def _leave(self, author: Author) -> None:
        presence = self.roads.presence
        if not await presence.leave(author.user_id):
            return
        state = (await presence.query([author.user_id]))[author.user_id]
        if not (state.online or self.roads.hub.has(author.uid)):  # back by now
            self.notices.tell_presence(author.user_id, state)

    def ready(self, author: Author, opening: Opening) -> frames.Ready:
        """The frame that says so; and those who watch the user learn that it is here."""
        self.notices.tell_presence(author.user_id, frames.Online(online=True, last_seen=self.roads.clock()))
        return frames.Ready(
            user_id=author.user_id,
            device_id=author.device_id,
            head_seq=opening.state.head,
            epoch=self.roads.catchup.epoch,
            position=opening.position,
            window=self._window,
            max_content=self._max_content,
            max_frame=self.max_frame,
            server_time=self.roads.clock(),
        )

    def revoke(self, author: Author, claims: Claims) -> None:
        """A device was logged out with the token of `claims`: its connections end, at all nodes."""
        self._end(author.uid, author.did, claims)
        user, device, token, end = claims[:4]
        self.roads.bus.tell(Revoked(author.uid, author.did, user, device, token, end), None)

    def bar(self, uid: int, user_id: str, since: int) -> None:
        """Of a user's tokens only those issued since then count: what others have opened ends, at all nodes."""
        self._end_barred(uid)
        self.roads.bus.tell(Barred(uid, user_id, since), None)

    def _end_barred(self, uid: int) -> None:
        for session in sessions_of(self.roads.hub, [uid]):
            if session.claims is not None and self.roads.tokens.is_revoked(session.claims):
                session.log_out()

    def _end(self, uid: int, did: int, claims: Claims) -> None:
        """Ends what a device has open, and what was opened with its token, whatever device `auth` named."""
        for session in sessions_of(self.roads.hub, [uid]):
            if (session.reader and session.reader.device == did) or session.entered_with(claims):
                session.log_out()

    def end_revoked(self) -> None:
        """Tokens were revoked at other nodes: what was opened with them ends."""
        for session in list(self._sessions):
            if session.claims is not None and self.roads.tokens.is_revoked(session.claims):
                session.log_out()

    # --- what other nodes tell ---

    def hear(self, notice: Notice, uids: Sequence[int]) -> None:
        """What another node tells that is no entry; `uids` are the users here whom it concerns."""
        match notice:
            case Advanced():
                self.roads.pulling.hear(notice, uids)
            case Revoked(uid=uid, did=did):
                claims = Claims(notice.user_id, notice.device_id, notice.token_id, notice.expires_at)
                self.spawn(self.roads.tokens.refuse(claims))
                self._end(uid, did, claims)
            case Barred(uid=uid, user_id=user_id, since=since):
                self.roads.tokens.bar(user_id, since)
                self._end_barred(uid)
            case _:
                self.notices.hear(notice, uids)

    # --- for all sessions ---

    def _has_output(self, socket: Socket) -> None:
        """The socket has something to write: it leaves at the end of this turn of the event loop."""
        if not self._output:
            self.loop.call_soon(self._flush)
        self._output.append(socket)

    def _flush(self) -> None:
        output, self._output = self._output, []
        for socket in output:
            socket.flush()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something beside; a failure is logged."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task failed", exc_info=error)

    async def run(self) -> None:
        """The periodic work, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_forever())
            group.create_task(self._save_forever())
            group.create_task(self.notices.run())

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP, self.auth_timeout))
            for session in list(self._sessions):
                silent = self.loop.time() - session.heard
                if silent > 2 * SILENCE:
                    session.close(CloseCode.TOO_SLOW, "nothing was heard for too long")
                    continue
                if silent > SILENCE and session.writable:
                    session.ping()
            await self.roads.presence.renew(
                *{one.author.user_id for one in self._sessions if one.reader and one.author}
            )

    async def _save_forever(self) -> None:
        """Positions are saved every few seconds, and soon after a disconnect (B1)."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._save_interval):  # `wait_for` may swallow a cancellation
                    await self._save_now.wait()
            self._save_now.clear()
            await self.save()

    async def save(self) -> None:
        """Saves the positions that moved, and when the devices that left were last seen. A fault is logged (B6)."""
        left, self._left = self._left, set()
        try:
            metrics.POSITIONS_SAVED.inc(await self.roads.positions.save())
            if left:
                await self.roads.users.seen(left)
        except Exception:
            logger.exception("saving failed", step="save positions")
            self._left |= left

    async def drain(self) -> None:
        """Ends all connections with 4000: each as soon as what it had sent is answered, spread over some seconds."""
        self.ending = True
        staying = set(self._sessions)
        delays = itertools.count(0, min(1 / COME_BACK, SPREAD / max(1, len(staying))))
        until = self.loop.time() + ANSWERS_WITHIN
        while staying:
            late = self.loop.time() > until
            for session in [one for one in staying if late or not one.is_waited_for]:
                staying.remove(session)
                session.send_on(next(delays))
            await asyncio.sleep(LOOK)

    async def close(self) -> None:
        """Ends what is under way, and saves. That users have left with this node is said first."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS)
        for task in list(self._tasks):
            task.cancel()
        await self.save()


def _refusal(status: int, reason: bytes, headers: dict[str, str] | None = None) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, reason, headers), None)
