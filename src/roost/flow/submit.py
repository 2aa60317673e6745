"""Taking a message in: check it, give it to the journal, hand the receipt over once it is on disk."""

from __future__ import annotations

from collections.abc import Callable

from roost.admit import rules
from roost.admit.ratelimit import RateLimit
from roost.errors import RoostError
from roost.flow.fanout import Fanout
from roost.journal.contract import Author, Committed, Draft
from roost.journal.journal import Journal
from roost.metrics import DUPLICATES, MESSAGES
from roost.model import ids
from roost.protocol.frames import Group, Private, Sent

Receipt = Callable[[Sent | Exception], None]


class Submit:
    """The road in, for sockets and HTTP alike."""

    def __init__(
        self,
        journal: Journal,
        fanout: Fanout,
        rate: RateLimit,
        clock: Callable[[], int],
        *,
        max_content: int,
        pushed: Callable[[], None],
    ) -> None:
        """`pushed` is called when pushes were put into the outbox."""
        self._journal = journal
        self._fanout = fanout
        self._rate = rate
        self._clock = clock
        self._max_content = max_content
        self._pushed = pushed

    def message(self, author: Author, send: Private | Group, receipt: Receipt, via: object = None) -> None:
        """Appends a message.

        `receipt` is called on the event loop with `Sent` once it is durable in every receiver's log, or with the
        error; it comes before any reader of this node is told.

        `via` is the connection that sends it and has the receipt as its copy. Raises what the form of the
        message, the rate limit or a full server refuse at once.
        """
        draft = self._draft(author, send, via)
        self._rate.take(author.user_id)

        def done(outcome: Committed | RoostError | Exception) -> None:
            if not isinstance(outcome, Committed):
                receipt(outcome)
                return
            (DUPLICATES if outcome.duplicate else MESSAGES).inc()
            receipt(_sent(outcome))
            self._fanout.message(outcome, draft)
            if outcome.pushes:
                self._pushed()

        self._journal.append(draft, done)

    def _draft(self, author: Author, send: Private | Group, via: object) -> Draft:
        rules.check_content(send.content, self._max_content)
        rules.check_type(send.message_type)
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
            message_type=send.message_type,
            content=send.content,
            create_time=create_time,
            via=via,
        )


def _sent(outcome: Committed) -> Sent:
    message = outcome.message
    return Sent(
        message_id=message.message_id,
        server_msg_id=message.server_msg_id,
        conversation_id=message.conversation_id,
        conversation_seq=message.conversation_seq,
        seq=outcome.author_seq,
        server_time=message.server_time,
        duplicate=outcome.duplicate,
    )
