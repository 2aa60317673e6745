"""The private servers of `scripts.servers` as fixtures.

Where a program is missing the tests on it are skipped, and fail in continuous integration (CI=true).
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(program: str) -> NoReturn:
    """Skips the test that wants `program`, or fails it where everything is to be tested."""
    reason = f"{program} is not installed: scripts/install_servers.sh gets it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
