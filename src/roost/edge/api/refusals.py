"""Where errors become answers: every failure leaves in the same form (CONTRACT §3)."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from roost.errors import (
    InternalError,
    InvalidInput,
    InvalidToken,
    MethodNotAllowed,
    NotFound,
    RangeNotSatisfiable,
    RoostError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from roost.metrics import REFUSALS
from roost.protocol.answers import Failure
from roost.protocol.codec import encode_json

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

logger = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


_OF_STATUS: dict[int, type[RoostError]] = {
    HTTPStatus.BAD_REQUEST: InvalidInput,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLarge,
    HTTPStatus.SERVICE_UNAVAILABLE: Unavailable,
}
"""What Litestar raises by itself, in our words."""


def refuse(request: AnyRequest, error: Exception) -> Response[bytes]:
    """The answer to a request that failed. What is not foreseen is logged here, and only here."""
    state = request.scope["state"]
    refusal, body = refused(error, state["request_id"], state.get("route"))
    headers: dict[str, str] = {}
    if refusal.retry_after is not None or refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after or 1)))
    if isinstance(refusal, Unauthenticated):
        about_token = isinstance(refusal, InvalidToken) or refusal.slug.startswith("token_")
        headers["WWW-Authenticate"] = 'Bearer realm="roost"' + (', error="invalid_token"' if about_token else "")
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = ", ".join(methods_of(request))
    if isinstance(refusal, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{refusal.data['size']}"
    return Response(body, status_code=refusal.status, headers=headers, media_type="application/json")


def refused(error: Exception, request_id: str, route: str | None) -> tuple[RoostError, bytes]:
    """The refusal that an error is, counted, and the body of the answer. What is not foreseen is logged."""
    refusal = _as_refusal(error)
    if isinstance(refusal, InternalError):
        logger.error("request failed", request_id=request_id, route=route, exc_info=error)
    REFUSALS.labels(refusal.slug).inc()
    data = dict(refusal.data)
    if refusal.retry_after is not None:
        data["retryAfter"] = refusal.retry_after
    failure = Failure(
        code=refusal.code, error=refusal.slug, message=str(refusal), data=data or None, request_id=request_id
    )
    return refusal, encode_json(failure)


def _as_refusal(error: Exception) -> RoostError:
    if isinstance(error, RoostError):
        return error
    if isinstance(error, HTTPException) and (kind := _OF_STATUS.get(error.status_code)) is not None:
        return kind(error.detail) if kind is InvalidInput else kind()
    return InternalError()


def methods_of(request: AnyRequest) -> list[str]:
    """The methods that the requested path has."""
    router = request.app.asgi_router
    allowed: list[str] = []
    for method in METHODS:
        try:
            router.handle_routing(path=request.scope["path"].rstrip("/") or "/", method=method)
        except HTTPException:
            continue
        allowed.append(method)
    return allowed
