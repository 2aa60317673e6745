"""The HTTP side (CONTRACT §3): a module for each subject, put together here.

`operations` says what an operation is, `door` what every exchange passes, `refusals` how errors become answers,
`openapi` describes it all; the others are the subjects.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from litestar import Litestar, Request, Response
from litestar.config.cors import CORSConfig
from litestar.handlers import HTTPRouteHandler

from roost.config import Config
from roost.edge import page
from roost.edge.address import Proxies
from roost.edge.api import (
    accounts,
    admin,
    attachments,
    blocks,
    changing,
    conversations,
    devices,
    drafts,
    groups,
    health,
    invitations,
    messages,
    offline,
    receipts,
    reports,
    scheduled,
    search,
    snapshot,
    stickers,
    uploads,
    users,
)
from roost.edge.api.door import Door
from roost.edge.api.openapi import reference_pages
from roost.edge.api.operations import (
    JSON,
    PATH_FIELD,
    BackEndCall,
    Call,
    Operation,
    Visit,
    authorize,
    identify,
    success,
)
from roost.edge.api.refusals import methods_of, refuse
from roost.edge.api.requests import OPERATION
from roost.edge.ranges import is_known
from roost.edge.roads import Roads
from roost.errors import UnsupportedMedia
from roost.protocol.codec import read_json

PREFIX = "/api/v1"
OTHER_PREFIXES = ("/api", "")
"""The source documents spell the message routes without the version, or bare (CONTRACT §3)."""

PROTOBUF = "application/x-protobuf"

OPERATIONS: tuple[Operation, ...] = (
    *accounts.OPERATIONS,
    *messages.OPERATIONS,
    *changing.OPERATIONS,
    *reports.OPERATIONS,
    *search.OPERATIONS,
    *scheduled.OPERATIONS,
    *drafts.OPERATIONS,
    *receipts.OPERATIONS,
    *users.OPERATIONS,
    *offline.OPERATIONS,
    *conversations.OPERATIONS,
    *groups.OPERATIONS,
    *invitations.OPERATIONS,
    *attachments.OPERATIONS,
    *uploads.OPERATIONS,
    *blocks.OPERATIONS,
    *stickers.OPERATIONS,
    *devices.OPERATIONS,
    *snapshot.OPERATIONS,
    *admin.OPERATIONS,
)


def build(roads: Roads, config: Config) -> Litestar:
    """The application."""
    proxies = Proxies(config.server.trusted_proxies)
    app = Litestar(
        [
            _options(OPERATIONS),  # first, or Litestar makes its own
            *(_route(operation, roads, proxies) for operation in OPERATIONS),
            *health.routes(roads),
            *reference_pages(OPERATIONS, PREFIX),
            page.routes(config.server.images),
        ],
        exception_handlers={Exception: refuse},
        cors_config=_cors(config.server.origins),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # the door has the bound
    )
    app.asgi_handler = Door(app.asgi_handler, config.limits.max_body)
    return app


_OF_FILES = ("Range", "If-Range", "If-None-Match", "Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset")
_FROM_FILES = (
    *("Content-Disposition", "Content-Range", "ETag"),
    *("Location", "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Expires"),
)
"""Headers of uploads and downloads, which a page may send and read."""


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """Pages of other origins may call the API as they may open a WebSocket; their tokens are in no cookie."""
    others = [origin for origin in origins if origin != "self"]
    if not others:
        return None
    return CORSConfig(
        allow_origins=others,
        allow_headers=["Authorization", "Content-Type", "Content-Encoding", "X-Request-ID", *_OF_FILES],
        expose_headers=["X-Request-ID", "Retry-After", *_FROM_FILES],
        max_age=600,
    )


def _route(operation: Operation, roads: Roads, proxies: Proxies) -> HTTPRouteHandler:
    async def respond(request: Request[Any, Any, Any]) -> Response[Any]:
        request.scope["state"]["route"] = operation.path
        visit = await _visit(operation, roads, proxies, request)
        if operation.raw is not None:
            response: Response[Any] = await operation.handle(visit, request)
            return response
        if operation.asked is None:
            done = await operation.handle(visit)
            return _versioned(request, done) if operation.versioned else _answer(operation, done, protobuf=False)
        body = await request.body() if operation.has_body else b""
        spoken = _media_type(request)
        if spoken == PROTOBUF and operation.protobuf is not None:
            asked = operation.protobuf.decode(body)
        elif spoken == JSON or not body:
            asked = operation.decode(request.path_params, request.scope["query_string"], read_json(body or b"{}"))
        else:
            raise UnsupportedMedia(f"Content-Type must be {JSON}{f' or {PROTOBUF}' if operation.protobuf else ''}.")
        done = await operation.handle(visit, asked)
        return _answer(operation, done, protobuf=_wants_protobuf(request, spoken))

    return HTTPRouteHandler(
        _paths(operation),
        http_method=[operation.method],
        status_code=HTTPStatus.OK if operation.raw else operation.status,  # a raw response has its own
        include_in_schema=False,
        opt={OPERATION: operation},
    )(respond)


def _options(operations: Sequence[Operation]) -> HTTPRouteHandler:
    """One answer for all: Litestar's own would name the methods of one handler only."""

    async def respond(request: Request[Any, Any, Any]) -> Response[None]:
        return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(methods_of(request))})

    paths = sorted({path for operation in operations for path in _paths(operation)})
    return HTTPRouteHandler(paths, http_method=["OPTIONS"], status_code=HTTPStatus.NO_CONTENT)(respond)


def _paths(operation: Operation) -> Sequence[str]:
    path = PATH_FIELD.sub(r"{\1:str}", operation.path)
    return [prefix + path for prefix in (PREFIX, *(OTHER_PREFIXES if operation.everywhere else ()))]


async def _visit(operation: Operation, roads: Roads, proxies: Proxies, request: Request[Any, Any, Any]) -> Visit:
    peer = request.client.host if request.client else ""
    address = proxies.client(peer, request.headers.getall("x-forwarded-for", []))
    if operation.open:
        return Visit(roads, address)
    shown = request.headers.get("authorization")
    if operation.scope is not None:
        return BackEndCall(roads, address, await authorize(roads, shown, operation.scope))
    return Call(roads, address, *await identify(roads, shown, address))


def _answer(operation: Operation, done: Any, *, protobuf: bool) -> Response[bytes]:
    if protobuf and operation.protobuf is not None:
        return Response(operation.protobuf.encode(done), status_code=operation.status, media_type=PROTOBUF)
    return success(done, operation.status)


def _versioned(request: Request[Any, Any, Any], done: Any) -> Response[bytes]:
    etag = f'"{done.version}"'
    if is_known(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    answer = success(done, HTTPStatus.OK)
    answer.headers["ETag"] = etag
    return answer


def _media_type(request: Request[Any, Any, Any]) -> str:
    """What the body is: JSON where nothing is said."""
    named = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if named == "application/protobuf":
        return PROTOBUF
    return JSON if named.endswith("+json") else named


def _wants_protobuf(request: Request[Any, Any, Any], spoken: str) -> bool:
    """`Accept` decides; where it leaves it open, the answer speaks as the request did."""
    accepted = request.headers.get("accept", "").lower()
    named = "protobuf" in accepted
    if named == (JSON in accepted):
        return spoken == PROTOBUF
    return named
