"""Drafts: what a user has begun to write, on all of the user's devices (D9).

There is one for each conversation, and the last writer wins: the server counts its versions. What is written is stored
at once, and told by the user's own log, at most every few seconds for one conversation: what comes sooner waits in the
database for its turn, and only the newest is told. A message that is sent clears the draft of its conversation, a
moment later, unless that was written after the message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select, update

from roost.admit import rules
from roost.db.database import Database
from roost.db.schema import drafts
from roost.errors import LimitReached
from roost.flow.fanout import Fanout
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.model.message import Change
from roost.protocol.answers import Draft
from roost.roster import conversations as roster

PAUSE = 3_000
"""Milliseconds between two log entries about the draft of one conversation."""
MOST = 500
"""Drafts of one user that are not empty."""
AT_ONCE = 100
"""Drafts that are told, or looked up, at once."""

_uid: BindParameter[int] = bindparam("of")
_name: BindParameter[str] = bindparam("name")
_mine = (drafts.c.uid == _uid) & (drafts.c.conversation_id == _name)
_ROW = (drafts.c.conversation_id, drafts.c.content, drafts.c.version, drafts.c.updated_at)
ONE = select(*_ROW, drafts.c.did, drafts.c.logged_at, drafts.c.due_at).where(_mine).with_for_update()
LISTED = select(*_ROW).where(drafts.c.uid == _uid, drafts.c.content != "").order_by(drafts.c.conversation_id)
COUNT = select(func.count()).select_from(drafts).where(drafts.c.uid == _uid, drafts.c.content != "")
WRITE = (
    update(drafts)
    .where(_mine)
    .values(
        content=bindparam("text"),
        version=bindparam("number"),
        updated_at=bindparam("now"),
        did=bindparam("by"),
        logged_at=bindparam("logged"),
        due_at=bindparam("due"),
    )
)
TOLD = update(drafts).where(_mine).values(logged_at=bindparam("now"), due_at=None)
DUE = (
    select(drafts.c.uid, drafts.c.conversation_id)
    .where(drafts.c.due_at <= bindparam("now"))
    .order_by(drafts.c.due_at)
    .limit(AT_ONCE)
)
NEXT = select(func.min(drafts.c.due_at))
WRITTEN = select(drafts.c.uid, drafts.c.conversation_id, drafts.c.updated_at).where(
    drafts.c.uid.in_(bindparam("uids", expanding=True)), drafts.c.content != ""
)


class Drafts:
    """The road of drafts: `work` tells what waits to be told."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        fanout: Fanout,
        clock: Callable[[], int],
        *,
        max_content: int,
    ) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._clock = clock
        self._max_content = max_content
        self._sent: dict[tuple[int, str], int] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when there is something to be told, or to be cleared."""

    async def save(self, author: Author, conversation_id: str, content: str) -> Draft:
        """Keeps what the author has begun to write in a conversation, or nothing.

        Raises `ContentTooLong`, `InvalidInput`, `LimitReached`; of a group `UnknownConversation` or `NotAMember`, but
        who has left may still clear what was begun there.
        """
        if content:
            rules.check_content(content, self._max_content)

        def change(tx: Connection) -> tuple[Draft, Recorded | None]:
            mine = {"of": author.uid, "name": conversation_id}
            if conversation_id.startswith("g:") and (content or tx.execute(ONE, mine).first() is None):
                roster.membership(tx, roster.find(tx, conversation_id).cid, author.uid)
            return self._write(tx, author, conversation_id, content)

        return (await self._database.write(change, self._tell))[0]

    async def listed(self, author: Author) -> list[Draft]:
        """What the author has begun to write."""
        return await self._database.read(lambda connection: of_user(connection, author.uid))

    def sent(self, uid: int, conversation_id: str, at: int) -> None:
        """A message of the user (uid) is in a conversation since `at` (ms)."""
        if uid and len(self._sent) < 100 * AT_ONCE:  # more than that is no typing
            self._sent[uid, conversation_id] = at
            self.changed()

    async def work(self) -> int | None:
        """Tells what is due and clears what was sent; returns when the next is due (ms), or None."""
        await self._clear()
        while True:
            now = self._clock()
            due = await self._database.read(lambda connection: connection.execute(DUE, {"now": now}).all())  # noqa: B023
            for uid, name in due:
                await self._database.write(lambda tx: self._tell_of(tx, uid, name), self._tell)  # noqa: B023
            if len(due) < AT_ONCE:
                return await self._database.read(lambda connection: connection.execute(NEXT).scalar())

    async def _clear(self) -> None:
        """Clears the drafts of conversations in which their authors have written since."""
        sent, self._sent = self._sent, {}
        uids = sorted({uid for uid, _ in sent})
        for first in range(0, len(uids), AT_ONCE):
            asked = {"uids": uids[first : first + AT_ONCE]}
            rows = await self._database.read(lambda connection: connection.execute(WRITTEN, asked).all())  # noqa: B023
            for uid, name, updated_at in rows:
                if updated_at <= sent.get((uid, name), -1):
                    author = Author(uid, 0, "", "")
                    await self._database.write(lambda tx: self._clear_one(tx, author, name, updated_at), self._tell)  # noqa: B023

    def _clear_one(self, tx: Connection, author: Author, name: str, updated_at: int) -> tuple[Draft, Recorded | None]:
        row = tx.execute(ONE, {"of": author.uid, "name": name}).one()
        if row.updated_at != updated_at:  # written again meanwhile
            return _shown(row), None
        return self._write(tx, author, name, "")

    def _write(self, tx: Connection, author: Author, name: str, content: str) -> tuple[Draft, Recorded | None]:
        key = {"of": author.uid, "name": name}
        row, now = tx.execute(ONE, key).first(), self._clock()
        if row is not None and row.content == content:
            return _shown(row), None
        if content and not (row and row.content) and tx.execute(COUNT, {"of": author.uid}).scalar_one() >= MOST:
            raise LimitReached(f"A user has at most {MOST} drafts.", limit=MOST)
        if row is None:
            fresh = {"content": "", "version": 0, "updated_at": now, "did": 0, "logged_at": 0}
            tx.execute(insert(drafts).values(uid=author.uid, conversation_id=name, **fresh))
        draft = Draft(conversation_id=name, content=content, version=1 + (row.version if row else 0), update_time=now)
        logged = row.logged_at if row else 0
        waits = content != "" and now < logged + PAUSE
        values = {"text": content, "number": draft.version, "now": now, "by": author.did}
        values |= {"logged": logged, "due": logged + PAUSE} if waits else {"logged": now, "due": None}
        tx.execute(WRITE, key | values)
        return draft, None if waits else self._record(tx, author, draft)

    def _tell_of(self, tx: Connection, uid: int, name: str) -> tuple[Draft, Recorded | None]:
        row, now = tx.execute(ONE, {"of": uid, "name": name}).one(), self._clock()
        if row.due_at is None or row.due_at > now:  # another node was here
            return _shown(row), None
        tx.execute(TOLD, {"of": uid, "name": name, "now": now})
        return _shown(row), self._record(tx, Author(uid, row.did, "", ""), _shown(row))

    def _record(self, tx: Connection, author: Author, draft: Draft) -> Recorded:
        change = Change(
            kind="draft",
            conversation_id=draft.conversation_id,
            content=draft.content,
            version=draft.version,
            time=draft.update_time,
        )
        return self._journal.record(tx, change, [author.uid], author)

    def _tell(self, done: tuple[Draft, Recorded | None]) -> None:
        recorded = done[1]
        if recorded is None:
            self.changed()
        else:
            self._fanout.change(recorded, recorded.places[0][0])


def of_user(connection: Connection, uid: int) -> list[Draft]:
    """What a user has begun to write."""
    return [_shown(row) for row in connection.execute(LISTED, {"of": uid})]


def _shown(row: Any) -> Draft:
    return Draft(
        conversation_id=row.conversation_id, content=row.content, version=row.version, update_time=row.updated_at
    )
