"""Operations asked for in `request` frames, and the futures that wait for their `response` (decision 0018)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from roost.client.errors import NetworkError
from roost.errors import RoostError, TooLarge
from roost.protocol import frames
from roost.protocol.codec import encode_json

UNLIMITED = 1 << 62
"""Bytes of a frame, as long as no server has told."""


class Requests:
    """Those of a client that wait. None outlives its connection: what becomes of it is known to nobody."""

    def __init__(self, send: Callable[[frames.ClientFrame], bool]) -> None:
        """`send` says whether the frame left."""
        self._send = send
        self._max_frame = UNLIMITED
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[frames.Response]] = {}

    def limit(self, max_frame: int) -> None:
        """What the server takes, in bytes."""
        self._max_frame = max_frame

    async def ask(self, method: str, path: str, body: dict[str, Any] | None) -> frames.Response:
        """Asks once, and waits for the answer.

        Raises `NetworkError` where there is no connection or it is lost, `TooLarge` for what is no frame, and the
        refusal of a frame of a wrong form.
        """
        request_id = str(next(self._numbers))
        frame = frames.Request(request_id=request_id, method=method, path=path, body=body)
        if len(encode_json(frame)) > self._max_frame:
            raise TooLarge(f"A request has at most {self._max_frame} bytes.")
        if not self._send(frame):
            raise NetworkError(f"{method} {path}: there is no connection")
        answer: asyncio.Future[frames.Response] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            return await answer
        finally:
            self._waiting.pop(request_id, None)

    def answered(self, frame: frames.Response) -> None:
        """The answer is here; somebody may not wait for it any more."""
        answer = self._waiting.get(frame.request_id)
        if answer is not None and not answer.done():
            answer.set_result(frame)

    def refused(self, request_id: str, refusal: RoostError) -> None:
        """It was no request."""
        self._fail(request_id, refusal)

    def lost(self) -> None:
        """The connection is over."""
        for request_id in list(self._waiting):
            self._fail(request_id, NetworkError("the connection was lost before the answer; it may have been done"))

    def _fail(self, request_id: str, error: RoostError) -> None:
        answer = self._waiting.get(request_id)
        if answer is not None and not answer.done():
            answer.set_exception(error)
