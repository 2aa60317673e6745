"""What an HTTP operation is: a row of a table, from which routes and OpenAPI are made alike.

A handler is a plain function of a `Call` (or a `Visit`, if it needs no token) and, where it takes input, of one
struct; it returns a struct. Its docstring is the operation's text. The struct's fields come from the path, and
else from the query (GET, DELETE) or the JSON body, in wire names or snake_case.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.types import Method

from roost.audit import OPERATOR
from roost.edge.auth.keys import BEGINNING, Key
from roost.edge.auth.tokens import Claims
from roost.edge.roads import Roads
from roost.errors import InvalidInput, InvalidToken, Unauthenticated
from roost.journal.contract import Author
from roost.model import ids
from roost.model.names import wire_name
from roost.model.scopes import SCOPES
from roost.protocol.codec import convert, encode_json

MAX_QUERY_FIELDS = 100
MAX_PAGE = 1_000_000
MAX_PAGE_SIZE = 1000
DEFAULT_PAGE_SIZE = 100


def _id(pattern: str, longest: int) -> msgspec.Meta:
    """Describes an id. Its form is checked where the id is used, so that a bad one is an `InvalidID`."""
    return msgspec.Meta(extra_json_schema={"pattern": f"^{pattern}$", "minLength": 1, "maxLength": longest})


UserID = Annotated[str | int, _id(ids.USER_ID.pattern, 50)]
GroupID = Annotated[str | int, _id(ids.GROUP_ID.pattern, 64)]
MessageID = Annotated[str | int, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": ids.MAX_MESSAGE_ID})]
DeviceID = Annotated[str | int, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": ids.MAX_DEVICE_ID})]
UserIDInPath = Annotated[str, _id(ids.USER_ID.pattern, 50)]
GroupIDInPath = Annotated[str, _id(ids.GROUP_ID.pattern, 64)]
_USER, _GROUP = ids.USER_ID.pattern, ids.GROUP_ID.pattern
ConversationID = Annotated[str, _id(f"(p:{_USER}:{_USER}|g:{_GROUP})", 103)]
AttachmentID = Annotated[str, _id(ids.ATTACHMENT_ID.pattern, 32)]
PageNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE, description="Counted from 1.")]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_SIZE)]

SUCCESS = b'{"code":0,"message":"success","data":'
JSON = "application/json"

PATH_FIELD = re.compile(r"\{(\w+)\}")


class Visit:
    """A request of somebody. `address` is where it comes from."""

    __slots__ = ("address", "roads")

    def __init__(self, roads: Roads, address: str) -> None:
        self.roads = roads
        self.address = address


class Call(Visit):
    """A request of `author`, as its token says."""

    __slots__ = ("author", "claims")

    def __init__(self, roads: Roads, address: str, author: Author, claims: Claims) -> None:
        super().__init__(roads, address)
        self.author = author
        self.claims = claims


class BackEndCall(Visit):
    """A request of a back end, with its key. `author` is the back end, as what it does is recorded."""

    __slots__ = ("author", "key")

    def __init__(self, roads: Roads, address: str, key: Key) -> None:
        super().__init__(roads, address)
        self.key = key
        name = OPERATOR if key.prefix == OPERATOR else f"key:{key.name}"
        self.author = Author(0, 0, name, "", address)


class Protobuf(NamedTuple):
    """How an operation's input and answer are spelled in Protobuf; the answer comes without envelope."""

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]


class Raw(NamedTuple):
    """What OpenAPI is told of an operation that takes the request itself and returns the response itself.

    `content` is the answer where it is no JSON, `body` the request's, `headers` are parameters.
    """

    content: dict[str, Any] | None
    body: dict[str, Any] | None
    headers: list[dict[str, Any]]


class Operation(NamedTuple):
    """One method of one path. `everywhere`: it answers under /api and / as well.

    `scope`: it is for back ends, with a key that has it; else for users with a token, or `open`.
    `raw`: `handle` is given the call and the request, and returns the response, so that bytes come and go in pieces.
    `versioned`: the answer has a `version`, over HTTP its `ETag`; who has it already is answered 304.
    """

    method: Method
    path: str
    tag: str
    handle: Callable[..., Awaitable[Any]]
    asked: type[msgspec.Struct] | None
    answer: Any
    open: bool
    everywhere: bool
    status: int
    protobuf: Protobuf | None
    scope: str | None
    raw: Raw | None = None
    versioned: bool = False

    @property
    def has_body(self) -> bool:
        """Whether the input is a body rather than a query."""
        return self.method in {"POST", "PUT", "PATCH"}

    def decode(self, in_path: Mapping[str, Any], query: bytes, body: Any) -> Any:
        """The input, of the fields in the path, the query string, and the body as `read_json` gives it.

        Raises `InvalidInput`, which names the field.
        """
        assert self.asked is not None
        path = {wire_name(name): value for name, value in in_path.items()}
        if not self.has_body:
            return convert(_query(query) | path, self.asked, strict=False)
        return convert(convert(body, dict[str, Any]) | path if path else body, self.asked)


def operation(
    method: Method,
    path: str,
    handle: Callable[..., Awaitable[Any]],
    *,
    everywhere: bool = False,
    status: int = 200,
    protobuf: Protobuf | None = None,
    scope: str | None = None,
    versioned: bool = False,
) -> Operation:
    """The row of a handler; what its signature says is read from there."""
    hints = get_type_hints(handle, include_extras=True)
    names = list(inspect.signature(handle).parameters)
    assert (hints[names[0]] is BackEndCall) is (scope in SCOPES)
    return Operation(
        method=method,
        path=path,
        tag=path.split("/")[1],
        handle=handle,
        asked=hints[names[1]] if len(names) > 1 else None,
        answer=hints["return"],
        open=hints[names[0]] is Visit,
        everywhere=everywhere,
        status=status,
        protobuf=protobuf,
        scope=scope,
        versioned=versioned,
    )


def raw_operation(
    method: Method,
    path: str,
    handle: Callable[[Any, Request[Any, Any, Any]], Awaitable[Response[Any]]],
    *,
    answer: Any = None,
    status: int = 200,
    content: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
    headers: Sequence[dict[str, Any]] = (),
) -> Operation:
    """The row of a handler that speaks HTTP itself. `answer` is the type of its JSON, or `content` what it has else."""
    return Operation(
        method=method,
        path=path,
        tag=path.split("/")[1],
        handle=handle,
        asked=None,
        answer=answer,
        open=False,
        everywhere=False,
        status=status,
        protobuf=None,
        scope=None,
        raw=Raw(content, body, list(headers)),
    )


def success(data: Any, status: int) -> Response[bytes]:
    """An answer in JSON."""
    return Response(envelope(data), status_code=status, media_type=JSON)


def envelope(data: Any) -> bytes:
    """The body of an answer in JSON."""
    return SUCCESS + encode_json(data) + b"}"


async def identify(roads: Roads, header: str | None, address: str) -> tuple[Author, Claims]:
    """Who asks, by the `Authorization` header, from where. Raises `Unauthenticated` and what `Tokens.verify` raises."""
    token = _bearer(header, "a token: Authorization: Bearer <JWT>")
    if token.startswith(BEGINNING):
        raise InvalidToken("A back end's key is for /admin; this wants a user's token.")
    claims = await roads.tokens.verify(token)
    device = claims.device_id or ids.DEFAULT_DEVICE
    identity = await roads.users.identify(claims.user_id, device)
    return Author(identity.uid, identity.did, claims.user_id, device, address, claims.bot), claims


async def authorize(roads: Roads, header: str | None, scope: str) -> Key:
    """The key of a back end that asks. Raises `Unauthenticated` and what `Keys.verify` raises."""
    return await roads.keys.verify(_bearer(header, "a back end's key: Authorization: Bearer roost_..."), scope)


def _bearer(header: str | None, wanted: str) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(f"Send {wanted}.")
    return token.strip()


def _query(query: bytes) -> dict[str, str]:
    """The fields of a query string; a field given more than once is a list with commas."""
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise InvalidInput(f"A query has at most {MAX_QUERY_FIELDS} fields.") from None
    values: dict[str, str] = {}
    for key, value in pairs:
        name = wire_name(key)
        values[name] = f"{values[name]},{value}" if name in values else value
    return values
