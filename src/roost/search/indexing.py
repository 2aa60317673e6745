"""What the index has, and what it lacks: for the caller's transaction.

Each conversation has a mark: its messages are indexed up to there. The numbers of a conversation have no gaps and are
given in the order of commits, on however many nodes, so nothing is ever stored behind a mark. (Server ids would be no
such order: each node has a block of them.) A message whose text changes is taken out of the index and put into
`search_again` in the transaction of the change (`roost.journal.rewriting`). Both are in the database: nothing is lost
with a process.

Terms are made outside of the transaction that stores them. It locks the messages, leaves out those that have changed
since, and moves the marks only over what is indexed: so two nodes may index the same, and a change may come between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, select

from roost.db.rows import fetch
from roost.db.schema import conversations, messages, search_again, search_marks, search_texts
from roost.model.message import MessageType
from roost.search.contract import Index, spelled
from roost.search.text import terms

AT_ONCE = 50
"""Messages indexed in one transaction: a millisecond or two, for which nobody's message waits noticeably."""
FIRST = 1
"""The version of a message that was never changed."""
LOOKED_AT = 500
"""Conversations looked at in one question for what is not indexed."""

_mids: BindParameter[Sequence[int]] = bindparam("mids", expanding=True)
_TEXT = (
    messages.c.mid,
    messages.c.cid,
    messages.c.conversation_seq,
    messages.c.version,
    messages.c.message_type,
    messages.c.content,
)
_mark = func.coalesce(search_marks.c.seq, 0)
_marked = conversations.outerjoin(search_marks, search_marks.c.cid == conversations.c.cid)
NEW = (
    select(*_TEXT, conversations.c.conversation_id)
    .select_from(
        _marked.join(
            messages,
            (messages.c.cid == conversations.c.cid)
            & (messages.c.conversation_seq > _mark)
            & (messages.c.conversation_seq <= _mark + AT_ONCE),
        )
    )
    .where(conversations.c.conversation_id.in_(bindparam("names", expanding=True)))
    .order_by(messages.c.cid, messages.c.conversation_seq)
)
AGAIN = select(search_again.c.mid).order_by(search_again.c.mid).limit(AT_ONCE)
CHANGED = select(*_TEXT).where(messages.c.mid.in_(_mids))
_head = (
    select(func.coalesce(func.max(messages.c.conversation_seq), 0))
    .where(messages.c.cid == conversations.c.cid)
    .correlate(conversations)
    .scalar_subquery()
)
LOOK = (
    select(conversations.c.cid, conversations.c.conversation_id, _head - _mark)
    .select_from(_marked)
    .where(conversations.c.cid > bindparam("after"))
    .order_by(conversations.c.cid)
    .limit(LOOKED_AT)
)
VERSIONS = (
    select(messages.c.mid, messages.c.version)
    .where(messages.c.mid.in_(_mids))
    .order_by(messages.c.mid)
    .with_for_update()
)
MARKS = select(search_marks.c.cid, search_marks.c.seq).where(search_marks.c.cid.in_(bindparam("cids", expanding=True)))
REMOVE = delete(search_texts).where(search_texts.c.mid.in_(_mids))
INDEXED_AGAIN = delete(search_again).where(search_again.c.mid.in_(_mids))


class Text(NamedTuple):
    """A message to be indexed; `name` is its conversation's id, empty for one that is indexed again."""

    mid: int
    cid: int
    seq: int
    version: int
    terms: str
    name: str


def behind(connection: Connection, after: int) -> tuple[int | None, dict[str, int]]:
    """Of the next conversations after the cid `after`: the last cid, None at the end, and the messages each lacks."""
    rows = fetch(connection, LOOK, after=after)
    last = rows[-1][0] if len(rows) == LOOKED_AT else None
    return last, {name: lacking for _, name, lacking in rows if lacking > 0}


def collect(connection: Connection, names: Sequence[str]) -> list[Text]:
    """At most `AT_ONCE` messages to be indexed: changed ones first, then new ones of these conversations."""
    again = [row[0] for row in fetch(connection, AGAIN)]
    rows = [[*row, ""] for row in fetch(connection, CHANGED, mids=again)] if again else []
    if len(rows) < AT_ONCE and names:
        rows += fetch(connection, NEW, names=list(names))[: AT_ONCE - len(rows)]
    return [
        Text(mid, cid, seq, version, spelled(cid, terms(text)) if kind == MessageType.TEXT else "", name)
        for mid, cid, seq, version, kind, text, name in rows
    ]


def store(connection: Connection, index: Index, texts: Sequence[Text]) -> int:
    """Indexes messages, as far as they are what they were when they were collected; returns how many are done."""
    by_mid = {text.mid: text for text in texts}
    versions = {row[0]: row[1] for row in fetch(connection, VERSIONS, mids=sorted(by_mid))}
    cids = sorted({text.cid for text in texts if text.name})
    marks = {row[0]: row[1] for row in fetch(connection, MARKS, cids=cids)} if cids else {}
    reached = dict(marks)
    done: list[Text] = []
    for text in texts:
        same = versions.get(text.mid) == text.version
        if not text.name:
            if same:
                done.append(text)
        elif (
            same and text.seq == reached.get(text.cid, 0) + 1
        ):  # else another node was here, or it is for the next time
            reached[text.cid] = text.seq
            done.append(text)
    if changed := sorted({text.mid for text in done if text.version > FIRST or not text.name}):
        mids = {"mids": changed}
        connection.execute(REMOVE, mids)  # one that changed before it was indexed is in both lists
        connection.execute(INDEXED_AGAIN, mids)
    if rows := {text.mid: text.terms for text in done if text.terms}:
        index.store(connection, list(rows.items()))
    if moved := [(cid, seq) for cid, seq in reached.items() if seq != marks.get(cid)]:
        index.move(connection, moved)
    return len(done)


def lacking(texts: Iterable[Text]) -> dict[str, int]:
    """How many of the messages are of each conversation."""
    count: dict[str, int] = {}
    for text in texts:
        if text.name:
            count[text.name] = count.get(text.name, 0) + 1
    return count
