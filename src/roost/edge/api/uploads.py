"""Uploads in pieces, which go on where a broken connection left off: the core of tus 1.0 with creation and termination.

`POST /uploads` begins one, `PATCH` brings the bytes from an offset on, `HEAD` tells the offset, `DELETE` gives it up.
What tus leaves open is used: the answer to the piece that makes the file whole has its description in the body.
"""

from __future__ import annotations

import base64
import binascii
import email.utils
from http import HTTPStatus
from typing import Any

from litestar import Request, Response

from roost.edge.api.attachments import stream_of
from roost.edge.api.operations import Call, raw_operation, success
from roost.errors import InvalidInput, UnsupportedMedia
from roost.flow.files.uploads import Progress
from roost.model import ids
from roost.model.attachment import Attachment
from roost.model.names import Wire

AnyRequest = Request[Any, Any, Any]

PIECE = "application/offset+octet-stream"
RESUMABLE = {"Tus-Resumable": "1.0.0"}


class Upload(Wire, kw_only=True):
    """An upload that was begun: `offset` of `size` bytes are here, the rest may come until `expireTime` (ms)."""

    id: str
    offset: int
    size: int
    expire_time: int | None


async def begin(call: Call, request: AnyRequest) -> Response[bytes]:
    """Begin an upload: `Upload-Length` is its length in bytes, `Upload-Metadata` its `filename` in base64 (tus)."""
    size = _number(request, "upload-length")
    progress = await call.roads.uploads.begin(call.author, _file_name(request), size)
    made = Upload(id=progress.upload_id, offset=progress.offset, size=progress.size, expire_time=progress.expires_at)
    answer = success(made, HTTPStatus.CREATED)
    answer.headers.update({"Location": f"/api/v1/uploads/{progress.upload_id}"} | _told(progress))
    return answer


async def offset(call: Call, request: AnyRequest) -> Response[Any]:
    """Ask how far an upload of one's own has come: `Upload-Offset` of `Upload-Length`."""
    progress = await call.roads.uploads.progress(call.author, _id(request))
    return Response(None, status_code=HTTPStatus.OK, headers=_told(progress) | {"Cache-Control": "no-store"})


async def piece(call: Call, request: AnyRequest) -> Response[Any]:
    """Bring the bytes from `Upload-Offset` on. 204; or 200 with the file's description, once it is whole.

    What came before a connection broke is kept.
    """
    if request.headers.get("content-type", "").lower() != PIECE:
        raise UnsupportedMedia(f"Content-Type must be {PIECE}.")
    start = _number(request, "upload-offset")
    uploads = call.roads.uploads
    pieces = stream_of(request, uploads.max_size)
    progress = await uploads.go_on(call.author, _id(request), start, pieces)
    if progress.attachment is None:
        return Response(None, status_code=HTTPStatus.NO_CONTENT, headers=_told(progress))
    answer = success(progress.attachment, HTTPStatus.OK)
    answer.headers.update(_told(progress))
    return answer


async def give_up(call: Call, request: AnyRequest) -> Response[Any]:
    """Remove an upload of one's own, or a file that no message carries and nobody shows."""
    await call.roads.uploads.cancel(call.author, _id(request))
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers=RESUMABLE)


def _told(progress: Progress) -> dict[str, str]:
    told = RESUMABLE | {"Upload-Offset": str(progress.offset), "Upload-Length": str(progress.size)}
    if progress.expires_at is not None:
        told["Upload-Expires"] = email.utils.formatdate(progress.expires_at / 1000, usegmt=True)
    return told


def _number(request: AnyRequest, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 16):  # noqa: PLR2004 - below 2^53
        raise InvalidInput(f"{header.title()} must be a number of bytes.")
    return int(value)


def _file_name(request: AnyRequest) -> str:
    """The `filename` of `Upload-Metadata`: pairs with commas between them, values in base64."""
    for pair in request.headers.get("upload-metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise InvalidInput("Upload-Metadata: filename is not UTF-8 in base64.") from None
    return ""


def _id(request: AnyRequest) -> str:
    return ids.attachment_id(request.path_params["upload_id"])


def _header(name: str, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}


_PIECE_BODY = {"required": True, "content": {PIECE: {"schema": {"type": "string", "format": "binary"}}}}

OPERATIONS = (
    raw_operation(
        "POST",
        "/uploads",
        begin,
        answer=Upload,
        status=201,
        headers=[_header("Upload-Length"), _header("Upload-Metadata", required=False)],
    ),
    raw_operation("HEAD", "/uploads/{upload_id}", offset, content={}),
    raw_operation(
        "PATCH", "/uploads/{upload_id}", piece, answer=Attachment, headers=[_header("Upload-Offset")], body=_PIECE_BODY
    ),
    raw_operation("DELETE", "/uploads/{upload_id}", give_up, status=204, content={}),
)
