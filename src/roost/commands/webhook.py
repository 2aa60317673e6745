"""`roost webhook`: secrets, and what was given up."""

from __future__ import annotations

from cyclopts import App

from roost.commands.options import ConfigFile, DataDirectory, Last, settings_of

app = App(name="webhook", help="Webhooks.")


@app.command
def secret() -> None:
    """Print a new secret for webhooks.endpoints."""
    import base64
    import secrets

    from roost.config.webhooks import PREFIX

    print(PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


@app.command
def failures(
    *,
    last: Last = 10,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Show how many events wait for each webhook, and the last that were given up, as JSON lines."""
    from sqlalchemy import select

    from roost import storage
    from roost.db.schema import webhook_failures
    from roost.protocol.codec import encode_json
    from roost.push.webhook_outbox import BACKLOG

    newest = select(webhook_failures).order_by(webhook_failures.c.given_up_at.desc()).limit(last)
    with storage.looking_at(settings_of(config, data)) as connection:
        waiting = {hook: int(count) for hook, count in connection.execute(BACKLOG)}
        gone = [dict(row._mapping) for row in connection.execute(newest)]  # noqa: SLF001 - SQLAlchemy's name for it
    print(encode_json({"waiting": waiting}).decode())
    for row in reversed(gone):
        print(encode_json(row).decode())
