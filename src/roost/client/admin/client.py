"""`AdminClient`: its parts, a file for each subject."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from roost.client.admin.data import UserData
from roost.client.admin.groups import Groups
from roost.client.admin.keys import Keys
from roost.client.admin.messages import Messages
from roost.client.admin.operating import Operating
from roost.client.admin.reports import Reports
from roost.client.admin.stickers import Stickers
from roost.client.admin.users import Users
from roost.client.http import Http
from roost.client.tokens import Tokens


class AdminClient(Users, UserData, Groups, Messages, Stickers, Reports, Operating, Keys):
    """A back end. Its key is `roost_...`, from `roost key create`."""

    def __init__(self, url: str, *, key: str) -> None:
        """A client of the server at `url`, such as `http://127.0.0.1:8080`."""
        self._http = Http(url.rstrip("/"), Tokens(key))

    async def __aenter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends its connections."""
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._http.close()
