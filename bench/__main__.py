"""`python -m bench [part ...]`: measures a server started for the purpose, prints a table, writes JSON."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console

from bench import figures, machine, meter
from bench.parts import (
    catchup,
    cluster,
    fanout,
    large,
    latency,
    memory,
    moderation,
    page,
    push,
    storm,
    syncpage,
    throughput,
)

PARTS: dict[str, ModuleType] = {
    part.NAME: part
    for part in (throughput, latency, fanout, large, memory, syncpage, storm, catchup, push, moderation, cluster, page)
}
QUIET = 0.15
"""Cores that other programs may use before the figures say little."""
LATEST = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    """0 if every part ran and delivered rightly, whatever the figures; 1 if one did not."""
    options = _options()
    console = Console(highlight=False)
    about: dict[str, Any] = {**machine.commit(), "machine": machine.describe(), "quick": options.quick}
    about["started"] = _now()
    console.print(_headline(about))
    found: list[figures.Figure] = []
    failed: dict[str, str] = {}
    for name in options.parts or PARTS:
        console.print(f"[bold]{name}[/]: {PARTS[name].ABOUT}")
        try:
            found += PARTS[name].run(quick=options.quick)
        except Exception as reason:  # noqa: BLE001 - the other parts are worth having
            failed[name] = f"{type(reason).__name__}: {reason}"
            console.print(f"[red]{name} failed[/]: {failed[name]}", markup=True)
            if options.debug:
                console.print_exception()
    about |= {"ended": _now(), "failed": failed}
    figures.show(found, console)
    others = max((figure.notes.get(meter.OTHERS, 0) for figure in found), default=0)
    if others > QUIET:
        console.print(
            f"[yellow]Other programs used up to {others} cores meanwhile: without them the figures are better.[/]"
        )
    figures.save(options.json, found, about)
    console.print(f"Every round is in {options.json}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"which to run: {', '.join(PARTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, a smaller backlog")
    parser.add_argument("--json", type=Path, default=LATEST, metavar="FILE", help="where the record goes")
    parser.add_argument("--debug", action="store_true", help="print the traceback of a part that fails")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def _headline(about: dict[str, Any]) -> str:
    box = about["machine"]
    code = (about["commit"] or "no commit")[:12] + (" with changes" if about["changed"] else "")
    return (
        f"{box['cores']} cores ({box['processor']}), Python {box['python']}, SQLite {box['sqlite']}, "
        f"{box['fileSystem']} with {box['fsyncMilliseconds']} ms an fsync; {code}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
