"""Changing a message that was sent: edit, recall, reactions, pins (D9).

A change is one transaction: the conversation is locked, the rights are looked at, the message is stored as it is now,
one version on, and entered again in the log of each member of now. The entries have no origin, so every device is
told, the one that asked for it, too: the `message` it gets is the confirmation. What changes nothing enters nothing, so
asking again is harmless.

Rights: the author edits and recalls, each within its window; a group's owner and admins recall at any time, a back end
(`author.uid` 0) anything. Every member reacts. Who may not write in a group now (`roost.journal.rights`) does not edit
or react there either. Pins are for the owner and admins of a group, and for both in a private conversation. To all
who do not belong to the conversation there is no such message. Of a dissolved group a back end alone can recall
messages: nobody is told, and who reads the log from then on reads none of what they said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from roost.admit import rules
from roost.admit.emoji import check_emoji
from roost.admit.folding import fold
from roost.admit.wordfilter import Action
from roost.audit import Act, record
from roost.config import Messages
from roost.db.database import Database
from roost.errors import (
    AnnouncementOnly,
    ContentRejected,
    Forbidden,
    InvalidInput,
    LimitReached,
    MessageRecalled,
    NotAMember,
    TooLate,
    UnknownMessage,
)
from roost.flow.fanout import Fanout
from roost.flow.moderation.moderators import Order
from roost.flow.moderation.wordlists import note
from roost.hooks.events import emit
from roost.journal import rewriting, rights
from roost.journal.contract import Author, Recorded
from roost.journal.journal import Journal
from roost.journal.reading import messages_by_mid
from roost.metrics import MODERATED
from roost.model.audience import Audience
from roost.model.message import Message, MessageType
from roost.roster import conversations as roster
from roost.roster import pins
from roost.roster.conversations import ADMIN, OWNER

MAX_REACTIONS = 20
"""Kinds of reactions to one message."""
MAX_REACTING = 2000
"""Users who react to one message with one emoji: all of them are named wherever it is read."""


class Scene(NamedTuple):
    """What a change is decided on, locked: who asks, the conversation, the message, whether it is one's own, the role.

    `tx` is the transaction, for what is stored beside the message; `told` is who is told of the change.
    """

    tx: Connection
    author: Author
    cid: int
    told: Audience
    message: Message
    own: bool
    role: str

    @property
    def leads(self) -> bool:
        """Whether who asks has a say over what others wrote: an owner or admin of a group."""
        return self.role in {OWNER, ADMIN}

    @property
    def mid(self) -> int:
        """The message's server id."""
        return int(self.message.server_msg_id)

    def record(self, name: str) -> None:
        """Has the audit log say that the message is changed."""
        message = self.message
        record(self.tx, Act(name, self.author, message.conversation_id, message.sender_id, message.server_msg_id))


Decide = Callable[[Scene], Message | None]
"""The message as it is to be, or None where it is so already. Raises what speaks against it; may run twice."""


class Changing:
    """The road of changes to what was sent."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        fanout: Fanout,
        clock: Callable[[], int],
        *,
        order: Order,
        settings: Messages,
        max_content: int,
    ) -> None:
        """`clock` gives milliseconds."""
        self._database = database
        self._journal = journal
        self._fanout = fanout
        self._admission, self._words, self._moderators = order
        self._clock = clock
        self._settings = settings
        self._max_content = max_content

    async def edit(self, author: Author, message_id: str | int, content: str, *, address: str) -> Message:
        """Gives a text of the author's own another content; returns the message as it is then.

        `message_id` is a server id, or the author's own. Raises `UnknownMessage`, `NotAMember`, `Forbidden`,
        `MessageRecalled`, `TooLate`, `ContentRejected`, `InvalidInput`, `RateLimited`.
        """
        rules.check_content(content, self._max_content)
        verdict = self._words.filter.judge(content, fold(content))
        if verdict is not None and verdict.rejected:
            MODERATED.labels(Action.REJECT.value).inc()
            self._moderators.rejected(author, "", content)
            raise ContentRejected
        text = content if verdict is None else verdict.text

        def decide(scene: Scene) -> Message | None:
            message = scene.message
            if not scene.own:
                raise Forbidden("Only who wrote a message may edit it.")
            if message.recall_time:
                raise MessageRecalled
            if message.message_type != MessageType.TEXT:
                raise InvalidInput("Only text messages can be edited.")
            if message.content == text:
                return None
            self._check_may_write(scene, author)
            self._check_window(message, self._settings.edit_window)
            scene.record("message.edited")
            return msgspec.structs.replace(message, content=text, edit_time=self._clock())

        def done(message: Message) -> None:
            if verdict is not None:
                note(verdict, message, content)

        return await self._change(author, message_id, decide, address, done)

    async def recall(
        self, author: Author, message_id: str | int, *, address: str, reason: str | None = None
    ) -> Message:
        """Takes a message back: it keeps its place, and its content is gone. Raises as `edit` does.

        `reason` is told to everybody.
        """

        def decide(scene: Scene) -> Message | None:
            message = scene.message
            if not (scene.own or scene.leads):
                raise Forbidden("Only who wrote a message may recall it, and a group's owner and admins.")
            if message.recall_time:
                return None
            if not scene.leads:
                self._check_window(message, self._settings.recall_window)
            if message.pinned:
                pins.unpin(scene.tx, scene.cid, scene.mid)
            scene.record("message.recalled")
            return recalled(message, self._clock(), reason)

        return await self._change(author, message_id, decide, address)

    async def react(
        self, author: Author, message_id: str | int, emoji: str, *, address: str, remove: bool = False
    ) -> Message:
        """Adds the author's reaction with an emoji, or takes it away. Raises as `edit` does, and `LimitReached`."""
        if not remove:
            check_emoji(emoji)

        def decide(scene: Scene) -> Message | None:
            message = scene.message
            if message.recall_time:
                raise MessageRecalled
            if not remove:
                self._check_may_write(scene, author, reacting=True)
            reactions = message.reactions or {}
            users = reactions.get(emoji, [])
            if (author.user_id in users) is not remove:
                return None
            users = [user_id for user_id in users if user_id != author.user_id] + [author.user_id] * (not remove)
            reactions = {kind: who for kind, who in (reactions | {emoji: users}).items() if who}
            if len(reactions) > MAX_REACTIONS:
                raise LimitReached(f"A message has at most {MAX_REACTIONS} kinds of reactions.", limit=MAX_REACTIONS)
            if len(users) > MAX_REACTING:
                raise LimitReached(f"At most {MAX_REACTING} users react with the same emoji.", limit=MAX_REACTING)
            return msgspec.structs.replace(message, reactions=reactions or None)

        return await self._change(author, message_id, decide, address)

    async def pin(self, author: Author, message_id: str | int, *, address: str, remove: bool = False) -> Message:
        """Pins a message in its conversation, or unpins it. Raises as `edit` does, and `LimitReached`."""

        def decide(scene: Scene) -> Message | None:
            message = scene.message
            if message.conversation_id.startswith("g:") and not scene.leads:
                raise Forbidden("Only the owner and admins of a group may pin its messages.")
            if message.recall_time:
                raise MessageRecalled
            if message.pinned is not remove:
                return None
            if not remove:
                self._check_may_write(scene, author, reacting=True)
            if remove:
                pins.unpin(scene.tx, scene.cid, scene.mid)
            elif len(pins.pinned(scene.tx, scene.cid)) >= (limit := self._settings.max_pins):
                raise LimitReached(f"A conversation has at most {limit} pinned messages.", limit=limit)
            else:
                pins.pin(scene.tx, scene.cid, scene.mid, self._clock())
            scene.record("message.unpinned" if remove else "message.pinned")
            return msgspec.structs.replace(message, pinned=not remove)

        return await self._change(author, message_id, decide, address)

    async def pinned(self, author: Author, conversation_id: str) -> list[Message]:
        """The pinned messages of a conversation, the earliest pin first. Raises `UnknownConversation`, `NotAMember`."""

        def query(connection: Connection) -> list[Message]:
            conversation = roster.find(connection, conversation_id)
            roster.membership(connection, conversation.cid, author.uid)
            mids = pins.pinned(connection, conversation.cid)
            found = messages_by_mid(connection, mids)
            return [found[mid] for mid in mids]

        return await self._database.read(query)

    def _check_may_write(self, scene: Scene, author: Author, *, reacting: bool = False) -> None:
        """Who may not write may not rewrite either. Announcements may be reacted to."""
        barred = rights.refusal(scene.tx, scene.cid, author.uid, self._clock())
        if barred is not None and not (reacting and isinstance(barred, AnnouncementOnly)):
            raise barred

    def _check_window(self, message: Message, window: int) -> None:
        if window and self._clock() > message.server_time + window * 1000:
            raise TooLate(f"This is possible for {window} seconds after the message was sent.", window=window)

    async def _change(
        self,
        author: Author,
        message_id: str | int,
        decide: Decide,
        address: str,
        done: Callable[[Message], None] = lambda _: None,
    ) -> Message:
        """Changes a message as decided; `done` is called with it, if it is another then."""
        if author.uid:
            self._admission.admit_change((author.user_id, author.did, address), bot=author.bot)

        def change(tx: Connection) -> tuple[Message, Recorded | None]:
            scene = _scene(tx, author, message_id)
            changed = decide(scene)
            if changed is None:
                return scene.message, None
            changed.version += 1
            rewriting.rewrite(tx, changed)
            if changed.edit_time != scene.message.edit_time:
                emit(tx, "edit", changed.conversation_id, changed)
            return changed, self._journal.record(tx, changed, scene.told, None)

        def tell(result: tuple[Message, Recorded | None]) -> None:
            changed, recorded = result
            if recorded is not None:
                done(changed)
                self._fanout.change(recorded)

        return (await self._database.write(change, tell))[0]


def recalled(message: Message, now: int, reason: str | None) -> Message:
    """What is left of a message: its place."""
    return msgspec.structs.replace(
        message,
        content="",
        recall_time=now,
        recall_reason=reason,
        mentions=None,
        reactions=None,
        pinned=False,
        attachments=None,
        sticker=None,
    )


def _scene(tx: Connection, author: Author, message_id: str | int) -> Scene:
    """Locks the conversation of a message. Raises `UnknownMessage`, also for what is not the author's to see.

    Who wrote it and has left since is told so: `NotAMember`.
    """
    found = rewriting.find(tx, author.uid, message_id)
    own = found.sender == author.uid
    told = roster.locked_audience(tx, found.conversation_id)
    role = roster.role_of(tx, found.cid, author.uid) if author.uid else OWNER
    if role is None:
        raise NotAMember if own and told else UnknownMessage  # nobody is told where it was dissolved
    return Scene(tx, author, found.cid, told, rewriting.read(tx, found.mid), own, role)
