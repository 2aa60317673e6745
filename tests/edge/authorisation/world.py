"""What the rows of the table ask about: made when a row first names it, each world with things of its own.

A row names things in braces: `/groups/{group}/members/{target}`. Every method of `World` without an underscore is one.
"""

from __future__ import annotations

import itertools
import re
import time
from base64 import b64encode
from typing import Any

from roost.edge.auth.keys import operator_key
from roost.edge.auth.tokens import sign
from tests.edge.authorisation.cells import USERS
from tests.edge.people import Person, Town
from tests.files.pictures import picture

EXTRAS = ("target", "newcomer", "outcast")
"""Users whom something is done to: a plain member, somebody who is to come in, somebody who is banned."""
PASSWORD = "long enough"
LATER = 1000 * (int(time.time()) + 86_400)
"""Tomorrow, in milliseconds."""
NAMED = re.compile(r"\{(\w+)\}")

_numbers = itertools.count(1)


class Cast:
    """The users of all worlds on one node, and what holds between them everywhere: the owner has blocked `blocked`."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.operator = town.holder(operator_key(town.secret, time.time_ns() // 1_000_000), "operator")
        self._keys: dict[str, str] = {}

    async def arrive(self) -> None:
        """They are there."""
        for name in (*USERS, *EXTRAS):
            await self.town.person(name)
        for other in ("blocked", "other"):
            await self.town.holder(self.token("owner"), "owner").send(self.town.holder(None, other))
        await self.user("owner").put("/blocks/blocked")
        for name, scopes in (("key", ["*"]), ("narrow", ["metrics"])):
            made = await self.operator.post("/admin/keys", {"name": name, "scopes": scopes})
            self._keys[name] = made.data["key"]

    def token(self, role: str) -> str | None:
        """A new token, or the key, that somebody in a role shows."""
        if role in self._keys:
            return self._keys[role]
        if role == "none":
            return None
        if role == "expired":
            return sign(self.town.secret, "owner", None, -60).token
        return sign(self.town.secret, role, None, 600).token

    def user(self, role: str) -> Person:
        return self.town.holder(self.token(role), role)


class World:
    """A group, its messages, and whatever else a row names."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self._things: dict[str, str] = {}

    async def fill(self, value: Any) -> Any:
        """`value` with the things that it names in their places."""
        if isinstance(value, dict):
            return {key: await self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [await self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        for name in NAMED.findall(value):
            value = value.replace(f"{{{name}}}", await self._thing(name))
        return value

    async def _thing(self, name: str) -> str:
        if name in (*USERS, *EXTRAS):
            return name
        if name not in self._things:
            self._things[name] = str(await getattr(self, name)())
        return self._things[name]

    async def _ask(self, role: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = await self.cast.user(role).ask(method, await self.fill(path), await self.fill(body), **options)
        assert answer.status < 400, (method, path, answer)
        return answer

    async def _data(self, role: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        return (await self._ask(role, method, path, body, **options)).data

    # --- the things ---

    async def group(self) -> Any:
        """A group with its owner, an admin, two plain members, and one who was removed."""
        body = {"members": ["admin", "member", "former", "target"]}
        group = self._things["group"] = (await self._data("owner", "POST", "/groups", body))["groupID"]
        await self._ask("owner", "PUT", "/groups/{group}/members/admin", {"role": "admin"})
        await self._ask("owner", "DELETE", "/groups/{group}/members/former")
        return group

    async def said(self) -> Any:
        """A message of `member` to the group."""
        body = {"to": "{group}", "content": "hello"}
        return (await self._data("member", "POST", "/messages/group", body))["serverMsgID"]

    async def whispered(self) -> Any:
        """A message of the owner to the other."""
        return (await self._data("owner", "POST", "/messages/user", {"to": "other", "content": "hello"}))["serverMsgID"]

    async def hushed(self) -> Any:
        """A message of the owner to the one who is blocked."""
        body = {"to": "blocked", "content": "hello"}
        return (await self._data("owner", "POST", "/messages/user", body))["serverMsgID"]

    async def private(self) -> str:
        """Their conversation."""
        return "p:other:owner"

    async def token(self) -> Any:
        """The token of an invitation to the group; `invitation` is its id."""
        made = await self._data("owner", "POST", "/groups/{group}/invitations")
        self._things["invitation"] = made["invitationID"]
        return made["token"]

    async def invitation(self) -> Any:
        await self._thing("token")
        return self._things["invitation"]

    async def banned(self) -> str:
        """Somebody who is banned from the group."""
        await self._ask("owner", "PUT", "/groups/{group}/bans/outcast")
        return "outcast"

    async def scheduled(self) -> Any:
        """A message that the owner has scheduled."""
        body = {"conversationID": "{private}", "content": "later", "sendTime": LATER}
        return (await self._data("owner", "POST", "/messages/scheduled", body))["scheduledID"]

    async def attachment(self) -> Any:
        """A picture that a message of `member` to the group carries."""
        files = {"file": ("a.png", picture(8, 8), "image/png")}
        made = await self._data("member", "POST", "/attachments", files=files)
        body = {"to": "{group}", "content": "", "attachments": [made["id"]]}
        await self._ask("member", "POST", "/messages/group", body)
        return made["id"]

    async def face(self) -> Any:
        """A picture that is the avatar of somebody of this world alone."""
        person = await self.cast.town.person(f"face{next(_numbers)}")
        files = {"file": ("a.png", picture(8, 8), "image/png")}
        made = (await person.post("/attachments", files=files)).data
        assert (await person.patch("/users/me", {"avatar": made["id"]})).status == 200
        return made["id"]

    async def sign(self) -> Any:
        """A picture that is the group's, of its owner."""
        files = {"file": ("a.png", picture(8, 8), "image/png")}
        made = await self._data("owner", "POST", "/attachments", files=files)
        await self._ask("owner", "PATCH", "/groups/{group}", {"avatar": made["id"]})
        return made["id"]

    async def pictured(self) -> str:
        """The token of an invitation to the group, which has a picture."""
        await self._thing("sign")
        return await self._thing("token")

    async def upload(self) -> str:
        """An upload of the owner that has begun."""
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "4", "Upload-Metadata": f"filename {_encoded('a.txt')}"}
        answer = await self._ask("owner", "POST", "/uploads", headers=headers)
        return str(answer.headers["location"]).rpartition("/")[2]

    async def name(self) -> str:
        """A user id that nobody has."""
        return f"new{next(_numbers)}"

    async def somebody(self) -> str:
        """A user with a password, of this world alone."""
        name = f"somebody{next(_numbers)}"
        session = await self._data("none", "POST", "/auth/register", {"userID": name, "password": PASSWORD})
        self._things["refresh"] = session["refreshToken"]
        return name

    async def erased(self) -> str:
        """A user whose data are being erased."""
        await self._ask("key", "POST", "/admin/users/{somebody}/erase")
        return await self._thing("somebody")

    async def refresh(self) -> str:
        """A refresh token of somebody's."""
        await self._thing("somebody")
        return self._things["refresh"]

    async def pack(self) -> str:
        """A pack of stickers."""
        name = f"pack{next(_numbers)}"
        one = {"stickerID": "wave", "emoji": "👋", "url": "https://example.org/wave.webp"}
        await self.cast.operator.put(f"/admin/stickers/{name}", {"name": "Cats", "stickers": [one]})
        return name

    async def report(self) -> Any:
        """A report of what a member said."""
        return (await self._data("owner", "POST", "/messages/{said}/report", {"reason": "spam"}))["reportID"]

    async def old_key(self) -> Any:
        """A back end's key that may be revoked."""
        body = {"name": f"old{next(_numbers)}", "scopes": ["stats"]}
        answer = await self.cast.operator.post("/admin/keys", body)
        return answer.data["prefix"]


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()
