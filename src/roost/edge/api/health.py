"""Health, readiness, metrics: for those who operate the server. No token is asked for."""

from __future__ import annotations

import asyncio

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from roost.edge.roads import Roads
from roost.errors import Unavailable

READY_WITHIN = 5.0
"""Seconds in which the database must read and commit."""

PROMETHEUS = CONTENT_TYPE_LATEST.partition("; charset")[0]
"""Litestar names the charset of text by itself."""

OK = b'{"code":0,"message":"success","data":{"status":"ok"}}'


def routes(roads: Roads) -> list[HTTPRouteHandler]:
    """The three routes."""

    @get("/healthz", media_type="application/json", sync_to_thread=False)
    def healthz() -> Response[bytes]:
        return Response(OK, media_type="application/json")

    @get("/readyz", media_type="application/json")
    async def readyz() -> Response[bytes]:
        try:
            async with asyncio.timeout(READY_WITHIN):
                await roads.check()
        except TimeoutError:
            raise Unavailable("The database does not answer.") from None
        return Response(OK, media_type="application/json")

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        return Response(generate_latest(), media_type=PROMETHEUS)

    return [healthz, readyz, metrics]
