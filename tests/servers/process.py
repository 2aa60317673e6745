"""What a private server is."""

from __future__ import annotations

from scripts.servers.process import ServerProcess  # noqa: F401
