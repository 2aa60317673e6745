"""Stickers: what there are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Request, Response

from roost.edge.api.operations import Call, raw_operation, success
from roost.edge.ranges import is_known
from roost.model.sticker import StickerPacks


async def list_stickers(call: Call, request: Request[Any, Any, Any]) -> Response[Any]:
    """List all packs of stickers. `ETag` and `If-None-Match` say whether a copy is good."""
    found = await call.roads.stickers.packs()
    etag = f'"{found.version}"'
    if is_known(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    answer = success(found, HTTPStatus.OK)
    answer.headers["ETag"] = etag
    return answer


OPERATIONS = (raw_operation("GET", "/stickers", list_stickers, answer=StickerPacks),)
