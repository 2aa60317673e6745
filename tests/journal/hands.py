"""What `test_machine` does to the real journal."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from roost.journal.contract import Author, Draft
from roost.journal.pulling import Pulled, pull
from roost.model import ids
from roost.model.message import Change
from roost.roster import conversations as roster
from tests.journal.world import Device, Membership, Pull, Rename, Send, Work
from tests.rooms import Rooms, held, private, to_group


class Hands:
    """Does works for `authors` in `rooms`."""

    def __init__(self, rooms: Rooms, authors: Mapping[Device, Author]) -> None:
        self.rooms = rooms
        self.authors = authors

    async def hand_in(self, works: Sequence[Work]) -> list[Any]:
        """The outcomes of works that wait together, and so are done in one transaction."""
        async with held(self.rooms.database):
            waiting: list[asyncio.Future[Any]] = []
            for work in works:
                if isinstance(work, Send):
                    waiting.append(self.rooms.append(self.draft(work)))
                    continue
                if isinstance(work, Membership):
                    done: Coroutine[Any, Any, Any] = self.change_membership(work)
                else:
                    done = self.rename(work) if isinstance(work, Rename) else self.pull(work)
                waiting.append(asyncio.ensure_future(done))
                await asyncio.sleep(0)  # so that it is handed in now
        return await asyncio.gather(*waiting)

    def draft(self, send: Send) -> Draft:
        make = to_group if send.group else private
        return make(self.authors[send.author], send.to, send.content, send.message_id)

    async def change_membership(self, work: Membership) -> bool:
        """The change and what the logs tell of it, in one transaction."""
        author = self.authors[work.author]

        def change(tx: Connection) -> bool:
            group = roster.find_locked(tx, ids.group_conversation(work.group))
            told = {author.uid}
            if not group.large:
                told |= {member.uid for member in roster.members_of(tx, group.cid)}
            if work.joins:
                changed = roster.add_member(tx, group, author.uid, roster.MEMBER, self.rooms.clock())
            else:
                if group.large:
                    self.rooms.journal.pull_all(tx, [author.uid], group.cid)
                changed = roster.remove_member(tx, group.cid, author.uid)
            if changed:
                action = "joined" if work.joins else "left"
                entry = Change(kind="member", conversation_id=f"g:{work.group}", action=action, user_id=author.user_id)
                self.rooms.journal.record(tx, entry, told, author)
            return changed

        return await self.rooms.database.write(change)

    async def rename(self, work: Rename) -> None:
        def change(tx: Connection) -> None:
            group = roster.find_locked(tx, ids.group_conversation(work.group))
            entry = Change(kind="group", conversation_id=group.conversation_id, action="renamed", name=work.name)
            self.rooms.journal.record(tx, entry, roster.audience(tx, group), None)

        await self.rooms.database.write(change)

    async def pull(self, work: Pull) -> Pulled:
        def change(tx: Connection) -> Pulled:
            cid = None if work.group is None else roster.find(tx, ids.group_conversation(work.group)).cid
            uids = [self.authors[user, "phone"].uid for user in work.users]
            return pull(tx, self.rooms.statements, uids, self.rooms.clock(), cid=cid, most=work.most)

        return await self.rooms.database.write(change)
