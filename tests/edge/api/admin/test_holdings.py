"""What there is of a user, by the schema: each column that names one is exported and erased, or it is said why not."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, func, insert, select

from roost.db.schema import devices, marks, metadata, push_addresses, push_log, push_outbox, users
from tests.edge.api.admin.conftest import operator_of
from tests.edge.api.admin.test_data import erased, exported
from tests.edge.api.admin.test_users import PASSWORD
from tests.edge.people import Person, Town
from tests.files.pictures import picture

OF_USERS = {"uid", "user_id", "sender", "blocked", "banned_by", "made_by"}
"""How columns are called that hold a user."""

WITHOUT_USERS = {
    *("api_keys", "audit", "deployment", "revoked_tokens", "sticker_packs", "stickers"),
    *("attachment_uses", "expiring", "pins", "search_again", "search_texts"),  # of messages
    *("conversation_log", "conversations", "search_marks"),  # of conversations
    *("webhook_failures", "webhook_outbox"),  # docs/admin.md says that these stay 30 days
}
"""Tables without such a column."""

EXPORTED = {
    "users.uid": "profile",
    "users.user_id": "profile",
    "profiles.uid": "profile",
    "avatars.uid": "profile",
    "devices.uid": "device",
    "positions.uid": "device",
    "push_addresses.uid": "pushAddress",
    "attachments.uid": "file",
    "blocks.uid": "block",
    "mutes.uid": "mute",
    "bans.uid": "ban",
    "invitations.made_by": "invitation",
    "reports.uid": "report",
    "scheduled.uid": "scheduled",
    "drafts.uid": "draft",
    "members.uid": "conversation",
    "messages.sender": "message",
}
"""The kind of line that has it."""
NOT_EXPORTED = {
    "barred_tokens.user_id": "only from when on tokens count",
    "refresh_tokens.uid": "secrets, as hashes",
    "blocks.blocked": "what others do not want to hear is theirs",
    "bans.banned_by": "of others; the audit log has it",
    "log.uid": "tells where something changed; how it is now is exported",
    "logs.uid": "where the log begins",
    "marks.uid": "which of the entries after its position a device has",
    "cursors.uid": "how far a large group's log went into the user's",
    "calls.uid": "how far a job is",
    "erasures.uid": "has an operation of its own",
    "push_outbox.uid": "pushes that are under way",
    "push_log.user_id": "what became of pushes; it goes after 30 days, or is erased",
}
ERASED = {
    *("positions.uid", "marks.uid", "push_addresses.uid", "push_outbox.uid", "refresh_tokens.uid"),
    *("blocks.uid", "mutes.uid", "bans.uid", "invitations.made_by", "scheduled.uid", "drafts.uid"),
    *("log.uid", "cursors.uid", "avatars.uid", "reports.uid", "push_log.user_id"),
}
"""Nothing is left."""
NOT_ERASED = {
    "users.uid": "the user id stays, with nothing else",
    "users.user_id": "others' conversations are named after it",
    "profiles.uid": "emptied, with the number of its version",
    "devices.uid": "emptied: entries of the log say by number which device made them",
    "attachments.uid": "marked; the sweeper removes file and row",
    "members.uid": "in private conversations, which are the other's as well",
    "messages.sender": "emptied: others' histories have no gap",
    "blocks.blocked": "what others do not want to hear is theirs",
    "bans.banned_by": "the bans of others hold on",
    "barred_tokens.user_id": "keeps tokens out that are still signed",
    "logs.uid": "a number, so that no seq is given twice",
    "calls.uid": "how far a job is",
    "erasures.uid": "how far it is",
}


def columns() -> set[str]:
    """Those of the schema that hold a user."""
    return {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name in OF_USERS
    }


def rows_of(connection: Connection, user_id: str) -> dict[str, int]:
    """How many rows each of these columns has of a user."""
    uid = connection.execute(select(users.c.uid).where(users.c.user_id == user_id)).scalar_one()
    found = {}
    for name in columns():
        table, column = name.split(".")
        held = metadata.tables[table].c[column]
        mine = held == (user_id if column == "user_id" else uid)
        found[name] = connection.execute(select(func.count()).where(mine)).scalar_one()
    return found


async def live(town: Town, alice: Person, bob: Person) -> None:
    """Alice leaves something in every table that has users."""
    cat, group = await town.person("cat"), await bob.group(alice)
    sent = await bob.send(alice)
    await alice.send(bob)
    face = (await alice.post("/attachments", files={"file": ("a.png", picture(), "image/png")})).data["id"]
    await alice.patch("/users/me", {"status": "in Rome", "avatar": face})
    await alice.post("/devices", {"platform": "email", "email": "alice@example.org"})
    await alice.post("/attachments", files={"file": ("a.txt", b"text", "text/plain")})
    await alice.post(f"/messages/{sent['serverMsgID']}/report", {"reason": "spam"})
    await alice.post("/messages/mark_synced", {"message_ids": [sent["serverMsgID"]]})
    later = {"conversationID": f"g:{group}", "content": "later", "sendTime": int(time.time() * 1000) + 600_000}
    await alice.post("/messages/scheduled", later)
    await alice.put(f"/conversations/g:{group}/draft", {"content": "half a", "version": 1})
    await alice.post("/groups", {"groupID": "hers", "members": ["bob"]})
    await alice.post("/groups/hers/invitations")
    await alice.put("/groups/hers/bans/cat")
    await bob.put(f"/groups/{group}/members/alice/mute", {"seconds": 600})
    await bob.post("/groups", {"groupID": "left", "members": ["alice"]})
    await bob.put("/groups/left/bans/alice")
    await bob.post("/groups", {"groupID": "ended", "members": ["alice", "cat"]})
    await bob.post("/messages/group", {"to": "ended", "content": "all is over"})
    await bob.delete("/groups/ended")
    await alice.put("/blocks/cat")
    await cat.put("/blocks/alice")

    def under_way(tx: Connection) -> None:
        uid = tx.execute(select(users.c.uid).where(users.c.user_id == "alice")).scalar_one()
        did = tx.execute(select(devices.c.did).where(devices.c.uid == uid)).scalars().first()
        aid = tx.execute(select(push_addresses.c.aid)).scalar_one()
        tx.execute(insert(push_outbox).values(aid=aid, uid=uid, did=did, mid=1, seq=1, due_at=2**50, created_at=1))
        pushed = {"push_type": "email", "push_status": "sent", "push_time": 1, "created_at": 1, "attempt": 0}
        tx.execute(insert(push_log).values(user_id="alice", message_id=1, device_id="d", **pushed))
        tx.execute(insert(marks).values(uid=uid, did=did, seq=2**40, synced_at=1))

    await town.roads.database.write(under_way)


async def test_all_of_a_user_is_exported_and_erased(settle: Callable[..., Awaitable[Town]]) -> None:
    town = await settle(fanout={"max_members": 2})
    shop, bob = operator_of(town), await town.person("bob")
    body = {"userID": "alice", "password": PASSWORD}
    alice = town.holder((await town.holder(None).post("/auth/register", body)).data["token"], "alice")
    await live(town, alice, bob)
    before: dict[str, Any] = await town.roads.database.read(lambda connection: rows_of(connection, "alice"))
    assert {name for name, count in before.items() if count} >= EXPORTED.keys() | ERASED
    assert {kind for kind, _ in await exported(shop, "alice")} == set(EXPORTED.values())
    await erased(shop, "alice")
    after: dict[str, Any] = await town.roads.database.read(lambda connection: rows_of(connection, "alice"))
    assert {name for name, count in after.items() if count} & ERASED == set()
    left = {kind for kind, _ in await exported(shop, "alice")}
    assert left <= {"profile", "device", "conversation", "message"}


def test_no_column_is_forgotten() -> None:
    """A new table with users: say above whether it is exported and erased, and if not, why."""
    assert columns() == EXPORTED.keys() | NOT_EXPORTED.keys() == ERASED | NOT_ERASED.keys()
    assert not EXPORTED.keys() & NOT_EXPORTED.keys()
    assert not ERASED & NOT_ERASED.keys()
    with_users = {name.partition(".")[0] for name in columns()}
    assert {table.name for table in metadata.sorted_tables} == with_users | WITHOUT_USERS
    assert not with_users & WITHOUT_USERS
