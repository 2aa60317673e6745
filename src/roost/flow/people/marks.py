"""Read marks, and what the members of a conversation see of each other's: who has got a message, who has read it.

A read mark moves in one transaction with the log entries that tell of it. In a private conversation and in a group of
at most `read_receipts_members` these are in the logs of all members, so a device that slept knows what the others have
read; in a larger group only in the reader's own, and the authors of what was read are given a hint. Who is blocked sees
no more of how far the other reads in private (`roost.flow.people.blocks`). Delivery is logged nowhere: it is derived
(`roost.journal.delivered`), hinted and answered. Why: docs/decisions/0015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from roost.db.database import Database
from roost.errors import InvalidInput, NotAMember, UnknownConversation, UnknownMessage
from roost.flow.fanout import Fanout
from roost.flow.people.hints import Hints
from roost.journal import delivered, large, rewriting
from roost.journal.contract import Author, Recorded
from roost.journal.delivered import Asked
from roost.journal.journal import Journal
from roost.journal.positions import Positions
from roost.journal.rewriting import Found
from roost.model import ids
from roost.model.message import Change
from roost.protocol.answers import ConversationMarks, MessageReceipts, Receipt
from roost.protocol.frames import Mark
from roost.roster import blocks, marks
from roost.roster import conversations as roster
from roost.roster.conversations import Conversation
from roost.roster.users import uids_of

MANY = 100
"""Messages, the newest of what was read, whose authors are given a hint."""
BEGINNING = 0
"""A uid before any."""


class Moved(NamedTuple):
    """A read mark that moved: the entry that tells of it, and who is given a hint (uids)."""

    recorded: Recorded
    authors: set[int]


class Marks:
    """The road of marks."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        positions: Positions,
        fanout: Fanout,
        hints: Hints,
        clock: Callable[[], int],
        *,
        small: int,
    ) -> None:
        """`small`: members of a group whose marks are logged, at most."""
        self._database = database
        self._journal = journal
        self._positions = positions
        self._fanout = fanout
        self._hints = hints
        self._clock = clock
        self._small = small

    async def read(self, author: Author, conversation_id: str, seq: int) -> None:
        """Moves the author's read mark; it never goes back. Devices learn of it from the log.

        Raises `UnknownConversation`, `NotAMember` or `InvalidInput`.
        """

        def change(tx: Connection) -> Moved | None:
            conversation = roster.find_locked(tx, ids.conversation_id(conversation_id))
            before = roster.set_read_mark(tx, conversation, author.uid, seq)
            if before is None:
                return None
            everybody = marks.told(tx, conversation, self._small)
            if everybody and conversation_id.startswith("p:"):
                everybody = [uid for uid in everybody if not blocks.is_blocked(tx, uid, by=author.uid)]
            authors: set[int] = set()
            if everybody is None:
                authors = marks.senders(tx, conversation.cid, max(before, seq - MANY), seq) - {author.uid}
            mark = Change(
                kind="read",
                conversation_id=conversation_id,
                conversation_seq=seq,
                user_id=author.user_id,
                time=self._clock(),
            )
            return Moved(self._journal.record(tx, mark, everybody or [author.uid], author), authors)

        def tell(moved: Moved | None) -> None:
            if moved is not None:
                self._fanout.change(moved.recorded, author.uid)
                self._hints.read(moved.authors, conversation_id, author.user_id, seq)

        await self._database.write(change, tell)

    async def of(self, author: Author, conversation_ids: Sequence[str]) -> dict[str, list[Mark]]:
        """How far the others are in those of the conversations that are small and the author's own."""
        if not conversation_ids:
            return {}

        def query(connection: Connection) -> dict[str, list[Mark]]:
            places = marks.of_small(connection, author.uid, conversation_ids, self._small)
            others = [place for place in places if place.uid != author.uid]
            asked = [Asked(place.uid, place.cid, place.head, place.last_time) for place in others]
            furthest = self._positions.furthest(connection, sorted({one.uid for one in asked}))
            private = [place.uid for place in others if place.conversation_id.startswith("p:")]
            shown = blocks.read_by_blockers(connection, author.uid, private)
            found: dict[str, list[Mark]] = {place.conversation_id: [] for place in places}
            for place, through in zip(others, delivered.delivered(connection, asked, furthest), strict=True):
                read = place.read_seq
                if place.conversation_id.startswith("p:"):
                    read = shown.get(place.uid, read)
                mark = Mark(user_id=place.user_id, read_seq=read, delivered_seq=max(read, through))
                found[place.conversation_id].append(mark)
            return found

        return await self._database.read(query)

    async def of_conversations(self, author: Author, conversation_ids: Sequence[str]) -> list[ConversationMarks]:
        """The same as an answer, in the order of the ids."""
        found = await self.of(author, conversation_ids)
        return [
            ConversationMarks(conversation_id=name, marks=found[name])
            for name in dict.fromkeys(conversation_ids)
            if name in found
        ]

    async def receipts(self, author: Author, message_id: str | int, after: str | None, count: int) -> MessageReceipts:
        """Who has got and who has read a message, `count` of those whom it was for, behind the user `after`.

        `message_id` is a server id, or the author's own. Where logs are pulled, only who has read it is known to have
        it. Raises `UnknownMessage`, also for what is not the author's to
        see, `NotAMember` or `InvalidInput`.
        """

        def query(connection: Connection) -> MessageReceipts:
            found = rewriting.find(connection, author.uid, message_id)
            conversation = _visible(connection, author, found)
            message = rewriting.read(connection, found.mid)
            place, sent_at = message.conversation_seq, message.server_time
            first = BEGINNING
            if after is not None:
                known = uids_of(connection, [after])
                if after not in known:
                    raise InvalidInput("after must be the nextAfter of a page.")
                first = known[after]
            readers = marks.receivers(connection, conversation.cid, found.sender, sent_at, first, count + 1)
            shown = readers[:count]
            if found.conversation_id.startswith("p:"):
                seen = blocks.read_by_blockers(connection, author.uid, [one.uid for one in shown])
                shown = [one._replace(read_seq=seen.get(one.uid, one.read_seq)) for one in shown]
            asked = [Asked(one.uid, conversation.cid, place, sent_at) for one in shown]
            furthest = self._positions.furthest(connection, [one.uid for one in shown])
            pulled = large.members(connection, conversation.cid, [one.uid for one in shown])
            got = delivered.delivered(connection, [one for one in asked if one.uid not in pulled], furthest)
            through = dict(zip([one.uid for one in asked if one.uid not in pulled], got, strict=True))
            total, read = marks.count(connection, conversation.cid, found.sender, sent_at, place)
            return MessageReceipts(
                server_msg_id=message.server_msg_id,
                conversation_id=message.conversation_id,
                conversation_seq=place,
                receivers=total,
                read=sum(one.read_seq >= place for one in shown) if len(readers) == total else read,
                receipts=[
                    Receipt(
                        user_id=one.user_id,
                        delivered=max(one.read_seq, through.get(one.uid, 0)) >= place,
                        read=one.read_seq >= place,
                    )
                    for one in shown
                ],
                next_after=shown[-1].user_id if len(readers) > count else None,
            )

        return await self._database.read(query)


def _visible(connection: Connection, author: Author, found: Found) -> Conversation:
    """The conversation of a message, if the author belongs to it. Who wrote it and has left is told so."""
    try:
        conversation = roster.find(connection, found.conversation_id)
        roster.membership(connection, conversation.cid, author.uid)
    except UnknownConversation:  # dissolved
        raise UnknownMessage from None
    except NotAMember:
        raise NotAMember if found.sender == author.uid else UnknownMessage from None
    return conversation
