"""Keys: making, listing and revoking them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from roost.client.admin.asking import Asking
from roost.protocol.admin import ApiKey, ApiKeys, MadeKey


class Keys(Asking):
    """What a back end does with keys, its own among them."""

    async def create_key(self, name: str, scopes: Sequence[str], *, expire_time: int | None = None) -> MadeKey:
        """Makes a key, good until `expire_time` (milliseconds) or until it is revoked. It is told this once."""
        body = {"name": name, "scopes": scopes, "expireTime": expire_time}
        return await self._http.call("POST", "/admin/keys", MadeKey, body=body)

    async def keys(self) -> list[ApiKey]:
        """All keys, also those that are over."""
        return (await self._http.call("GET", "/admin/keys", ApiKeys)).keys

    async def revoke_key(self, key: str) -> ApiKey:
        """Ends a key, by its prefix or name, at once."""
        return await self._http.call("DELETE", f"/admin/keys/{quote(key, safe='')}", ApiKey)
