"""The client's server and users, for the chat on it."""

from __future__ import annotations

from tests.client.conftest import cast, client, own_server, serving

__all__ = ["cast", "client", "own_server", "serving"]
