"""Erasing what a user has left behind: in the background, a message a transaction, so that nobody waits for it.

That the user is gone (profile, password, tokens) was stored before, together with the task. The task says how far it
is; each step may be done twice and the second time changes nothing, so after a crash whoever takes it up goes on.

1. Push addresses go, and the names of the devices, with their positions; files that were not sent;
   what was to be sent later, and drafts; the list of blocked users; who made the user's reports, and their words;
   what became of pushes.
2. The user leaves all groups; everybody in them is told. Nobody writes to its private conversations any more. Its
   mutes, bans and invitations go.
3. Each message of the user is emptied as if recalled, for the reason `erased`: everybody in its conversation is told,
   by a log entry, so stores on devices that sleep now are emptied when they come back. So are the copies of what was
   reported.
4. The user's own log goes, which nobody can read any more.

What stays: the user id, which others' conversations are named after; that there was a message, that it was reported,
and what was found of it; and what others wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, select

from roost.db.database import Database
from roost.db.schema import conversations, devices, members, messages
from roost.errors import NotAMember, UnknownConversation
from roost.flow.fanout import Fanout
from roost.flow.groups.membership import Membership
from roost.flow.messages.changing import recalled
from roost.flow.operating import forgetting
from roost.flow.operating.forgetting import REASON
from roost.journal import rewriting
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.journal.positions import Positions
from roost.push.register import Register
from roost.roster import conversations as roster
from roost.roster import erasures, pins
from roost.roster.erasures import Erasure

PIECE = 100
"""Messages looked up at once."""
LEFT = 60_000
"""Milliseconds after which a task that nobody has gone on with is taken up by any node."""
FAR = 2**62
"""Milliseconds: no task was left later."""
LOOK = 30.0
"""Seconds between two looks for such a task."""

OWN = (
    select(
        messages.c.message_id,
        messages.c.mid,
        messages.c.recall_time,
        messages.c.cid,
        conversations.c.conversation_id,
    )
    .select_from(messages.join(conversations, conversations.c.cid == messages.c.cid))
    .where(messages.c.sender == bindparam("uid"), messages.c.message_id > bindparam("passed"))
    .order_by(messages.c.message_id)
    .limit(PIECE)
)
CONVERSATIONS = (
    select(conversations.c.conversation_id)
    .select_from(members.join(conversations, conversations.c.cid == members.c.cid))
    .where(members.c.uid == bindparam("uid"), conversations.c.dissolved_at.is_(None))
)

logger = structlog.get_logger()


class Erasing:
    """The road of erasing. `clock` gives milliseconds."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        fanout: Fanout,
        membership: Membership,
        register: Register,
        clock: Callable[[], int],
        *,
        positions: Positions,
        shared: bool,
    ) -> None:
        """`shared`: other nodes may be at it."""
        self._left = LEFT if shared else 0
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._membership = membership
        self._register = register
        self._positions = positions
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Does what there is to do, until cancelled."""
        while True:
            self._woken.clear()
            try:
                while await self.work():
                    pass
            except Exception:
                logger.exception("erasing a user's data waits")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._woken.wait()

    async def work(self) -> bool:
        """Erases one user's data, if somebody's is to be erased that no other node is at."""
        now = self._clock()
        task = await self._database.write(
            lambda tx: erasures.take_erasure(tx, now, now - self._left if self._left else FAR)
        )
        if task is None:
            return False
        await self._forget_devices(task)
        await self._database.write(lambda tx: forgetting.take_away_files(tx, task.uid, self._clock()))
        await self._database.write(lambda tx: forgetting.forget_wishes(tx, task.uid))
        await self._database.write(lambda tx: forgetting.forget_reports(tx, task.uid))
        while await self._database.write(lambda tx: forgetting.forget_pushes(tx, task.user_id)):
            await self._database.write(lambda tx: self._note(tx, task, task.passed, 0))
        await self._leave_conversations(task)
        await self._database.write(lambda tx: forgetting.forget_standing(tx, task.uid))
        passed = await self._empty_messages(task)
        while await self._database.write(lambda tx: forgetting.forget_log(tx, task.uid)):
            await self._database.write(lambda tx: self._note(tx, task, passed, 0))
        await self._database.write(lambda tx: erasures.note_done(tx, task.uid, self._clock()))
        return True

    async def _forget_devices(self, task: Erasure) -> None:
        await self._positions.save()  # what the devices have said last is not saved after they are forgotten
        query = select(devices.c.did).where(devices.c.uid == task.uid)
        for did in await self._database.read(lambda connection: list(connection.execute(query).scalars())):
            await self._register.remove(task.uid, did)
            await self._database.write(partial(forgetting.forget_device, uid=task.uid, did=did))

    async def _leave_conversations(self, task: Erasure) -> None:
        author, asked = Author(task.uid, 0, task.user_id, ""), {"uid": task.uid}
        names = await self._database.read(lambda connection: list(connection.execute(CONVERSATIONS, asked).scalars()))
        for name in names:
            if name.startswith("g:"):
                with contextlib.suppress(NotAMember, UnknownConversation):  # gone meanwhile
                    await self._membership.leave(author, name.removeprefix("g:"))
                await self._database.write(lambda tx: self._note(tx, task, task.passed, 0))
            else:
                await self._database.write(partial(self._close, task=task, name=name))

    def _close(self, tx: Connection, /, task: Erasure, name: str) -> None:
        """Nobody writes to a private conversation any more (see `roost.journal.rights`)."""
        roster.restrict(tx, roster.find_locked(tx, name).cid, restricted=True)
        self._journal.forget(name)
        self._note(tx, task, task.passed, 0)

    async def _empty_messages(self, task: Erasure) -> str:
        passed = task.passed
        while rows := await self._database.read(partial(_own, uid=task.uid, passed=passed)):
            for row in rows:
                if not row.recall_time:
                    await self._database.write(partial(self._empty, task=task, row=row), self._tell)
            passed = rows[-1].message_id
            await self._database.write(partial(self._pass, task=task, passed=passed, mids=[row.mid for row in rows]))
        return passed

    def _pass(self, tx: Connection, /, task: Erasure, passed: str, mids: Sequence[int]) -> None:
        """Messages are empty, also those that were recalled before: what was reported of them is emptied as well."""
        forgetting.empty_reported(tx, mids, self._clock())
        self._note(tx, task, passed, 0)

    def _empty(self, tx: Connection, /, task: Erasure, row: Any) -> Recorded | None:
        """Empties a message, and notes that it is; who is to be told is in the result."""
        told = roster.locked_audience(tx, row.conversation_id)
        message = rewriting.read(tx, row.mid)
        if message.recall_time:  # meanwhile
            return None
        if message.pinned:
            pins.unpin(tx, row.cid, row.mid)
        empty = recalled(message, self._clock(), REASON)
        empty.version += 1
        rewriting.rewrite(tx, empty)
        self._note(tx, task, row.message_id, 1)
        return self._journal.record(tx, empty, told, None)

    def _note(self, tx: Connection, task: Erasure, passed: str, emptied: int) -> None:
        erasures.note_progress(tx, task.uid, passed, emptied, self._clock())

    def _tell(self, recorded: Recorded | None) -> None:
        if recorded is not None:
            self._fanout.change(recorded)


def _own(connection: Connection, uid: int, passed: str) -> Sequence[Any]:
    return connection.execute(OWN, {"uid": uid, "passed": passed}).all()
