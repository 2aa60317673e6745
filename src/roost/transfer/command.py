"""What `roost migrate-data` shows: a bar while it works, figures afterwards, and what is left to do."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from roost.config import Config
from roost.transfer.address import Address, parse
from roost.transfer.migrate_data import Moved, migrate_data

FILES = {
    "jwt.secret": "signs the tokens; with another one every token is invalid",
    "vapid.pem": "the key that browsers know this deployment by, if Web Push is on",
}
"""What a deployment keeps beside its database."""
DATABASE = Config().database.name
"""The file that a node opens."""


def run(source: str, target: str) -> list[str]:
    """Copies the deployment at `--from` to `--to`. Raises `OSError` or `ConfigError` with what a person can mend."""
    there, here = parse("--from", source), parse("--to", target)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking", total=None)
        moved = migrate_data(
            there, here, lambda what, done, total: bar.update(task, description=what, completed=done, total=total)
        )
    return [
        f"{there.name} is copied to {here.name}; every row was read back and is what it was.",
        "",
        *_figures(moved),
        "",
        *_next(there, here),
    ]


def _figures(moved: Moved) -> list[str]:
    heads, more = moved.heads, {}
    more["log"] = f" in {heads.logs.rows:,} logs without a gap, the longest to {heads.longest_log:,}"
    more["conversation_log"] = f" in {heads.large.rows:,} large conversations without a gap"
    more["messages"] = f" in {heads.conversations.rows:,} conversations without a gap"
    facts = [
        *((name, f"{count:,}{more.get(name, '')}") for name, count in moved.rows.items() if count),
        ("epoch", f"{moved.facts.get('epoch', 'none yet')}, kept"),
        ("time", f"{moved.seconds:,.1f} s, {moved.rows['log'] / moved.seconds:,.0f} log entries a second"),
    ]
    width = max(len(name) for name, _ in facts) + 2
    return [f"{name:<{width}}{value}" for name, value in facts]


def _next(there: Address, here: Address) -> list[str]:
    """What a person has to do now."""
    beside = there.file.parent if there.file is not None else None
    files = {str(beside / name) if beside and (beside / name).exists() else name: use for name, use in FILES.items()}
    width = max(map(len, files))
    if here.file is None:
        where, setting = "into the data directory of every node", f"server.database to {here.name}"
    else:
        where, setting = f"into {here.file.parent}", f'server.data to {here.file.parent}, server.database to ""'
        if here.file.name != DATABASE:
            setting += f", rename {here.file.name} to {DATABASE}"
    return [
        f"These are not in the database. Copy them {where}:",
        *(f"  {name:<{width}}  {use}" for name, use in files.items()),
        f"Then set {setting}, and start.",
        f"Never start a node on {there.name} again, or only after `roost renew-epoch`:",
        "it would give the same numbers to other messages.",
    ]
