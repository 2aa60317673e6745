"""Files: uploading at once or in pieces, and reading (D9).

Bodies are taken as they come, and bounded by `files.max_size` instead of `limits.max_body`. What is answered can do
nothing in a browser: only pictures, sound and film are shown in place, everything else is for saving, under a type that
no browser runs, in a sandbox without rights.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.response import Stream
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from roost.edge.api.door import allow_body
from roost.edge.api.operations import Call, raw_operation, success
from roost.edge.ranges import is_known, wanted
from roost.errors import InvalidInput, MalformedInput, UnsupportedMedia
from roost.files.kinds import INLINE, UNKNOWN
from roost.files.names import disposition
from roost.model import ids
from roost.model.attachment import Attachment

AnyRequest = Request[Any, Any, Any]

FORM = "multipart/form-data"
AROUND = 64 * 1024
"""Bytes of a form besides the file in it."""
MAX_PARTS = 20

HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""`no-cache`: a browser asks each time whether it still may have its copy."""


async def upload(call: Call, request: AnyRequest) -> Response[bytes]:
    """Upload a file as a form (`multipart/form-data`); the first part with a file name is the file.

    The answer describes it. A message that names its `id` in `attachments` carries it.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() != FORM or not options.get("boundary"):
        raise UnsupportedMedia(f"Content-Type must be {FORM}, with its boundary.")
    uploads = call.roads.uploads
    announced = _announced(request)
    if announced is not None:
        uploads.check_size(announced - AROUND)
    most = uploads.max_size if announced is None else min(announced, uploads.max_size)
    stream = stream_of(request, uploads.max_size + AROUND)
    async with aclosing(_parts(stream, options["boundary"])) as parts:
        name = await _name_of_file(parts)
        async with aclosing(_bytes_of_part(parts)) as pieces:
            attachment = await uploads.at_once(call.author, name, most, pieces)
    return success(attachment, HTTPStatus.CREATED)


def _announced(request: AnyRequest) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length[:18]) if length.isdigit() else None


def stream_of(request: AnyRequest, most: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes, at most so many bytes. Raises `UnsupportedMedia` where it is packed."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Uploads are not packed: send no Content-Encoding.")
    allow_body(request.scope, most)
    return request.stream()


async def _parts(
    stream: AsyncGenerator[bytes, None], boundary: str
) -> AsyncGenerator[MultipartSegment | bytes | bytearray | None, None]:
    """What a form has: for each part its head, its bytes in pieces, and None. Raises `MalformedInput`."""
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_PARTS) as parser:
            async for chunk in stream:
                if chunk:
                    for event in parser.parse(chunk):
                        yield event
    except MultipartError as error:
        raise MalformedInput(f"The form could not be read: {error}.") from None


async def _name_of_file(parts: AsyncGenerator[Any, None]) -> str:
    async for event in parts:
        if isinstance(event, MultipartSegment) and event.filename is not None:
            return str(event.filename)
    raise InvalidInput("The form has no part with a file name.")


async def _bytes_of_part(parts: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    """The bytes of the part whose head was the last event. Its end is seen, or it is an error."""
    async for event in parts:
        if event is None:
            return
        yield bytes(event)
    raise MalformedInput("The form ended before the file did.")


async def download(call: Call, request: AnyRequest) -> Response[Any]:
    """Read a file: for its sender, and members of conversations in which a message carries it.

    One range of bytes may be asked for; `ETag` and `If-None-Match` say whether a copy is good.
    """
    attachment = await call.roads.attachments.find(call.author, _id(request))
    etag = f'"{attachment.id}"'
    headers = HARMLESS | {"ETag": etag, "Accept-Ranges": "bytes"}
    if is_known(request.headers.get("if-none-match"), etag):
        return _nothing(HTTPStatus.NOT_MODIFIED, headers)
    span = wanted(request.headers.get("range"), request.headers.get("if-range"), etag, attachment.size)
    inline = attachment.type in INLINE
    headers["Content-Disposition"] = disposition(attachment.name, inline=inline)
    headers["Content-Length"] = str(span.length)
    if span.partial:
        headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{attachment.size}"
    return Stream(
        call.roads.attachments.read(attachment, span.start, span.length) if request.method != "HEAD" else _pieces(),
        status_code=HTTPStatus.PARTIAL_CONTENT if span.partial else HTTPStatus.OK,
        media_type=attachment.type if inline else UNKNOWN,
        headers=headers,
    )


async def head(call: Call, request: AnyRequest) -> Response[Any]:
    """Ask for the headers of a file alone."""
    return await download(call, request)


async def thumbnail(call: Call, request: AnyRequest) -> Response[Any]:
    """Read the thumbnail of a picture (WebP): for whom the picture is for.

    Where it is somebody's avatar, that is everybody; where it is a group's, its members.
    """
    return await small(call, request, await call.roads.attachments.find_shown(call.author, _id(request)))


async def small(call: Call, request: AnyRequest, attachment: Attachment) -> Response[Any]:
    """The answer with the thumbnail of a picture that the caller may see. Raises `UnknownAttachment` without one."""
    etag = f'"{attachment.id}.webp"'
    headers = HARMLESS | {"ETag": etag}
    if is_known(request.headers.get("if-none-match"), etag):
        return _nothing(HTTPStatus.NOT_MODIFIED, headers)
    body = await call.roads.attachments.thumbnail(attachment)
    headers |= {"Content-Disposition": "inline", "Content-Length": str(len(body))}
    return Stream(_pieces(body), media_type="image/webp", headers=headers)


async def _pieces(*pieces: bytes) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece


def _nothing(status: HTTPStatus, headers: dict[str, str]) -> Response[Any]:
    return Response(None, status_code=status, headers=headers)


def _id(request: AnyRequest) -> str:
    return ids.attachment_id(request.path_params["attachment_id"])


_BYTES = {"schema": {"type": "string", "format": "binary"}}
SMALL = {"image/webp": _BYTES}
_ANY = {"*/*": _BYTES}
_FORM_BODY = {
    "required": True,
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        }
    },
}

OPERATIONS = (
    raw_operation("POST", "/attachments", upload, answer=Attachment, status=201, body=_FORM_BODY),
    raw_operation("GET", "/attachments/{attachment_id}", download, content=_ANY),
    raw_operation("HEAD", "/attachments/{attachment_id}", head, content={}),
    raw_operation("GET", "/attachments/{attachment_id}/thumbnail", thumbnail, content=SMALL),
)
