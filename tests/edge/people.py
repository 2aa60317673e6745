"""People who talk to a real node over HTTP, and what they say and are told."""

from __future__ import annotations

import itertools
import ssl
from dataclasses import dataclass
from typing import Any

import httpx2

from roost.edge.auth.tokens import sign

_numbers = itertools.count(1)
_TLS = ssl.create_default_context()
"""Made once: a client makes its own otherwise, which takes longer than a test."""


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is the whole envelope, or bytes where it is not JSON."""

    status: int
    headers: httpx2.Headers
    body: Any

    @property
    def data(self) -> Any:
        assert self.body["code"] == 0, self.body
        return self.body["data"]

    @property
    def error(self) -> str:
        return str(self.body["error"])

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and error of a failure."""
        return self.status, self.error


class Person:
    """A user on a device, with a token."""

    def __init__(self, http: httpx2.AsyncClient, user_id: str, token: str | None, prefix: str = "/api/v1") -> None:
        self.user_id = user_id
        self.token = token
        self._http = http
        self._prefix = prefix

    async def ask(self, method: str, path: str, json: Any = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        answer = await self._http.request(method, self._prefix + path, json=json, headers=headers, **options)
        is_json = bool(answer.content) and answer.headers.get("content-type") == "application/json"
        return Answer(answer.status_code, answer.headers, answer.json() if is_json else answer.content)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        return await self.ask("POST", path, json, **options)

    async def put(self, path: str, json: Any = None, **options: Any) -> Answer:
        return await self.ask("PUT", path, json, **options)

    async def patch(self, path: str, json: Any = None, **options: Any) -> Answer:
        return await self.ask("PATCH", path, json, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.ask("DELETE", path, **options)

    def conversation(self, other: Person) -> str:
        """The id of the private conversation with another."""
        one, two = sorted((self.user_id, other.user_id))
        return f"p:{one}:{two}"

    async def send(self, to: Person, content: str = "hello", **fields: Any) -> Any:
        """Sends a private message; returns the receipt."""
        return (await self.post("/messages/user", {"to": to.user_id, "content": content, **fields})).data

    async def send_many(self, to: Person, count: int) -> list[Any]:
        return [await self.send(to, f"message {number}") for number in range(1, count + 1)]

    async def group(self, *members: Person) -> str:
        """Makes a group of this person and the members; returns its id."""
        body = {"members": [member.user_id for member in members]}
        return str((await self.post("/groups", body)).data["groupID"])

    async def tell(self, group: str, content: str = "hello") -> Any:
        """Sends a message to a group; returns the receipt."""
        return (await self.post("/messages/group", {"to": group, "content": content})).data

    async def sync(self, last_seq: int = 0, **fields: Any) -> Any:
        """A page of this person's log."""
        return (await self.post("/messages/sync", {"lastSeq": last_seq, **fields})).data

    async def offline(self, query: str = "") -> Any:
        """A page of the offline list."""
        return (await self.get(f"/messages/offline{query}")).data


class Town:
    """A node and those who use it. `node` is None where it runs elsewhere."""

    def __init__(self, url: str, secret: bytes, node: Any = None) -> None:
        self.http = httpx2.AsyncClient(base_url=url, timeout=20, verify=_TLS)
        self.secret = secret
        self._node = node

    @property
    def roads(self) -> Any:
        return self._node.roads

    async def person(self, user_id: str | None = None, device: str | None = None) -> Person:
        """A user with a token as a host application makes it, known to the server."""
        name = user_id or self.name()
        person = self.holder(sign(self.secret, name, device, 600).token, name)
        assert (await person.get("/devices")).status == 200
        return person

    def holder(self, token: str | None, user_id: str = "?", prefix: str = "/api/v1") -> Person:
        """Whoever has this token, or none."""
        return Person(self.http, user_id, token, prefix)

    def name(self, kind: str = "user") -> str:
        """A user id that nobody has."""
        return f"{kind}{next(_numbers)}"
