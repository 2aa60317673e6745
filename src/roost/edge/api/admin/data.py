"""A user's data: exporting it, erasing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response
from litestar.response import Stream
from sqlalchemy import Connection

from roost.audit import Act, record
from roost.edge.api.admin.users import UserName
from roost.edge.api.operations import BackEndCall, operation, raw_operation
from roost.edge.auth.credentials import find_account
from roost.flow.operating.exporting import export
from roost.model import ids
from roost.protocol.admin import ErasureState
from roost.protocol.codec import encode_json
from roost.roster.erasures import Erasure, erasure_of
from roost.roster.users import Account

LINES = "application/x-ndjson"
WORTH_SENDING = 64 * 1024
"""Bytes in a piece of an export."""


AnyRequest = Request[Any, Any, Any]


async def export_user(call: BackEndCall, request: AnyRequest) -> Response[Any]:
    """Read everything the server has of a user, as lines of JSON, the last of them `end` with the number of the others.

    Each has its `kind`: profile, device, pushAddress, file, block, mute, ban, invitation, report, scheduled, draft,
    conversation, message, end.
    """
    user = ids.user_id(request.path_params["user_id"])

    def change(tx: Connection) -> Account:
        account = find_account(tx, user)
        record(tx, Act("user.exported", call.author, target=user))
        return account

    account = await call.roads.database.write(change)
    headers = {"Content-Disposition": f'attachment; filename="{user}.jsonl"'}
    return Stream(_lines(call, account), media_type=LINES, headers=headers)


async def _lines(call: BackEndCall, account: Account) -> AsyncIterator[bytes]:
    piece, count = bytearray(), 0
    async for kind, value in export(call.roads.database, account):
        piece += encode_json({"kind": kind, kind: value}) + b"\n"
        count += 1
        if len(piece) >= WORTH_SENDING:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece) + encode_json({"kind": "end", "end": {"lines": count}}) + b"\n"


async def erase_user(call: BackEndCall, asked: UserName) -> ErasureState:
    """Erase a user's data, for good. Profile and credentials go at once, the rest in the background.

    The user leaves all groups, and each of the user's messages is emptied as if recalled, for the reason `erased`.
    Again this tells how far it is.
    """
    done = await call.roads.credentials.erase(call.author, ids.user_id(asked.user_id))
    call.roads.erasing.wake()
    return _state(done)


async def show_erasure(call: BackEndCall, asked: UserName) -> ErasureState:
    """Tell how far the erasing of a user's data is."""
    user = ids.user_id(asked.user_id)
    return _state(await call.roads.database.read(lambda tx: erasure_of(tx, find_account(tx, user).uid)))


def _state(erasure: Erasure) -> ErasureState:
    return ErasureState(
        user_id=erasure.user_id,
        ask_time=erasure.asked_at,
        emptied=erasure.emptied,
        done=erasure.done_at is not None,
        done_time=erasure.done_at or 0,
    )


OPERATIONS = (
    raw_operation(
        "GET",
        "/admin/users/{user_id}/export",
        export_user,
        content={LINES: {"schema": {"type": "string"}}},
    )._replace(scope="users:export"),
    operation("POST", "/admin/users/{user_id}/erase", erase_user, status=202, scope="users:erase"),
    operation("GET", "/admin/users/{user_id}/erase", show_erasure, scope="users:erase"),
)
