"""The picture in the documents shows the chat as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def words(picture: str) -> list[str]:
    """What is written in a picture, without times, days and lines."""
    found = [unescape(text).replace("\N{NO-BREAK SPACE}", " ").strip() for text in TEXT.findall(picture)]
    return [text for text in found if not re.search(r"\d\d:\d\d|─", text)]


def test_the_picture_is_what_its_script_draws(tmp_path: Path) -> None:
    """If not: `.venv/bin/python scripts/chat_picture.py`, and look at it."""
    drawn = tmp_path / "chat.svg"
    subprocess.run([sys.executable, ROOT / "scripts" / "chat_picture.py", drawn], check=True, timeout=60)
    shown = words((ROOT / "docs" / "images" / "chat.svg").read_text())
    assert words(drawn.read_text()) == shown
    assert "Yes, I'll read them on the train." in shown
