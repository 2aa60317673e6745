"""What `roost chat` finds out before it draws anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from roost.errors import InvalidInput
from roost.terminal.run import run

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("to", [None, "bob", "g:tea"])
async def test_a_token_that_does_not_tell_whose_it_is_is_refused(to: str | None, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not tell whose it is"):
        await run(NOWHERE, "ann", token="a typo", store=tmp_path / "ann.db", to=to)
