"""Keys: making, listing and revoking them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from roost.audit import Act, record
from roost.edge.api.operations import BackEndCall, operation
from roost.edge.auth import keys
from roost.edge.auth.keys import MAX_NAME, KeyState
from roost.model.names import Wire
from roost.protocol.admin import ApiKey, ApiKeys, MadeKey


class NewKey(Wire, kw_only=True):
    """A key to be made, good until `expireTime` (milliseconds), or until it is revoked."""

    name: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_NAME})]
    scopes: list[str]
    expire_time: int | None = None


class KeyName(Wire, kw_only=True):
    """A key, by its prefix or name."""

    key: str


async def create_key(call: BackEndCall, asked: NewKey) -> MadeKey:
    """Make a key. It has no more scopes than the key that asks, and is shown this once."""

    def change(tx: Connection) -> tuple[str, KeyState]:
        now = call.roads.clock()
        text, state = keys.create(tx, asked.name, asked.scopes, asked.expire_time, now, by=call.key)
        details = {"prefix": state.prefix, "name": state.name, "scopes": state.scopes}
        record(tx, Act("key.created", call.author, details=details))
        return text, state

    text, state = await call.roads.database.write(change)
    return MadeKey(key=text, **_fields(state))


async def list_keys(call: BackEndCall) -> ApiKeys:
    """List the keys, the oldest first, also those that are over."""
    found = await call.roads.database.read(keys.listed)
    return ApiKeys(keys=[ApiKey(**_fields(state)) for state in found])


async def revoke_key(call: BackEndCall, asked: KeyName) -> ApiKey:
    """Revoke a key. It ends at once, on all nodes; again this changes nothing."""

    def change(tx: Connection) -> KeyState:
        state = keys.revoke(tx, asked.key, call.roads.clock())
        record(tx, Act("key.revoked", call.author, details={"prefix": state.prefix, "name": state.name}))
        return state

    return ApiKey(**_fields(await call.roads.database.write(change)))


def _fields(state: KeyState) -> dict[str, Any]:
    return {
        "prefix": state.prefix,
        "name": state.name,
        "scopes": state.scopes,
        "create_time": state.created_at,
        "expire_time": state.expires_at,
        "revoke_time": state.revoked_at,
        "last_used": state.last_used,
    }


OPERATIONS = (
    operation("POST", "/admin/keys", create_key, status=201, scope="keys"),
    operation("GET", "/admin/keys", list_keys, scope="keys"),
    operation("DELETE", "/admin/keys/{key}", revoke_key, scope="keys"),
)
