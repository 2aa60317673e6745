"""For the tests of applications: a real server on a free port, in a folder of its own.

with LocalServer() as server:
    async with Client(server.url, token=server.token("alice"), store=":memory:") as alice: ...
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import jwt
import msgspec

from roost.edge.auth.keys import operator_key

START_TIMEOUT = 60.0
"""Seconds for the ready line to appear."""
STOP_TIMEOUT = 20.0
"""Seconds for SIGTERM to end the server; then it is killed."""
DAY = 86400

_READY = re.compile(rb"ready on (http://[^\s:]+:(\d+))")


class LocalServer:
    """A `roost serve` process. The rate limits are off unless `settings` say otherwise (`SECTION__KEY` to value)."""

    def __init__(self, *, data: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        """`data`: a data directory to keep; without it, one is made and removed."""
        self._made = Path(tempfile.mkdtemp(prefix="roost-")) if data is None else None
        self.data = data if data is not None else Path(str(self._made)) / "data"
        self._settings = {"LIMITS__MESSAGES_PER_MINUTE": "0", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (self._made or self.data.parent) / "server.log"
        self.port = 0
        """The port; a server that is started again takes the same one."""
        self.url = ""

    def __enter__(self) -> Self:
        """Starts it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it and removes its folder."""
        self.close()

    def start(self) -> None:
        """Starts the server, and returns when it is ready. Raises `RuntimeError` with its output if it is not."""
        command = [sys.executable, "-m", "roost", "serve", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--data", str(self.data)]
        environment = {**os.environ, **{f"ROOST_{key}": value for key, value in self._settings.items()}}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._log.parent,
                env=environment,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while (found := _READY.search(self._log.read_bytes())) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.output()}")
            time.sleep(0.01)
        self.url, self.port = found[1].decode(), int(found[2])

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough; `start` starts it again on the same data and port."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """SIGKILL: the server ends where it stands."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stops it, and removes its folder if it was made here."""
        self.stop()
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def token(self, user_id: str, device_id: str | None = None, *, lifetime: int = DAY) -> str:
        """A token for a user, who comes into being with its first use; seconds to live."""
        now = int(time.time())
        claims = {"sub": user_id, "jti": secrets.token_hex(16), "iat": now, "exp": now + lifetime}
        if device_id is not None:
            claims["did"] = device_id
        return jwt.encode(claims, (self.data / "jwt.secret").read_bytes().strip(), algorithm="HS256")

    def key(self, *scopes: str) -> str:
        """A back end's key with these scopes, or one that may do everything."""
        asked = {"name": secrets.token_hex(8), "scopes": scopes or ("*",)}
        operator = operator_key((self.data / "jwt.secret").read_bytes().strip(), time.time_ns() // 1_000_000)
        headers = {"Authorization": f"Bearer {operator}", "Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}/api/v1/admin/keys", msgspec.json.encode(asked), headers
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return str(msgspec.json.decode(answer.read())["data"]["key"])

    def output(self) -> str:
        """The end of what the server has printed."""
        return self._log.read_text(errors="replace")[-4000:]
