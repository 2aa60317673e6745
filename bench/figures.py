"""What a benchmark finds: figures with their rounds, shown as a table and kept as JSON."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table


@dataclass
class Figure:
    """One measured quantity: a value a round, of which the median counts.

    `target` is the value of DESIGN §5, or None where there is none; `better` says on which side of it good lies.
    """

    part: str
    name: str
    unit: str
    rounds: list[float]
    target: float | None = None
    better: Literal["more", "less"] = "more"
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The value that counts."""
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.median >= self.target if self.better == "more" else self.median <= self.target

    def as_json(self) -> dict[str, Any]:
        """Everything, for the JSON file."""
        return {
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "min": min(self.rounds),
            "max": max(self.rounds),
            "rounds": self.rounds,
            "target": self.target,
            "better": self.better,
            "met": self.met,
            "notes": self.notes,
        }


def percentile(values: list[float], percent: float) -> float:
    """The nearest-rank percentile; `values` need not be sorted and must not be empty."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def show(figures: list[Figure], console: Console) -> None:
    """Prints the table."""
    table = Table(title="Roost benchmarks", title_justify="left")
    table.add_column("figure", overflow="fold")
    for name in ("min", "median", "max", "target"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("met")
    part = ""
    for figure in figures:
        if figure.part != part:
            part = figure.part
            table.add_section()
        sign = "≥" if figure.better == "more" else "≤"
        table.add_row(
            f"{figure.name}, {figure.unit}",
            *(_short(value) for value in (min(figure.rounds), figure.median, max(figure.rounds))),
            "" if figure.target is None else f"{sign} {_short(figure.target)}",
            {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[figure.met],
        )
    console.print(table)


def save(path: Path, figures: list[Figure], about: dict[str, Any]) -> None:
    """Writes the JSON file; `about` tells the machine, the commit and the dates."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {**about, "figures": [figure.as_json() for figure in figures]}
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _short(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
