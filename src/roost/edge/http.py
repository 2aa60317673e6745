"""HTTP/1.1 inside uvicorn: what its parser can't read is refused in the form of all refusals."""

from __future__ import annotations

import secrets

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from roost.edge.api.refusals import refused
from roost.errors import MalformedInput


class HTTPProtocol(HttpToolsProtocol):
    """A connection that speaks HTTP."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words
        """Answers what is no request, or one with a method that HTTP does not have, and closes."""
        request_id = secrets.token_hex(8)
        _, body = refused(MalformedInput("This is no HTTP request."), request_id, None)
        head = (
            "HTTP/1.1 400 Bad Request",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"x-request-id: {request_id}",
            "connection: close",
        )
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        self.transport.close()
