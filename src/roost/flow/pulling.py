"""Pulling: from the log of a large conversation into the logs of its members (see `roost.journal.large`).

Who is here is pulled for as soon as something is there: for all readers of this node at once, some hundred in one
transaction, so that nobody's message waits long. Who comes, or asks over HTTP, is pulled for first. Who is away costs
nothing.

That something is there is a hint, as everything between nodes: one that is lost is found by the watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

import structlog
from sqlalchemy import Connection

from roost.db.database import Database
from roost.deliver.bus import Advanced, Bus, advancing
from roost.deliver.hub import Hub
from roost.flow.fanout import Fanout
from roost.journal import large
from roost.journal.journal import Journal
from roost.journal.pulling import Pulled

TOGETHER = 250
"""Members pulled for in one transaction: a few milliseconds."""
TRY_AGAIN = 1.0
"""Seconds until a pulling that has failed is tried again."""

logger = structlog.get_logger()


class Pulling:
    """Pulls for the readers of one node, and for whoever asks it."""

    def __init__(self, database: Database, journal: Journal, fanout: Fanout, hub: Hub, bus: Bus) -> None:
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._hub = hub
        self._bus = bus
        self._here: dict[int, set[int]] = {}
        """The members (uids) who are connected here, by conversation (cid)."""
        self._of: dict[int, set[int]] = {}
        """The other way round."""
        self._advanced: dict[int, None] = {}
        self._called = asyncio.Event()
        self._joining: set[asyncio.Task[None]] = set()
        self.any = False
        """Whether there is any large conversation, as far as this node knows."""
        fanout.advanced = self.advance

    async def begin(self) -> None:
        """Looks whether there is anything to pull; before anybody reads a log here."""
        self.any = await self._database.read(large.exists)

    # --- who is here ---

    async def enter(self, uid: int) -> None:
        """A user is connected, and told of the large conversations from now on."""
        if self.any and uid not in self._of:
            cids = await self._database.read(lambda connection: large.conversations_of(connection, uid))
            await self._join([(uid, cid) for cid in cids])

    async def _join(self, members: Iterable[tuple[int, int]]) -> None:
        new: list[int] = []
        for uid, cid in members:
            if not self._hub.has(uid):
                continue
            self._of.setdefault(uid, set()).add(cid)
            if cid not in self._here:
                new.append(cid)
            self._here.setdefault(cid, set()).add(uid)
        if new:
            await self._bus.join(*map(advancing, new))

    def leave(self, uid: int) -> None:
        """The user's last connection is gone."""
        for cid in self._of.pop(uid, ()):
            here = self._here[cid]
            here.discard(uid)
            if not here:
                del self._here[cid]
                self._bus.leave(advancing(cid))

    # --- hints ---

    def advance(self, cid: int) -> None:
        """Something was committed to the log of a large conversation: readers here are told, and other nodes."""
        self._pull_soon(cid)
        self._bus.tell(Advanced(cid), [advancing(cid)])

    def joined(self, cid: int, uids: Collection[int]) -> None:
        """These belong to a large conversation from now on."""
        self._spawn(cid, [uid for uid in uids if self._hub.has(uid)])
        if not self.any:  # the first one there is: every node is to know
            self._bus.tell(Advanced(cid), None)
        self.any = True
        self._bus.tell(Advanced(cid), list(uids))

    def hear(self, notice: Advanced, uids: Sequence[int]) -> None:
        """Another node tells so; `uids` are new members who are here."""
        self.any = True
        self._spawn(notice.cid, uids)
        self._pull_soon(notice.cid)

    def _spawn(self, cid: int, uids: Sequence[int]) -> None:
        """Their readers are told from now on; what was committed meanwhile is pulled at once."""
        if uids:
            task = asyncio.get_running_loop().create_task(self._join([(uid, cid) for uid in uids]))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)
            task.add_done_callback(lambda _: self._pull_soon(cid))

    def _pull_soon(self, cid: int) -> None:
        if cid in self._here:
            self._advanced[cid] = None
            self._called.set()

    async def look(self) -> None:
        """What no hint has told: readers here whose logs lack something (see `roost.deliver.watch`)."""
        self.any = self.any or await self._database.read(large.exists)
        if not self.any:
            return
        uids = self._hub.uids()
        for first in range(0, len(uids), TOGETHER):
            piece = uids[first : first + TOGETHER]
            found = await self._database.read(lambda connection, piece=piece: large.behind(connection, piece))  # type: ignore[misc]
            await self._join([(cursor.uid, cursor.cid) for cursor in found])
            for cursor in found:
                self._pull_soon(cursor.cid)

    # --- pulling ---

    async def bring(self, uid: int) -> None:
        """Enters all that a user's log lacks: before it is read by who was not here."""
        if not self.any:
            return
        while await self._database.read(lambda connection: large.is_pending(connection, uid)):
            await self._pull([uid], None)

    async def run(self) -> None:
        """Pulls for who is here, until cancelled."""
        stuck = False
        while True:
            await self._called.wait()
            self._called.clear()
            advanced, self._advanced = self._advanced, {}
            for cid in advanced:
                try:
                    await self._pull_for_all(cid)
                    stuck = False
                except Exception as error:  # noqa: BLE001 - said once, and tried again
                    if not stuck:
                        logger.warning("a large conversation waits", reason=str(error) or repr(error))
                    stuck = True
                    asyncio.get_running_loop().call_later(TRY_AGAIN, self._pull_soon, cid)

    async def _pull_for_all(self, cid: int) -> None:
        uids = sorted(self._here.get(cid, ()))
        for first in range(0, len(uids), TOGETHER):
            while await self._pull(uids[first : first + TOGETHER], cid):
                pass

    async def _pull(self, uids: Sequence[int], cid: int | None) -> bool:
        """Pulls a piece; whether there is more."""

        def change(tx: Connection) -> Pulled:
            return self._journal.pull(tx, uids, cid)

        def tell(pulled: Pulled) -> None:
            for told in pulled.told:
                self._fanout.pulled(told.what, told.places)

        return (await self._database.write(change, tell)).more
