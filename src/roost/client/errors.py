"""The errors of the client: the server's own tree, found again by code, and what only a client can meet.

Every error has `code`, `slug`, `retryable` (the same call may succeed later), `retry_after` (seconds, or None),
`request_id` (finds the request in the server's log, or None) and `data`.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from roost import errors as tree
from roost.errors import RoostError, Unauthenticated, Unavailable


class ClientError(RoostError):
    """What goes wrong on this side. Codes below 10000 never come from a server."""

    code, slug, status = 1000, "client", 0
    default = "The client can't do this."


class NetworkError(ClientError):
    """The server can't be reached, or the connection was cut. What was stored stays stored."""

    code, slug, retryable = 1001, "network", True
    default = "The server can't be reached."


class ConnectionRefused(ClientError):
    """The server closed the connection for good (close codes 4500-4999); `data["closeCode"]` tells which."""

    code, slug = 1002, "connection_refused"
    default = "The server does not want this connection again."


class ClientClosed(ClientError):
    """The client was closed, or not opened yet."""

    code, slug = 1003, "client_closed"
    default = "This client is not open; use `async with`, or call connect()."


class SyncStopped(ClientError):
    """`stop_sync` ended the sync before its end. What was pulled is kept."""

    code, slug, retryable = 1004, "sync_stopped", True
    default = "The sync was stopped."


class StoreInUse(ClientError):
    """Another client has the store file open: two would hand the same message to two applications."""

    code, slug = 1010, "store_in_use"
    default = "Another client has this store open."


class StoreBelongsToAnother(ClientError):
    """The store holds another user's messages; each user needs a file of their own."""

    code, slug = 1011, "store_of_another"
    default = "This store belongs to another user."


class StoreTooNew(ClientError):
    """The store was written by a newer version of Roost, whose schema this one does not know."""

    code, slug = 1012, "store_too_new"
    default = "This store was written by a newer version."


def _kinds(kind: type[RoostError]) -> Iterator[type[RoostError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


_BY_CODE = {kind.code: kind for kind in _kinds(RoostError) if kind.__module__ == tree.__name__}


def refusal(
    code: int,
    message: str,
    *,
    data: dict[str, Any] | None = None,
    retry_after: float | None = None,
    request_id: str | None = None,
) -> RoostError:
    """The error of a server's refusal: the class of its code, or the nearest one that this version knows."""
    kind = _BY_CODE.get(code) or _BY_CODE.get(code // 100 * 100)
    if kind is None:
        kind = Unavailable if code // 100 >= HTTPStatus.INTERNAL_SERVER_ERROR else tree.InvalidInput
    given = dict(data or {})
    waits = given.pop("retryAfter", None)
    error = kind(message)
    error.data = given
    error.retry_after = retry_after if retry_after is not None else waits
    error.request_id = request_id
    return error


def is_of_network(error: BaseException) -> bool:
    """Whether the server was not reached (C9: wait 3 s, at most 3 tries)."""
    return isinstance(error, NetworkError)


def is_of_authentication(error: BaseException) -> bool:
    """Whether the token is at fault (C9: stop and tell)."""
    return isinstance(error, Unauthenticated | ConnectionRefused)


def is_of_server(error: BaseException) -> bool:
    """Whether the server is at fault or overloaded (C9: wait 10 s, retry)."""
    return isinstance(error, RoostError) and not isinstance(error, ClientError) and error.retryable
