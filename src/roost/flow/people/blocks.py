"""Block lists: who is blocked can't write to the other in private, nor learns when the other is here, types or reads.

What is said in groups still comes, from both. Who is blocked is not told so. The list is in the log of the one who
keeps it: all its devices have it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection

from roost.db.database import Database
from roost.errors import InvalidInput, LimitReached, UnknownConversation, UnknownReceiver
from roost.flow.fanout import Fanout
from roost.journal import rights
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.model import ids
from roost.model.message import Change
from roost.roster import blocks
from roost.roster import conversations as roster
from roost.roster.blocks import Block
from roost.roster.conversations import Conversation
from roost.roster.users import uids_of

MAX_BLOCKS = 1000
"""Users whom one may block: the snapshot has them all."""


class Blocks:
    """The road of block lists."""

    def __init__(self, database: Database, journal: Journal, fanout: Fanout, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds.

        `shown([(user_id, uid)])` is called when a user shows itself to others than before.
        """
        self.shown: Callable[[Sequence[tuple[str, int]]], None] = lambda _users: None
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._clock = clock

    async def listed(self, author: Author) -> list[Block]:
        """Whom the author has blocked, the latest first."""
        return await self._database.read(lambda connection: blocks.of_user(connection, author.uid))

    async def block(self, author: Author, user_id: str) -> None:
        """Blocks a user. Raises `UnknownReceiver`, `InvalidInput` or `LimitReached`."""
        if user_id == author.user_id:
            raise InvalidInput("One can't block oneself.")

        def decide(tx: Connection, other: int, read_seq: int, now: int) -> bool:
            if blocks.is_blocked(tx, other, by=author.uid):
                return False
            if blocks.count(tx, author.uid) >= MAX_BLOCKS:
                raise LimitReached(f"At most {MAX_BLOCKS} users can be blocked.", limit=MAX_BLOCKS)
            blocks.block(tx, author.uid, other, now, read_seq)
            return True

        await self._change(author, user_id, "blocked", decide)

    async def unblock(self, author: Author, user_id: str) -> None:
        """Takes a block back. Raises `UnknownReceiver`."""

        def decide(tx: Connection, other: int, *_: int) -> bool:
            if not blocks.is_blocked(tx, other, by=author.uid):
                return False
            blocks.unblock(tx, author.uid, other)
            return True

        await self._change(author, user_id, "unblocked", decide)

    async def hidden_from(self, uid: int, names: Collection[str]) -> frozenset[str]:
        """Those of the users who do not show themselves to `uid`, because they have blocked it."""
        if not names:
            return frozenset()
        return await self._database.read(lambda connection: blocks.blockers(connection, uid, names))

    async def blocked_among(self, user_id: str, viewers: Collection[int]) -> frozenset[int]:
        """Those of the viewers (uids) whom a user has blocked."""
        return await self._database.read(lambda connection: blocks.blocked_among(connection, user_id, viewers))

    async def apart(self, conversation_id: str) -> bool:
        """Whether this is a private conversation in which one has blocked the other: nothing passing is told there."""
        kind, *names = conversation_id.split(":")
        if kind != "p":
            return False

        def query(connection: Connection) -> bool:
            one, other = (uids_of(connection, names).get(name) for name in names)
            if one is None or other is None:
                return False
            return blocks.is_blocked(connection, one, by=other) or blocks.is_blocked(connection, other, by=one)

        return await self._database.read(query)

    async def _change(
        self, author: Author, user_id: str, action: str, decide: Callable[[Connection, int, int, int], bool]
    ) -> None:
        """Changes the list as decided.

        Who is blocked no more is told how far the author has read since. The conversation is locked first, as by who
        sends there; then the author's log (see `roost.journal.rights`).
        """
        private = ids.private_conversation(author.user_id, user_id)

        def change(tx: Connection) -> list[Recorded]:
            other = uids_of(tx, [user_id]).get(user_id)
            if other is None:
                raise UnknownReceiver(f"There is no user {user_id}.")
            conversation = _locked(tx, private)
            now = self._clock()
            told = Change(kind="block", conversation_id=private, action=action, user_id=user_id, time=now)
            self._journal.lock(tx, [author.uid])
            conversation = conversation or _locked(tx, private)  # made while we waited for the log
            cid = None if conversation is None else conversation.cid
            read_seq = 0 if cid is None else roster.membership(tx, cid, author.uid).read_seq
            seen = blocks.read_by_blockers(tx, other, [author.uid]).get(author.uid, read_seq)
            if not decide(tx, other, read_seq, now):
                return []
            recorded = [self._journal.record(tx, told, [author.uid], author)]
            if cid is not None:
                one_sided = blocks.is_blocked(tx, author.uid, by=other)
                barred = action == "blocked" or one_sided or rights.is_of_erased(tx, cid)
                roster.restrict(tx, cid, restricted=barred)
                self._journal.forget(private)
            if seen < read_seq:
                read = Change(
                    kind="read",
                    conversation_id=private,
                    conversation_seq=read_seq,
                    user_id=author.user_id,
                    time=now,
                )
                recorded.append(self._journal.record(tx, read, [other], None))
            return recorded

        def tell(recorded: list[Recorded]) -> None:
            for entry in recorded:
                self._fanout.change(entry, author.uid)
            if recorded:
                self.shown([(author.user_id, author.uid)])

        await self._database.write(change, tell)


def _locked(tx: Connection, conversation_id: str) -> Conversation | None:
    try:
        return roster.find_locked(tx, conversation_id)
    except UnknownConversation:
        return None
