"""Roost itself: a node of a cluster, and a push worker."""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from scripts.servers.process import ServerProcess

ROOST = (sys.executable, "-m", "roost")
READY_WITHIN = 6.0
"""Seconds; a node that can't reach its database says so after five."""


class Node(ServerProcess):
    """`roost serve` on the loopback interface."""

    def __init__(self, name: str, config: Path, settings: Mapping[str, str], *, directory: Path | None = None) -> None:
        """`settings`: what goes before the file `config`, as `SECTION__KEY`."""
        super().__init__(name, directory=directory)
        self._config = config
        self._environment = {**os.environ, **{f"ROOST_{key}": value for key, value in settings.items()}}

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> None:
        """Starts it."""
        place = ["--host", "127.0.0.1", "--port", str(self.port)]
        self.spawn(*ROOST, "serve", "--config", str(self._config), *place, environment=self._environment)

    def ready(self) -> bool:
        """As it says itself: its database reads and commits."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_WITHIN)
        with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
            link.request("GET", "/readyz")
            return link.getresponse().status == HTTPStatus.OK
        return False


class PushWorker(ServerProcess):
    """`roost push-worker`, with the settings of the nodes."""

    def __init__(self, config: Path, settings: Mapping[str, str], *, directory: Path | None = None) -> None:
        super().__init__("push worker", directory=directory)
        self._config = config
        self._environment = {**os.environ, **{f"ROOST_{key}": value for key, value in settings.items()}}
        self._starts = 0

    def launch(self) -> None:
        """Starts it."""
        self._starts = self._times_ready() + 1
        self.spawn(*ROOST, "push-worker", "--config", str(self._config), environment=self._environment)

    def ready(self) -> bool:
        """It listens nowhere, and says a word when it begins."""
        return self._times_ready() >= self._starts

    def _times_ready(self) -> int:
        said = self.directory / "output"
        return said.read_text(errors="replace").count("The push worker is ready.") if said.exists() else 0
