"""The audit log for other programs: JSON lines, or CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from roost.model.names import wire_name
from roost.protocol.admin import AuditRecord
from roost.protocol.codec import encode_json

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula: users write what they like. It gets a ' in front."""


def as_jsonl(records: Iterable[AuditRecord]) -> Iterator[str]:
    """A JSON object on each line; `time` in milliseconds since 1970-01-01 UTC."""
    for record in records:
        yield encode_json(record).decode() + "\n"


def as_csv(records: Iterable[AuditRecord]) -> Iterator[str]:
    """A line for each, after one with the names; `time` in ISO 8601, UTC; `details` as JSON."""
    text = io.StringIO(newline="")
    write = csv.writer(text, lineterminator="\n").writerow
    write([wire_name(name) for name in AuditRecord.__struct_fields__])
    for record in records:
        yield _taken(text)
        write([_cell(name, getattr(record, name)) for name in AuditRecord.__struct_fields__])
    yield _taken(text)


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if name == "time" and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = encode_json(value).decode() if isinstance(value, dict) else str(value)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def _taken(text: io.StringIO) -> str:
    line = text.getvalue()
    text.seek(0)
    text.truncate()
    return line
