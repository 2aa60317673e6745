"""Each operation for back ends has a method of `AdminClient`, and all it takes can be said there."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, get_type_hints

import msgspec

from roost.client import AdminClient, BlockingAdminClient
from roost.client.http import Http
from roost.edge.api import OPERATIONS
from roost.edge.api.operations import PATH_FIELD, Operation
from roost.model.names import wire_name

TABLE = [operation for operation in OPERATIONS if operation.scope is not None]
NOT_OF_THE_API = {"close"}
"""What a client does by itself."""
SAID_OTHERWISE = {"memberIDs"}
"""Another name of `members`."""
SETTINGS = {"name": "Tea", "description": "d", "avatar": "a", "announcement_only": True, "members_invite": True}
"""What `**settings` of a group may be."""
VALUES = {
    "stickers": [{"stickerID": "wave", "emoji": "w", "url": "https://example.org/w"}],
    "scopes": ["stats"],
    "members": ["ann"],
    "mentions": ["ann"],
    "bot": True,
    "prefix": "an",
}


class Heard(Exception):
    """What would have been asked."""

    def __init__(self, method: str, path: str, fields: set[str]) -> None:
        super().__init__(method, path)
        self.method, self.path, self.fields = method, path, fields


class Listening(Http):
    """Sends nothing."""

    async def call(self, method: str, path: str, kind: Any, *, body: Any = None, query: Any = None) -> Any:
        raise Heard(method, path, {wire_name(name) for name in (body or query or {})})

    @asynccontextmanager
    async def stream(self, path: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        raise Heard("GET", path, set())
        yield


def methods(kind: type[Any]) -> dict[str, Callable[..., Any]]:
    return {
        name: method
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in NOT_OF_THE_API
    }


def arguments(method: Callable[..., Any], to: str) -> tuple[list[Any], dict[str, Any]]:
    """Something for every argument."""
    hints = get_type_hints(method)
    first: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= SETTINGS
            continue
        value = to if name == "to" else VALUES.get(name, 7 if hints[name] in {int, int | None} else "7")
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            first.append(value)
    return first, named


async def heard(client: AdminClient, method: Callable[..., Any], to: str) -> Heard:
    first, named = arguments(method, to)
    try:
        asking = method(client, *first, **named)
        await (anext(asking) if inspect.isasyncgen(asking) else asking)
    except Heard as asked:
        return asked
    raise AssertionError(method)


def row(asked: Heard) -> Operation:
    """The operation that is asked for."""
    (found,) = [
        one
        for one in TABLE
        if one.method == asked.method and re.fullmatch(PATH_FIELD.sub("[^/]+", one.path), asked.path)
    ]
    return found


def taken(operation: Operation) -> set[str]:
    """The names of what an operation takes."""
    return {field.encode_name for field in msgspec.structs.fields(operation.asked)} if operation.asked else set()


async def test_each_operation_has_a_method_that_can_say_all_it_takes() -> None:
    client = AdminClient("http://127.0.0.1:1", key="roost_")
    client._http = Listening("http://127.0.0.1:1", client._http._tokens)
    said: dict[str, set[str]] = {}
    for name, method in methods(AdminClient).items():
        for to in ("ann", "g:tea"):
            asked = await heard(client, method, to)
            operation = row(asked)
            path = {wire_name(field) for field in PATH_FIELD.findall(operation.path)}
            known = (
                {field.encode_name for field in msgspec.structs.fields(operation.asked)} if operation.asked else path
            )
            assert asked.fields <= known, name
            said.setdefault(f"{operation.method} {operation.path}", set()).update(asked.fields | path)
    assert set(said) == {f"{one.method} {one.path}" for one in TABLE}
    for one in TABLE:
        paged = {"after"} if one.method == "GET" else set()
        assert taken(one) - said[f"{one.method} {one.path}"] <= SAID_OTHERWISE | paged, one.path


def test_plain_functions_have_the_same_methods() -> None:
    assert methods(AdminClient).keys() == methods(BlockingAdminClient).keys() - {"wait"}
