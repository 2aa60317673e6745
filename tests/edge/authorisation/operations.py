"""The table of HTTP: a row for each operation and what it is about, a cell for each role.

A new operation needs a row: what is asked, as `World` knows the things in braces, and who may. Where an operation is
about several things, it has a row for each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.edge.authorisation.cells import (
    OK,
    USERS,
    Cells,
    back_ends,
    everybody,
    leaders,
    members,
    no_user,
    only_owner,
    pair,
    users,
)
from tests.edge.authorisation.world import LATER, PASSWORD


class Row(NamedTuple):
    """An operation (method and path as registered), what is asked of it, and what each role gets."""

    operation: str
    path: str
    cells: Cells
    body: Any
    options: dict[str, Any]

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]


def row(operation: str, cells: Cells, body: Any = None, path: str | None = None, **options: Any) -> Row:
    """A row; `path` where it names other things than the operation's own path does."""
    return Row(operation, path or operation.partition(" ")[2], cells, body, options)


PUSHED = users(**dict.fromkeys(USERS, "not_found"))
"""Every user, about its own; but push is off at the node that is asked, and nobody has the device `nowhere`."""
FORM = {"files": {"file": ("a.txt", b"text", "text/plain")}}
PIECE = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
SCHEDULED = "/messages/scheduled/{scheduled_id}"
GROUP = "/groups/{group_id}"
ADMIN_GROUP = "/admin/groups/{group_id}"
MEMBER = GROUP + "/members/{user_id}"
MESSAGE = "/messages/{server_msg_id}"
SAID, WHISPERED = "/messages/{said}", "/messages/{whispered}"
UNSEEN = "unknown_message"
ADMIN = "/admin/users/{user_id}"
SOMEBODY = "/admin/users/{somebody}"
PACK = {"name": "Cats", "stickers": [{"stickerID": "wave", "emoji": "👋", "url": "https://example.org/wave.webp"}]}

ACCOUNTS = [
    row("POST /auth/register", everybody(), {"userID": "{name}", "password": PASSWORD}),
    row("POST /auth/login", everybody(), {"userID": "{somebody}", "password": PASSWORD}),
    row("POST /auth/refresh", everybody(), {"refreshToken": "{refresh}"}),
    row("POST /auth/logout", users()),
]
MESSAGES = [
    row("POST /messages/user", users(blocked="forbidden"), {"to": "owner", "content": "hi"}),
    row("GET /messages/user/{user_id}", users(), path="/messages/user/owner"),
    row("POST /messages/group", members(), {"to": "{group}", "content": "hi"}),
    row("GET /messages/group/{group_id}", members(), path="/messages/group/{group}"),
    row("GET /messages/online", users(), path="/messages/online?userIDs=owner"),
    row(f"PATCH {MESSAGE}", members(UNSEEN, admin="forbidden", owner="forbidden"), {"content": "ha"}, SAID),
    row(f"PATCH {MESSAGE}", pair(UNSEEN, other="forbidden"), {"content": "ha"}, WHISPERED),
    row(f"POST {MESSAGE}/recall", members(UNSEEN), path=f"{SAID}/recall"),
    row(f"POST {MESSAGE}/recall", pair(UNSEEN, other="forbidden"), path=f"{WHISPERED}/recall"),
    row(f"PUT {MESSAGE}/reactions/{{emoji}}", members(UNSEEN), path=f"{SAID}/reactions/👍"),
    row(f"PUT {MESSAGE}/reactions/{{emoji}}", pair(UNSEEN), path=f"{WHISPERED}/reactions/👍"),
    row(
        f"PUT {MESSAGE}/reactions/{{emoji}}",
        pair(UNSEEN, other=UNSEEN, blocked="forbidden"),
        path="/messages/{hushed}/reactions/👍",
    ),
    row(f"PUT {MESSAGE}/pin", pair(UNSEEN, other=UNSEEN, blocked="forbidden"), path="/messages/{hushed}/pin"),
    row(f"DELETE {MESSAGE}/reactions/{{emoji}}", members(UNSEEN), path=f"{SAID}/reactions/👍"),
    row(f"PUT {MESSAGE}/pin", leaders(UNSEEN), path=f"{SAID}/pin"),
    row(f"PUT {MESSAGE}/pin", pair(UNSEEN), path=f"{WHISPERED}/pin"),
    row(f"DELETE {MESSAGE}/pin", leaders(UNSEEN), path=f"{SAID}/pin"),
    row(f"POST {MESSAGE}/forward", members(UNSEEN), {"to": ["g:{group}"]}, f"{SAID}/forward"),
    row(f"POST {MESSAGE}/forward", pair(UNSEEN, other="not_a_member"), {"to": ["g:{group}"]}, f"{WHISPERED}/forward"),
    row(f"GET {MESSAGE}/receipts", members(UNSEEN), path=f"{SAID}/receipts"),
    row(f"GET {MESSAGE}/receipts", pair(UNSEEN), path=f"{WHISPERED}/receipts"),
    row(f"POST {MESSAGE}/report", members(UNSEEN, member="invalid_input"), {"reason": "spam"}, f"{SAID}/report"),
    row(f"POST {MESSAGE}/report", pair(UNSEEN, owner="invalid_input"), {"reason": "spam"}, f"{WHISPERED}/report"),
    row("POST /messages/scheduled", users(), {"conversationID": "g:{group}", "content": "later", "sendTime": LATER}),
    row("GET /messages/scheduled", users()),
    row(f"PATCH {SCHEDULED}", only_owner("unknown_message"), {"content": "ha"}, "/messages/scheduled/{scheduled}"),
    row(f"DELETE {SCHEDULED}", only_owner("unknown_message"), path="/messages/scheduled/{scheduled}"),
    row("GET /messages/search", users(), path="/messages/search?q=hello"),
    row("GET /messages/search", members(), path="/messages/search?q=hello&conversationID=g:{group}"),
    row("POST /messages/sync", users(), {}),
    row("GET /messages/offline", users()),
    row("POST /messages/mark_synced", users(), {"messageIDs": ["{said}"]}),
    row("GET /messages/unread_count", users()),
    row("DELETE /messages/offline/clear", users()),
]
CONVERSATIONS = [
    row("GET /conversations", users()),
    row("GET /conversations/marks", users(), path="/conversations/marks?conversationIDs=g:{group}"),
    row(
        "POST /conversations/{conversation_id}/read",
        members(),
        {"conversationSeq": 0},
        "/conversations/g:{group}/read",
    ),
    row("POST /conversations/{conversation_id}/read", pair(), {"conversationSeq": 0}, "/conversations/{private}/read"),
    row("PUT /conversations/{conversation_id}/mute", members(), {}, "/conversations/g:{group}/mute"),
    row("PUT /conversations/{conversation_id}/mute", pair(), {}, "/conversations/{private}/mute"),
    row("PUT /conversations/{conversation_id}/draft", members(), {"content": "ha"}, "/conversations/g:{group}/draft"),
    row("PUT /conversations/{conversation_id}/draft", pair(), {"content": "ha"}, "/conversations/{private}/draft"),
    row("GET /drafts", users()),
    row("GET /conversations/{conversation_id}/pins", members(), path="/conversations/g:{group}/pins"),
    row("GET /conversations/{conversation_id}/pins", pair(), path="/conversations/{private}/pins"),
]
GROUPS = [
    row("POST /groups", users(), {"members": ["target"]}),
    row("POST /groups", users(blocked="forbidden"), {"members": ["owner"]}),
    row(f"GET {GROUP}", members(), path="/groups/{group}"),
    row(f"PATCH {GROUP}", leaders(), {"name": "Tea"}, "/groups/{group}"),
    row(f"DELETE {GROUP}", leaders(admin="forbidden"), path="/groups/{group}"),
    row(f"GET {GROUP}/members", members(), path="/groups/{group}/members"),
    row(f"POST {GROUP}/members", leaders(), {"members": ["newcomer"]}, "/groups/{group}/members"),
    row(f"PUT {MEMBER}", leaders(), {}, "/groups/{group}/members/newcomer"),
    row(f"PUT {MEMBER}", leaders(admin="forbidden"), {"role": "admin"}, "/groups/{group}/members/target"),
    row(f"DELETE {MEMBER}", leaders(), path="/groups/{group}/members/target"),
    row(f"DELETE {MEMBER}", leaders(admin=OK, owner=OK, member="forbidden"), path="/groups/{group}/members/admin"),
    row(f"POST {GROUP}/leave", members(), path="/groups/{group}/leave"),
    row(f"POST {GROUP}/transfer", leaders(admin="forbidden"), {"userID": "target"}, "/groups/{group}/transfer"),
    row(f"PUT {MEMBER}/mute", leaders(), {"seconds": 60}, "/groups/{group}/members/target/mute"),
    row(f"PUT {MEMBER}/mute", leaders(admin="forbidden"), {"seconds": 60}, "/groups/{group}/members/admin/mute"),
    row(f"DELETE {MEMBER}/mute", leaders(), path="/groups/{group}/members/target/mute"),
    row(f"GET {GROUP}/bans", leaders(), path="/groups/{group}/bans"),
    row(f"PUT {GROUP}/bans/{{user_id}}", leaders(), path="/groups/{group}/bans/target"),
    row(f"PUT {GROUP}/bans/{{user_id}}", leaders(admin="forbidden"), path="/groups/{group}/bans/admin"),
    row(
        f"PUT {GROUP}/bans/{{user_id}}",
        leaders(admin="forbidden", owner="forbidden"),
        path="/groups/{group}/bans/owner",
    ),
    row(f"DELETE {GROUP}/bans/{{user_id}}", leaders(), path="/groups/{group}/bans/{banned}"),
    row(f"POST {GROUP}/invitations", leaders(), {}, "/groups/{group}/invitations"),
    row(f"GET {GROUP}/invitations", members(), path="/groups/{group}/invitations"),
    row(
        f"DELETE {GROUP}/invitations/{{invitation_id}}",
        members(member="unknown_invitation"),
        path="/groups/{group}/invitations/{invitation}",
    ),
    row("GET /invitations/{token}", users()),
    row("GET /invitations/{token}/avatar", users(), path="/invitations/{pictured}/avatar"),
    row("POST /invitations/{token}/join", users()),
]
FILES = [
    row("POST /attachments", users(), **FORM),
    row("GET /attachments/{attachment_id}", members("unknown_attachment"), path="/attachments/{attachment}"),
    row("HEAD /attachments/{attachment_id}", members("unknown_attachment"), path="/attachments/{attachment}"),
    row(
        "GET /attachments/{attachment_id}/thumbnail",
        members("unknown_attachment"),
        path="/attachments/{attachment}/thumbnail",
    ),
    row("GET /attachments/{attachment_id}/thumbnail", users(), path="/attachments/{face}/thumbnail"),
    row(
        "GET /attachments/{attachment_id}/thumbnail",
        members("unknown_attachment"),
        path="/attachments/{sign}/thumbnail",
    ),
    row("GET /attachments/{attachment_id}", only_owner("unknown_attachment"), path="/attachments/{sign}"),
    row("GET /attachments/{attachment_id}", no_user("unknown_attachment"), path="/attachments/{face}"),
    row("POST /uploads", users(), headers={"Upload-Length": "4"}),
    row(
        "HEAD /uploads/{upload_id}",
        only_owner("unknown_attachment"),
        path="/uploads/{upload}",
    ),
    row(
        "PATCH /uploads/{upload_id}",
        only_owner("unknown_attachment"),
        path="/uploads/{upload}",
        headers=PIECE,
        content=b"text",
    ),
    row(
        "DELETE /uploads/{upload_id}",
        only_owner("unknown_attachment"),
        path="/uploads/{upload}",
    ),
]
OWN = [
    row("GET /users", users(), path="/users?userIDs=owner,target"),
    row("GET /users/{user_id}", users(), path="/users/owner"),
    row("GET /users/me", users()),
    row("PATCH /users/me", users(), {"status": "away", "presence": "contacts"}),
    row("PATCH /users/me", no_user("unknown_attachment"), {"avatar": "{face}"}),
    row("GET /blocks", users()),
    row("GET /stickers", users()),
    row("PUT /blocks/{user_id}", users(), path="/blocks/target"),
    row("DELETE /blocks/{user_id}", users(), path="/blocks/target"),
    row("GET /devices", users()),
    row("POST /devices", users(), {"platform": "email", "email": "a@example.org"}),
    row("DELETE /devices", users(), path="/devices?platform=email"),
    row("GET /devices/webpush-key", PUSHED),
    row("DELETE /devices/{device_id}", users(), path="/devices/default?platform=email"),
    row("POST /devices/{device_id}/test", PUSHED, {}, "/devices/nowhere/test"),
    row("GET /snapshot", users()),
]
BACK_ENDS = [
    row("POST /admin/users", back_ends(), {"userID": "{name}"}),
    row("GET /admin/users", back_ends()),
    row(f"GET {ADMIN}", back_ends(), path=SOMEBODY),
    row(f"PATCH {ADMIN}", back_ends(), {"displayName": "Some"}, SOMEBODY),
    row(f"POST {ADMIN}/deactivate", back_ends(), path=f"{SOMEBODY}/deactivate"),
    row(f"POST {ADMIN}/reactivate", back_ends(), path=f"{SOMEBODY}/reactivate"),
    row(f"PUT {ADMIN}/password", back_ends(), {"password": PASSWORD}, f"{SOMEBODY}/password"),
    row(f"GET {ADMIN}/devices", back_ends(), path=f"{SOMEBODY}/devices"),
    row(f"POST {ADMIN}/tokens", back_ends(), {}, f"{SOMEBODY}/tokens"),
    row(f"DELETE {ADMIN}/tokens", back_ends(), path=f"{SOMEBODY}/tokens"),
    row(f"GET {ADMIN}/export", back_ends(), path=f"{SOMEBODY}/export"),
    row(f"POST {ADMIN}/erase", back_ends(), path=f"{SOMEBODY}/erase"),
    row(f"GET {ADMIN}/erase", back_ends(), path="/admin/users/{erased}/erase"),
    row("POST /admin/groups", back_ends(), {"ownerID": "target"}),
    row(f"GET {ADMIN_GROUP}", back_ends(), path="/admin/groups/{group}"),
    row(f"PATCH {ADMIN_GROUP}", back_ends(), {"name": "Tea"}, "/admin/groups/{group}"),
    row(f"DELETE {ADMIN_GROUP}", back_ends(), path="/admin/groups/{group}"),
    row(f"POST {ADMIN_GROUP}/transfer", back_ends(), {"userID": "target"}, "/admin/groups/{group}/transfer"),
    row(f"GET {ADMIN_GROUP}/members", back_ends(), path="/admin/groups/{group}/members"),
    row(f"POST {ADMIN_GROUP}/members", back_ends(), {"members": ["newcomer"]}, "/admin/groups/{group}/members"),
    row(
        f"POST {ADMIN_GROUP}/members/remove",
        back_ends(),
        {"members": ["target"]},
        "/admin/groups/{group}/members/remove",
    ),
    row(f"PUT {ADMIN_GROUP}/members/{{user_id}}", back_ends(), {}, "/admin/groups/{group}/members/newcomer"),
    row("POST /admin/messages", back_ends(), {"to": "target", "content": "hi"}),
    row("POST /admin/messages/{server_msg_id}/recall", back_ends(), {}, "/admin/messages/{said}/recall"),
    row("PUT /admin/stickers/{pack_id}", back_ends(), PACK, "/admin/stickers/cats"),
    row("DELETE /admin/stickers/{pack_id}", back_ends(), path="/admin/stickers/{pack}"),
    row("GET /admin/reports", back_ends()),
    row(
        "POST /admin/reports/{report_id}/close", back_ends(), {"resolution": "upheld"}, "/admin/reports/{report}/close"
    ),
    row("GET /admin/metrics", back_ends(narrow=OK)),
    row("GET /admin/audit", back_ends()),
    row("GET /admin/stats", back_ends()),
    row("GET /admin/stats/behind", back_ends()),
    row("POST /admin/keys", back_ends(), {"name": "{name}", "scopes": ["stats"]}),
    row("GET /admin/keys", back_ends()),
    row("DELETE /admin/keys/{key}", back_ends(), path="/admin/keys/{old_key}"),
]
TABLE = [*ACCOUNTS, *MESSAGES, *CONVERSATIONS, *GROUPS, *FILES, *OWN, *BACK_ENDS]
