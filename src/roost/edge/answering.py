"""How the frames are answered that need a look into the database. One for all connections of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roost.edge.api.conversations import own_conversation
from roost.protocol import frames

if TYPE_CHECKING:
    from roost.edge.api.requests import Requests
    from roost.edge.notices import Notices
    from roost.edge.roads import Roads
    from roost.edge.session import Session
    from roost.journal.contract import Author
    from roost.protocol.frames import AnyClientFrame


class Answering:
    """Answers questions of sessions. What is refused is raised."""

    def __init__(self, roads: Roads, notices: Notices, requests: Requests) -> None:
        self._roads = roads
        self._notices = notices
        self._requests = requests

    async def answer(self, session: Session, author: Author, frame: AnyClientFrame) -> None:
        """The answer, if the frame has one, is sent to the session."""
        match frame:
            case frames.Sync(last_seq=last_seq, count=count, epoch=epoch):
                session.send(as_batch(await self._roads.catchup.page(author, last_seq, count, epoch)))
            case frames.Read(conversation_id=conversation, conversation_seq=seq):
                await self._roads.marks.read(author, own_conversation(author, conversation), seq)
            case frames.ChangeMessage():
                await self._change(author, frame, session.address)
            case frames.Typing(conversation_id=conversation):
                await self._notices.typing(session, author, own_conversation(author, conversation))
            case frames.Presence(user_ids=user_ids):
                await self._notices.watch(session, author, user_ids)
            case frames.Request():
                session.send(await self._requests.answer(session.asker(author), frame))

    async def _change(self, author: Author, frame: frames.ChangeMessage, address: str) -> None:
        """Changes a message; that all members are told is the answer."""
        changing, message = self._roads.changing, frame.server_msg_id
        match frame:
            case frames.Edit(content=content):
                await changing.edit(author, message, content, address=address)
            case frames.Recall():
                await changing.recall(author, message, address=address)
            case frames.React(emoji=emoji, remove=remove):
                await changing.react(author, message, emoji, address=address, remove=remove)


def as_batch(page: frames.Page) -> frames.SyncBatch:
    """A page as the frame that answers `sync`."""
    return frames.SyncBatch(**{name: getattr(page, name) for name in frames.Page.__struct_fields__})
