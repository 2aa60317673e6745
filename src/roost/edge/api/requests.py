"""Operations that are asked for in `request` frames: found by the same routes, done by the same handlers.

A frame has no token: the connection's own is verified again for each, as over HTTP, so a connection whose token was
revoked or has expired is refused as an HTTP request is. What comes and goes in pieces (files) and what is for back ends
stays with HTTP.
"""

from __future__ import annotations

import string
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import msgspec
from litestar import Litestar
from litestar.utils import normalize_path

from roost.edge.api.operations import Call, Operation, Visit, envelope
from roost.edge.api.refusals import refused
from roost.edge.auth.tokens import Claims
from roost.edge.roads import Roads
from roost.errors import InvalidInput, MalformedInput, OverHTTPOnly, TooLarge
from roost.journal.contract import Author
from roost.metrics import HTTP_REQUESTS
from roost.model import ids
from roost.protocol import frames
from roost.protocol.codec import encode_json

OPERATION = "operation"
"""The option of a route that is an operation: its row."""
MAX_PATH = 2048
"""Characters of a path, without its query, which the size of a frame bounds."""


class Asker(NamedTuple):
    """Whose connection it is, what its token is and says, and where it comes from."""

    author: Author
    claims: Claims
    token: str
    address: str


class _Found(NamedTuple):
    operation: Operation
    in_path: dict[str, Any]
    query: bytes


class Requests:
    """Answers them. `max_body` is in bytes, as over HTTP."""

    def __init__(self, app: Litestar, roads: Roads, max_body: int) -> None:
        self._router = app.asgi_router
        self._roads = roads
        self._max_body = max_body

    async def answer(self, asker: Asker, frame: frames.Request) -> frames.Response:
        """What HTTP would answer. Raises `InvalidID` for a request id that none can be."""
        request_id = ids.request_id(frame.request_id)
        route, status = "none", HTTPStatus.INTERNAL_SERVER_ERROR.value
        try:
            found = self._find(frame)
            route, status = found.operation.path, found.operation.status
            body = envelope(await self._do(asker, found, frame.body or {}))
        except Exception as error:  # noqa: BLE001 - `refused` logs it
            refusal, body = refused(error, request_id, route)
            status = refusal.status
        HTTP_REQUESTS.labels(route, status).inc()
        return frames.Response(request_id=request_id, status=status, body=msgspec.Raw(body))

    def _find(self, frame: frames.Request) -> _Found:
        """Raises `InvalidInput`, `OverHTTPOnly`, or what Litestar's router raises for what there is not."""
        path, _, query = frame.path.partition("?")
        if not path.startswith("/") or len(path) > MAX_PATH:
            raise InvalidInput(f"path must begin with / and have at most {MAX_PATH} characters before its query.")
        method: Any = frame.method
        _, handler, _, in_path, _ = self._router.handle_routing(path=normalize_path(unquote(path)), method=method)
        operation = handler.opt.get(OPERATION)
        if operation is None:
            raise OverHTTPOnly("This is no operation of the API; ask for it over HTTP.")
        if operation.scope is not None:
            raise OverHTTPOnly("This is for back ends, which ask over HTTP, with a key.")
        if operation.raw is not None:
            raise OverHTTPOnly("Files come and go over HTTP.")
        return _Found(operation, in_path, quote(query, safe=string.printable).encode())

    async def _do(self, asker: Asker, found: _Found, body: dict[str, Any]) -> Any:
        operation = found.operation
        if operation.open:
            visit = Visit(self._roads, asker.address)
        else:
            await self._roads.tokens.verify(asker.token)
            visit = Call(self._roads, asker.address, asker.author, asker.claims)
        if operation.asked is None:
            return await operation.handle(visit)
        if body and _size(body) > self._max_body:
            raise TooLarge(f"A body has at most {self._max_body} bytes.")
        return await operation.handle(visit, operation.decode(found.in_path, found.query, body))


def _size(body: dict[str, Any]) -> int:
    try:
        return len(encode_json(body))
    except RecursionError:
        raise MalformedInput("This is too deep.") from None
