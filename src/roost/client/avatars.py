"""Pictures of users and groups: the part of the client that uploads and shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from roost.client.files import Files
from roost.client.groups import Groups
from roost.client.profiles import Profiles
from roost.errors import UnknownAttachment
from roost.model.attachment import is_file
from roost.protocol.answers import Group, OwnProfile


class Pictured(Protocol):
    """What has an avatar: a profile, a group, what is set of one."""

    @property
    def avatar(self) -> str | None:
        """An address, or the id of an uploaded file."""


class Avatars(Profiles, Groups, Files):
    """What a `Client` does with pictures of users and groups. It asks the server: `NetworkError` offline."""

    async def set_avatar(self, source: str | Path | bytes) -> OwnProfile:
        """Uploads a picture, a path or bytes, and shows it in this user's profile instead of the one before.

        Everybody sees its thumbnail. Raises as `upload` does; `FileTypeRefused` for what is no picture.
        """
        picture = await self.upload(source)
        return await self.set_profile(avatar=picture.id)

    async def set_group_avatar(self, group_id: str, source: str | Path | bytes) -> Group:
        """The same for a group, whose members see it. For its owner and admins. Raises as `set_avatar`, `Forbidden`."""
        picture = await self.upload(source)
        return await self.change_group(group_id, avatar=picture.id)

    async def avatar(self, of: Pictured | None) -> bytes | None:
        """The picture (WebP) that a profile or a group shows, where it was uploaded.

        None where it shows none, or one elsewhere: then `of.avatar` is its address.
        """
        if of is None or not is_file(of.avatar):
            return None
        return await self._picture(f"/attachments/{of.avatar}/thumbnail")

    async def avatar_of_invitation(self, token: str) -> bytes | None:
        """The same of the group that an invitation leads to. Raises as `look_at_invitation`."""
        return await self._picture(f"/invitations/{quote(token, safe='')}/avatar")

    async def _picture(self, path: str) -> bytes | None:
        try:
            return (await self._http.raw("GET", path)).content
        except UnknownAttachment:
            return None
