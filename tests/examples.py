"""How many examples a test takes whose examples cost more than those of others."""

from __future__ import annotations

import os

TIMES = 40 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1


def examples(few: int) -> int:
    """`few` in `make test`; forty times as many with HYPOTHESIS_PROFILE=long, which digs."""
    return few * TIMES
