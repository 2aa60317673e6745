"""Checks that the documents hold together: every relative link of every Markdown file leads somewhere.

A link may name a file, a directory, a heading (`page.md#heading`) or both. Addresses outside the tree are
not visited, so that the check needs no network. Exit status 1 if a link is broken; each is named with its line.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^\[[^\]]+\]:\s*(\S+)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
FENCE = re.compile(r"^\s*(```|~~~)")


def prose(text: str) -> list[tuple[int, str]]:
    """The lines outside fenced code, numbered from 1, with inline code emptied."""
    lines = []
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            lines.append((number, re.sub(r"`[^`]*`", "``", line)))
    return lines


def anchors(text: str) -> set[str]:
    """The fragments a page's headings answer to, spelled as code hosts do."""
    found: dict[str, int] = {}
    names = set()
    fenced = False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        if fenced or not (heading := HEADING.match(line)):
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeat = found.get(name, 0)
        found[name] = repeat + 1
        names.add(f"{name}-{repeat}" if repeat else name)
    return names


def broken(page: Path) -> list[str]:
    """What is wrong in `page`: one line for each link that leads nowhere."""
    faults = []
    for number, line in prose(page.read_text(encoding="utf-8")):
        targets = LINK.findall(line) + DEFINITION.findall(line)
        for target in targets:
            if OUTSIDE.match(target):
                continue
            path, _, fragment = unquote(target).partition("#")
            goal = (page.parent / path).resolve() if path else page
            where = f"{page.relative_to(ROOT)}:{number}: {target}"
            if not goal.is_relative_to(ROOT) or not goal.exists():
                faults.append(f"{where}: no such file")
            elif fragment and goal.suffix == ".md" and fragment not in anchors(goal.read_text(encoding="utf-8")):
                faults.append(f"{where}: no such heading")
    return faults


def main() -> int:
    pages = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
    faults = [fault for page in pages for fault in broken(page)]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"docs: {len(pages)} pages, {len(faults)} broken links")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
