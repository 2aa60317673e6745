"""Taking a message in: check it, give it to the journal, hand the receipt over once it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from roost.admit import rules
from roost.admit.folding import fold
from roost.admit.wordfilter import Action, Verdict, is_masked
from roost.errors import ContentRejected, InvalidInput, RateLimited, RoostError, SpamSuspected, UnknownMessage
from roost.flow.fanout import Fanout
from roost.flow.moderation.moderators import Order
from roost.flow.moderation.wordlists import note
from roost.journal.contract import Author, Committed, Draft
from roost.journal.journal import Journal
from roost.metrics import DUPLICATES, MESSAGES, MODERATED
from roost.model import ids
from roost.model.attachment import MAX_ATTACHMENTS, Attachment
from roost.model.message import EVERYBODY, Extra, MessageType, Origin
from roost.model.sticker import Sticker, StickerName
from roost.protocol.frames import Group, Private, Sent

Receipt = Callable[[Sent | Exception], None]

WRITTEN = frozenset({MessageType.TEXT, MessageType.EMOJI})
"""What people write; the content of the others is the address of something, which a mask would break. What is written
below attachments is looked at as well."""


MAX_MENTIONS = 100
"""Users mentioned in one message."""


class Submit:
    """The road in, for sockets and HTTP alike."""

    def __init__(
        self,
        journal: Journal,
        fanout: Fanout,
        order: Order,
        clock: Callable[[], int],
        *,
        max_content: int,
        pushed: Callable[[], None],
        bring: Callable[[int], Awaitable[None]],
    ) -> None:
        """`pushed` is called when pushes were put into the outbox; `clock` gives milliseconds.

        `bring` is awaited for who (uid) writes to a group without a connection: what the log lacks comes before that.
        """
        self._journal = journal
        self._fanout = fanout
        self._admission, self._words, self._moderators = order
        self._clock = clock
        self._max_content = max_content
        self._pushed = pushed
        self._bring = bring
        self._looking: set[asyncio.Task[None]] = set()
        self._limited: set[int] = set()

    def message(
        self,
        author: Author,
        send: Private | Group,
        receipt: Receipt,
        *,
        address: str,
        via: object = None,
        forwarded_from: Origin | None = None,
        trusted: bool = False,
    ) -> None:
        """Appends a message. `trusted`: a back end sends it in the author's name, without limits.

        `receipt` is called on the event loop with `Sent` once it is durable in every receiver's log, or with the
        error; it comes before any reader of this node is told.

        `address` is where the author is, for limits. `via` is the connection that sends it and has the receipt as
        its copy. Raises what the form of the message, the limits or a full server refuse at once.
        """
        draft = self._draft(author, send, via)
        draft.extra = _extra(send, forwarded_from)
        sender = author.user_id, author.did, address
        folded = fold(draft.content)
        same = f"{send.sticker.pack_id} {send.sticker.sticker_id}" if send.sticker else folded
        if not trusted:
            try:
                self._admission.admit(sender, draft.conversation_id, same, draft.message_id, bot=author.bot)
            except RateLimited as refusal:
                self._limit(draft, receipt, refusal)
                return
        written = draft.message_type in WRITTEN or send.attachments
        verdict = self._words.filter.judge(draft.content, folded) if written else None
        if verdict is not None:
            if verdict.rejected:
                self._refuse(draft, receipt, partial(self._rejected, draft))
                return
            draft.content, draft.flagged = verdict.text, verdict.flagged
        self._append(draft, send.content, receipt, verdict)

    def _append(self, draft: Draft, written: str, receipt: Receipt, verdict: Verdict | None = None) -> None:
        def done(outcome: Committed | RoostError | Exception) -> None:
            if not isinstance(outcome, Committed):
                receipt(outcome)
                return
            if outcome.duplicate:
                DUPLICATES.inc()
            else:
                MESSAGES.count += 1
                if verdict is not None:
                    note(verdict, outcome.message, written)
            receipt(_sent(outcome, written))
            self._fanout.message(outcome, draft)
            if outcome.pushes:
                self._pushed()

        self._journal.append(draft, done)

    async def send(
        self,
        author: Author,
        send: Private | Group,
        *,
        address: str,
        forwarded_from: Origin | None = None,
        trusted: bool = False,
    ) -> Sent:
        """Appends a message; returns its receipt, or raises why it was refused."""
        if isinstance(send, Group):
            await self._bring(author.uid)
        answer, receipt = _awaited()
        self.message(author, send, receipt, address=address, forwarded_from=forwarded_from, trusted=trusted)
        return await answer

    def check(self, author: Author, send: Private | Group) -> None:
        """Raises what speaks against the form of a message that is to be sent later."""
        self._draft(author, send, None)
        _extra(send, None)

    async def announce(self, draft: Draft) -> Sent:
        """Appends a message of the server itself (`draft.system`): no limit and no word list holds for it."""
        rules.check_content(draft.content, self._max_content)
        answer, receipt = _awaited()
        self._append(draft, draft.content, receipt)
        return await answer

    def _limit(self, draft: Draft, receipt: Receipt, refusal: RateLimited) -> None:
        """Refuses a message that comes too soon. Of each author one at a time is looked for: a flood stays cheap."""

        def refused() -> RoostError:
            if isinstance(refusal, SpamSuspected):
                self._moderators.spam(draft.author, draft.conversation_id)
            return refusal

        uid = draft.author.uid
        if uid in self._limited:
            raise refused()
        task = self._refuse(draft, receipt, refused)
        self._limited.add(uid)
        task.add_done_callback(lambda _: self._limited.discard(uid))

    def _refuse(self, draft: Draft, receipt: Receipt, refused: Callable[[], RoostError]) -> asyncio.Task[None]:
        """Refuses a message, unless it was taken before (promise 3). Raises at once where it has no id."""
        if draft.message_id is None:
            raise refused()
        task = asyncio.get_running_loop().create_task(
            self._refuse_unless_sent(draft, draft.message_id, receipt, refused)
        )
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
        return task

    async def _refuse_unless_sent(
        self, draft: Draft, message_id: str, receipt: Receipt, refused: Callable[[], RoostError]
    ) -> None:
        try:
            earlier = await self._journal.sent_before(draft.author, message_id)
        except Exception as error:  # noqa: BLE001 - the edge knows what to do with it
            receipt(error)
            return
        if earlier is not None:
            DUPLICATES.inc()
            receipt(_sent(earlier, draft.content))
        else:
            receipt(refused())

    def _rejected(self, draft: Draft) -> ContentRejected:
        MODERATED.labels(Action.REJECT.value).inc()
        self._moderators.rejected(draft.author, draft.conversation_id, draft.content)
        return ContentRejected()

    def _draft(self, author: Author, send: Private | Group, via: object) -> Draft:
        if send.content or not (send.attachments or send.sticker):
            rules.check_content(send.content, self._max_content)
        rules.check_type(send.message_type)
        message_type = send.message_type if send.sticker is None else _sticker_type(send)
        create_time = self._clock() if send.create_time is None else send.create_time
        rules.check_time(create_time)
        if isinstance(send, Private):
            receiver: str | None = ids.user_id(send.to, "to")
            conversation = ids.private_conversation(author.user_id, str(receiver))
        else:
            receiver = None
            conversation = ids.group_conversation(ids.group_id(send.to, "to"))
        return Draft(
            author=author,
            conversation_id=conversation,
            to=receiver,
            message_id=None if send.message_id is None else ids.message_id(send.message_id),
            message_type=message_type,
            content=send.content,
            create_time=create_time,
            via=via,
            reply_to=None if send.reply_to is None else str(send.reply_to),
        )


def _awaited() -> tuple[asyncio.Future[Sent], Receipt]:
    """A receipt to be awaited, and what takes it."""
    answer: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()

    def receipt(outcome: Sent | Exception) -> None:
        if answer.done():  # whoever asked is gone
            return
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    return answer, receipt


def _extra(send: Private | Group, forwarded_from: Origin | None) -> Extra | None:
    """What of a message is more than most have; None, as a rule. Raises `InvalidInput` kinds for what can't be."""
    rules.check_ttl(send.ttl)
    plain = send.reply_to is None and not (send.mentions or send.attachments or send.ttl or send.sticker)
    if plain and forwarded_from is None:
        return None
    if send.reply_to is not None and not ids.is_message_id(send.reply_to):
        raise UnknownMessage("replyTo must be the id of a message of this conversation.")
    mentions = list(dict.fromkeys(ids.user_id(name, "mentions") for name in send.mentions or ()))
    if len(mentions) > MAX_MENTIONS:
        raise InvalidInput(f"mentions must be at most {MAX_MENTIONS}; {EVERYBODY} are all.")
    return Extra(
        mentions=mentions or None,
        forwarded_from=forwarded_from,
        attachments=_attachments(send.attachments) if send.attachments else None,
        ttl=send.ttl,
        sticker=None if send.sticker is None else _sticker(send.sticker),
    )


def _attachments(names: Sequence[str]) -> list[Attachment]:
    """The files of these ids; what they are is found out when the message gets its place."""
    if len(names) > MAX_ATTACHMENTS or len(set(names)) < len(names):
        raise InvalidInput(f"attachments must name at most {MAX_ATTACHMENTS} files, each once.")
    return [Attachment(id=ids.attachment_id(name)) for name in names]


def _sticker_type(send: Private | Group) -> int:
    """The type of a message with a sticker. Raises `InvalidInput` where it is more than that."""
    if send.content or send.attachments or send.message_type not in {MessageType.TEXT, MessageType.EMOJI}:
        raise InvalidInput("A sticker has messageType 4, its emoji as content, and no attachments.")
    return MessageType.EMOJI


def _sticker(name: StickerName) -> Sticker:
    """The sticker; what it shows is found out when the message gets its place, unless it was sent before."""
    if isinstance(name, Sticker):
        return name
    return Sticker(pack_id=ids.sticker_id(name.pack_id, "packID"), sticker_id=ids.sticker_id(name.sticker_id))


def _sent(outcome: Committed, written: str) -> Sent:
    """The receipt of a message; `written` is its content as the author sent it."""
    message = outcome.message
    return Sent(
        message_id=message.message_id,
        server_msg_id=message.server_msg_id,
        conversation_id=message.conversation_id,
        conversation_seq=message.conversation_seq,
        seq=outcome.author_seq,
        server_time=message.server_time,
        duplicate=outcome.duplicate,
        content=message.content if message.sticker or is_masked(message.content, written) else None,
        sticker=message.sticker,
    )
