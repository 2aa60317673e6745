"""Conversations and who belongs to them: groups, members, read marks, the list of a user's conversations.

Functions take the connection of the caller's transaction, so that a change of membership and its log entries
are one step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from roost.db.rows import fetch, made_key
from roost.db.schema import conversations, members, messages, mutes, users
from roost.errors import Conflict, Forbidden, InvalidInput, NotAMember, UnknownConversation
from roost.model.audience import Audience, Large
from roost.roster import large

OWNER, ADMIN, MEMBER = "owner", "admin", "member"
ROLES = (OWNER, ADMIN, MEMBER)


ALL = 2**31
"""More members than any group has."""
NOBODY = 0
"""The uid of who is no user: a back end."""


class Standing(NamedTuple):
    """What a user is in a conversation, and the conversationSeq up to which it has read."""

    role: str
    read_seq: int


class Conversation(NamedTuple):
    """A conversation as the database has it. A `large` one has a log of its own (see `roost.roster.large`)."""

    cid: int
    conversation_id: str
    name: str | None
    head: int
    created_at: int
    large: bool = False


class Member(NamedTuple):
    """One member of a conversation. `read_seq` is the conversationSeq up to which it was read.

    `muted_until` (ms): until then the admins do not let it write; 0 if they do. `bot`: it is a program.
    """

    uid: int
    user_id: str
    role: str
    read_seq: int
    joined_at: int
    muted_until: int
    bot: bool = False


class Listed(NamedTuple):
    """A row of a user's conversation list (A11)."""

    conversation_id: str
    name: str | None
    head: int
    role: str
    read_seq: int
    muted: bool
    unread: int
    last_mid: int | None
    large: bool


_uid: BindParameter[int] = bindparam("uid")
_cid: BindParameter[int] = bindparam("cid")

_UNREAD = (
    select(func.count())
    .select_from(messages)
    .where(
        messages.c.cid == members.c.cid,
        messages.c.conversation_seq > members.c.read_seq,
        messages.c.sender != members.c.uid,
        messages.c.recall_time == 0,
    )
    .correlate(members)
    .scalar_subquery()
)
"""Unread is derived, never counted up: after the read mark, not one's own, not recalled (A4)."""

HEAD = (
    select(func.coalesce(func.max(messages.c.conversation_seq), 0))
    .where(messages.c.cid == conversations.c.cid)
    .correlate(conversations)
    .scalar_subquery()
)

LIST = (
    select(
        conversations.c.conversation_id,
        conversations.c.name,
        HEAD.label("head"),
        members.c.role,
        members.c.read_seq,
        members.c.muted,
        _UNREAD.label("unread"),
        messages.c.mid,
        conversations.c.large_at.is_not(None).label("large"),
    )
    .select_from(
        members.join(conversations, conversations.c.cid == members.c.cid).outerjoin(
            messages,
            (messages.c.cid == conversations.c.cid) & (messages.c.conversation_seq == HEAD),
        )
    )
    .where(members.c.uid == _uid, conversations.c.dissolved_at.is_(None))
    .order_by(func.coalesce(messages.c.server_time, conversations.c.created_at).desc(), conversations.c.cid.desc())
    .limit(bindparam("count"))
    .offset(bindparam("offset"))
)
UNREAD = (
    select(conversations.c.conversation_id, _UNREAD.label("unread"))
    .select_from(members.join(conversations, conversations.c.cid == members.c.cid))
    .where(members.c.uid == _uid, conversations.c.dissolved_at.is_(None))
)
CIDS = select(members.c.cid).where(members.c.uid == _uid)
LOCK = (
    select(conversations.c.cid).where(conversations.c.conversation_id == bindparam("conversation_id")).with_for_update()
)
MEMBERS = (
    select(
        members.c.uid,
        users.c.user_id,
        members.c.role,
        members.c.read_seq,
        members.c.joined_at,
        func.coalesce(mutes.c.until, 0).label("muted_until"),
        users.c.bot,
    )
    .select_from(
        members.join(users, users.c.uid == members.c.uid).outerjoin(
            mutes, (mutes.c.cid == members.c.cid) & (mutes.c.uid == members.c.uid)
        )
    )
    .where(members.c.cid == _cid)
    .order_by(members.c.joined_at, members.c.uid)
)
ONE_MEMBER = MEMBERS.where(members.c.uid == _uid).order_by(None)
NAMED = MEMBERS.where(users.c.user_id == bindparam("user_id")).order_by(None)
SOME = MEMBERS.where(members.c.uid.in_(bindparam("uids", expanding=True))).order_by(None)
OF_ROLE = (
    select(members.c.uid)
    .where(members.c.cid == _cid, members.c.role == bindparam("role"))
    .order_by(members.c.joined_at, members.c.uid)
    .limit(bindparam("count"))
)
UIDS = select(members.c.uid).where(members.c.cid == _cid)


def find(connection: Connection, conversation_id: str) -> Conversation:
    """The conversation of an id. Raises `UnknownConversation`, also where it was dissolved."""
    query = select(
        conversations.c.cid,
        conversations.c.conversation_id,
        conversations.c.name,
        HEAD,
        conversations.c.created_at,
        conversations.c.large_at.is_not(None),
    ).where(conversations.c.conversation_id == conversation_id, conversations.c.dissolved_at.is_(None))
    row = connection.execute(query).first()
    if row is None:
        raise UnknownConversation(f"There is no conversation {conversation_id}.")
    return Conversation(*row)


def restrict(connection: Connection, cid: int, *, restricted: bool) -> None:
    """Notes whether somebody who belongs to the conversation may not write there (see `roost.journal.rights`)."""
    connection.execute(update(conversations).where(conversations.c.cid == cid).values(restricted=restricted))


def find_locked(connection: Connection, conversation_id: str) -> Conversation:
    """As `find`; nobody else stores messages in it or changes its members until the transaction ends.

    Other nodes are kept out by the row's lock; SQLite has one writer.
    """
    connection.execute(LOCK, {"conversation_id": conversation_id})
    return find(connection, conversation_id)


def members_of(connection: Connection, cid: int) -> list[Member]:
    """Everyone who belongs to a conversation, in the order of joining."""
    return [Member(*row) for row in fetch(connection, MEMBERS, cid=cid)]


def cids_of(connection: Connection, uid: int) -> list[int]:
    """The conversations that a user belongs to."""
    return [row[0] for row in fetch(connection, CIDS, uid=uid)]


def seen_members(connection: Connection, cid: int, uid: int, *, is_large: bool) -> list[Member]:
    """The members of a conversation as one of them is shown them: all, or of a large one the user alone."""
    if is_large:
        return [Member(*row) for row in connection.execute(ONE_MEMBER, {"cid": cid, "uid": uid})]
    return members_of(connection, cid)


def member_named(connection: Connection, cid: int, user_id: str) -> Member | None:
    """One member of a conversation."""
    row = connection.execute(NAMED, {"cid": cid, "user_id": user_id}).first()
    return None if row is None else Member(*row)


def leaders_of(connection: Connection, cid: int) -> list[Member]:
    """The owner and the admins: a look at them alone, however many members there are."""
    uids = [uid for role in (OWNER, ADMIN) for uid in _of_role(connection, cid, role, ALL)]
    return [Member(*row) for row in connection.execute(SOME, {"cid": cid, "uids": uids})]


def heir_of(connection: Connection, cid: int) -> Member | None:
    """Who follows the owner: the admin who was there first, or else the member who was. Looks at that one alone."""
    for role in (ADMIN, MEMBER):
        for uid in _of_role(connection, cid, role, 1):
            return Member(*connection.execute(ONE_MEMBER, {"cid": cid, "uid": uid}).one())
    return None


def _of_role(connection: Connection, cid: int, role: str, count: int) -> list[int]:
    """The members of a role, the first that joined first, at most `count`."""
    return list(connection.execute(OF_ROLE, {"cid": cid, "role": role, "count": count}).scalars())


def audience(connection: Connection, conversation: Conversation) -> Audience:
    """Everybody in a conversation, to be told of something that all are to know (`Journal.record`)."""
    if conversation.large:
        return Large(conversation.cid)
    return [row[0] for row in fetch(connection, UIDS, cid=conversation.cid)]


def locked_audience(connection: Connection, conversation_id: str) -> Audience:
    """As `audience`, of a conversation that is locked by this; nobody where it was dissolved."""
    try:
        return audience(connection, find_locked(connection, conversation_id))
    except UnknownConversation:
        return []


def membership(connection: Connection, cid: int, uid: int) -> Any:
    """The user's own row in a conversation (`role`, `read_seq`). Raises `NotAMember`.

    A back end (`NOBODY`) belongs to all of them, as an owner does.
    """
    if uid == NOBODY:
        return Standing(OWNER, 0)
    query = select(members.c.role, members.c.read_seq).where(members.c.cid == cid, members.c.uid == uid)
    row = connection.execute(query).first()
    if row is None:
        raise NotAMember
    return row


def create_group(connection: Connection, conversation_id: str, name: str | None, now: int) -> Conversation:
    """Makes a group without members. Raises `Conflict` where the id is taken (a dissolved group keeps its id)."""
    taken = select(conversations.c.cid).where(conversations.c.conversation_id == conversation_id)
    if connection.execute(taken).first() is not None:
        raise Conflict(f"The group id {conversation_id.removeprefix('g:')} is taken.")
    row = insert(conversations).values(conversation_id=conversation_id, name=name, created_at=now)
    cid = made_key(connection, row)
    return Conversation(cid, conversation_id, name, 0, now)


def add_first_members(connection: Connection, conversation: Conversation, roles: Mapping[int, str], now: int) -> None:
    """Puts users (uids), each with a role, into a new group: however many, a few round trips."""
    rows = [
        {"cid": conversation.cid, "uid": uid, "role": role, "read_seq": 0, "joined_at": now, "muted": False}
        for uid, role in roles.items()
    ]
    connection.execute(insert(members), rows)


def add_member(connection: Connection, conversation: Conversation, uid: int, role: str, now: int) -> bool:
    """Adds a member, who has nothing unread yet. False where the user is one already, with whatever role.

    The conversation is as it was found in this transaction: a large one has its log read from here on.
    """
    if role_of(connection, conversation.cid, uid) is not None:
        return False
    add_members(connection, conversation, [uid], role, now)
    return True


def add_members(connection: Connection, conversation: Conversation, uids: Collection[int], role: str, now: int) -> None:
    """Adds members who are none yet; as `add_member`, however many, a few round trips."""
    rows = [
        {
            "cid": conversation.cid,
            "uid": uid,
            "role": role,
            "read_seq": conversation.head,
            "joined_at": now,
            "muted": False,
        }
        for uid in uids
    ]
    connection.execute(insert(members), rows)
    if conversation.large:
        large.begin(connection, conversation.cid, uids)


def role_of(connection: Connection, cid: int, uid: int) -> str | None:
    """A user's role in a conversation; None where the user is no member."""
    query = select(members.c.role).where(members.c.cid == cid, members.c.uid == uid)
    return connection.execute(query).scalar()


def set_role(connection: Connection, cid: int, uid: int, role: str) -> None:
    """Changes a member's role."""
    mine = (members.c.cid == cid) & (members.c.uid == uid)
    connection.execute(update(members).where(mine).values(role=role))


def remove_member(connection: Connection, cid: int, uid: int) -> bool:
    """Removes a member, who gets nothing more of a large conversation's log; False where the user was none."""
    large.end(connection, cid, uid)
    return connection.execute(delete(members).where(members.c.cid == cid, members.c.uid == uid)).rowcount > 0


def dissolve(connection: Connection, cid: int, now: int) -> None:
    """Ends a group: nobody belongs to it any more, and its id stays taken. What a large one's log has still comes."""
    connection.execute(update(conversations).where(conversations.c.cid == cid).values(dissolved_at=now))
    connection.execute(delete(members).where(members.c.cid == cid))


def require_role(connection: Connection, cid: int, uid: int, *roles: str) -> str:
    """The user's role, one of `roles`. Raises `NotAMember` or `Forbidden`."""
    role: str = membership(connection, cid, uid).role
    if role not in roles:
        raise Forbidden(f"Only {' and '.join(roles)} may do this.")
    return role


def set_read_mark(connection: Connection, conversation: Conversation, uid: int, seq: int) -> int | None:
    """Moves the read mark to `seq`; returns where it stood, None if there or further on: it never goes back.

    Raises `NotAMember`, or `InvalidInput` for a seq beyond the last message.
    """
    if not 0 <= seq <= conversation.head:
        raise InvalidInput(f"conversationSeq must be 0-{conversation.head}, the last message of this conversation.")
    before: int = membership(connection, conversation.cid, uid).read_seq
    if before >= seq:
        return None
    mine = (members.c.cid == conversation.cid) & (members.c.uid == uid)
    connection.execute(update(members).where(mine).values(read_seq=seq))
    return before


def set_muted(connection: Connection, cid: int, uid: int, *, muted: bool) -> bool:
    """Mutes a conversation for one member: no push, still unread. Returns whether it is another now."""
    membership(connection, cid, uid)
    other = (members.c.cid == cid) & (members.c.uid == uid) & (members.c.muted != muted)
    return connection.execute(update(members).where(other).values(muted=muted)).rowcount > 0


def listed(connection: Connection, uid: int, offset: int, count: int) -> list[Listed]:
    """A user's conversations, the latest first."""
    return [Listed(*row) for row in fetch(connection, LIST, uid=uid, offset=offset, count=count)]


def unread_counts(connection: Connection, uid: int) -> dict[str, int]:
    """Unread messages per conversation id, where there are any."""
    rows = fetch(connection, UNREAD, uid=uid)
    return {conversation_id: unread for conversation_id, unread in rows if unread}
