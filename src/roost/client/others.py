"""What the log does not tell of others: how far they have got, and their profiles. It is hinted, and asked for.

A hint may be lost, and nobody hints to who is away; so after each connect it is asked. So are messages that changed
where this user was told of nothing. Nothing waits for an answer.
"""

from __future__ import annotations

import asyncio
import logging

from roost.client.delivery import Delivery
from roost.client.events import ConversationChanged, MarksMoved
from roost.client.holes import PAGE, history_page
from roost.client.http import Http
from roost.client.store import marks, profiles, stale
from roost.client.store.entries import refresh
from roost.client.store.store import Store
from roost.errors import RoostError
from roost.protocol import answers, frames

MAX_PROFILES = 500
"""Remembered profiles that are read anew after each connect."""

logger = logging.getLogger("roost.client")


class Others:
    """Keeps in the store what is known of others, and tells what is news. A server that refuses is asked next time."""

    def __init__(self, http: Http, store: Store, delivery: Delivery) -> None:
        self._http = http
        self._store = store
        self._delivery = delivery
        self._reading_anew = asyncio.Lock()

    async def keep_marks(self, hint: frames.ReceiptsNotice) -> None:
        """Others have got further in a conversation."""
        if await self._store.write(marks.store_marks, hint.conversation_id, hint.marks):
            self._moved(hint.conversation_id, hint.marks)

    async def ask_marks(self) -> None:
        """How far others have got, where this user has written what not all of them have got as far as is known."""
        names = await self._store.read(marks.undelivered_conversations)
        if not names:
            return
        try:
            query = {"conversation_ids": ",".join(names)}
            found = await self._http.call("GET", "/conversations/marks", answers.Marks, query=query)
        except RoostError as error:
            logger.info("how far others have got is not known yet: %s", error)
            return
        moved = set(await self._store.write(marks.store_all, found.conversations))
        for one in found.conversations:
            if one.conversation_id in moved:
                self._moved(one.conversation_id, one.marks)

    def _moved(self, conversation_id: str, found: list[frames.Mark]) -> None:
        self._delivery.tell(MarksMoved(conversation_id=conversation_id, marks=found))
        self._delivery.tell(ConversationChanged(conversation_id=conversation_id))

    async def read_anew(self) -> None:
        """Reads the messages that may be others by now (see `roost.client.store.stale`)."""
        async with self._reading_anew:
            for name in await self._store.read(stale.conversations):
                try:
                    await self._read_anew(name)
                except RoostError as error:
                    logger.info("messages of %s stay as they are: %s", name, error)

    async def _read_anew(self, name: str) -> None:
        while (place := await self._store.read(stale.newest, name)) is not None:
            page = await history_page(self._http, name, self._store.user_id or "", place + 1, PAGE)
            await self._store.write(refresh, name, page.messages)
            self._delivery.tell(ConversationChanged(conversation_id=name))

    async def ask_profiles(self, user_ids: list[str] | None) -> None:
        """Reads anew those of the profiles (None: all) that the store remembers."""
        known = await self._store.read(profiles.names, MAX_PROFILES)
        names = known if user_ids is None else [name for name in user_ids if name in known]
        if not names:
            return
        try:
            query = {"user_ids": ",".join(names)}
            found = await self._http.call("GET", "/users", answers.ProfileList, query=query)
        except RoostError as error:
            logger.info("profiles stay as they are remembered: %s", error)
            return
        await self._store.write(profiles.keep, found.users)
