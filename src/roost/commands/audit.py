"""`roost audit`: the audit log, looked at and exported."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Literal

from cyclopts import App, Parameter

from roost.commands.options import ConfigFile, DataDirectory, settings_of
from roost.errors import InvalidInput

app = App(name="audit", help="The audit log.")

DIGEST = re.compile(r"[0-9a-f]{64}")
"""As `verify` prints it: SHA-256."""

Moment = Annotated[str | None, Parameter(help="A date or time (ISO 8601; UTC unless it says otherwise), or 7d ago.")]


@app.command
def export(
    *,
    since: Moment = None,
    until: Moment = None,
    user: Annotated[str | None, Parameter(help="What this user did, and what was done to them.")] = None,
    format: Literal["jsonl", "csv"] = "jsonl",  # noqa: A002 - the flag's name
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Print the audit log, the oldest first, beside a running server or without one."""
    from roost import storage
    from roost.audit.exporting import as_csv, as_jsonl
    from roost.audit.reading import records

    first, last = (None if text is None else moment(text) for text in (since, until))
    shown = as_csv if format == "csv" else as_jsonl
    with storage.looking_at(settings_of(config, data)) as connection:
        for line in shown(records(connection, first, last, user)):
            sys.stdout.write(line)


def _digest(_: object, noted: str | None) -> None:
    if noted is not None and DIGEST.fullmatch(noted) is None:
        raise ValueError("It must be a whole digest: 64 characters of 0-9 a-f.")


@app.command
def verify(
    *,
    noted: Annotated[
        str | None, Parameter(help="A digest that was printed earlier, and must still be there.", validator=_digest)
    ] = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Look whether the audit log is as it was written. Exits with 1 if it is not."""
    from roost import storage
    from roost.audit.verifying import verify as look

    with storage.looking_at(settings_of(config, data)) as connection:
        verdict = look(connection, noted)
    for fault in verdict.faults:
        print(fault)
    print(f"{verdict.pages:,} pages in {len(verdict.ends):,} chains, {len(verdict.faults):,} faults")
    if verdict.last is not None:
        print(f"last digest: {verdict.last}")
    if verdict.faults:
        sys.exit(1)


def moment(text: str) -> int:
    """A time in milliseconds. Raises `InvalidInput`."""
    from roost.keyring import SPAN, milliseconds

    if SPAN.fullmatch(text):
        return time.time_ns() // 1_000_000 - milliseconds(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no time: write 2026-11-23, 2026-11-23T10:00:00Z or 7d.") from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
