"""A real server of S3's protocol, in this process, for all tests that want one: moto's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from secrets import token_hex

import httpx2
import pytest
from moto.server import ThreadedMotoServer

from roost.config import S3


class S3Server:
    """The server; each place in it is a bucket."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"

    def bucket(self) -> S3:
        """The settings of a new bucket."""
        name = f"files-{token_hex(8)}"
        signed = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        httpx2.put(f"{self.url}/{name}", headers={"Authorization": signed}).raise_for_status()
        return S3(bucket=name, endpoint=self.url, access_key="key", secret_key="secret", prefix="roost")

    def keys(self, bucket: S3) -> list[str]:
        """What is in a bucket."""
        from moto.backends import get_backend  # noqa: PLC0415 - known once the server is there

        backend = get_backend("s3")["123456789012"]["aws"]
        return sorted(backend.buckets[bucket.bucket].keys)

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()
