"""The page: the files of `roost/web`, served as they are. There is no build step, and nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

WEB = Path(__file__).parents[1] / "web"
FRONTS = {"/": "app/index.html", "/admin": "admin/index.html", "/favicon.ico": "app/roost.svg"}
"""Files under names of their own. Browsers ask for the last by themselves."""
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""What is served; other files beside them are for whoever works on them."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:{images}; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
}
"""`no-cache`: a browser asks whether its copy is good, so an upgraded server never meets half of an old page."""
IMAGES = b'<meta name="roost:images" content="" />'
"""Where the page learns whose pictures it may show: it does not ask for others."""


class _File(NamedTuple):
    body: bytes
    media_type: str
    etag: str


def routes(images: Sequence[str] = ()) -> HTTPRouteHandler:
    """The route of all files. `images`: the origins of other hosts whose pictures are shown."""
    policy = POLICY.format(images="".join(f" {origin}" for origin in images))
    paths = [path for path in sorted(WEB.rglob("*")) if path.suffix in TYPES and "types" not in path.parts]
    read = {path.relative_to(WEB).as_posix(): _read(path, images) for path in paths}
    files = {path: read[name] for path, name in FRONTS.items()}
    files |= {f"/{name}": file for name, file in read.items() if not name.endswith(".html")}

    async def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
        request.scope["state"]["route"] = "page"
        file = files[request.scope["path"]]
        headers = HEADERS | {"Content-Security-Policy": policy, "ETag": file.etag}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(file.body, media_type=file.media_type, headers=headers)

    return HTTPRouteHandler(list(files), http_method=["GET"], include_in_schema=False)(serve)


def _read(path: Path, images: Sequence[str]) -> _File:
    body = path.read_bytes().replace(IMAGES, IMAGES.replace(b'""', f'"{" ".join(images)}"'.encode()))
    return _File(body, TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')
