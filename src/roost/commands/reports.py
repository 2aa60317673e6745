"""`roost reports`: what users have reported, and what was found of it."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from roost.commands.options import ConfigFile, DataDirectory, Last, ServerURL, settings_of

app = App(name="reports", help="What users have reported.")


@app.default
def reports(
    *,
    last: Last = 10,
    state: Annotated[Literal["open", "closed", "all"], Parameter(help="Those in this state.")] = "all",
    json: Annotated[bool, Parameter(help="As JSON lines, with the whole messages.", negative="")] = False,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Show the messages that users have reported last, the newest at the end."""
    from roost import storage
    from roost.flow.moderation.reports import newest
    from roost.operations import columns, moment, shortened
    from roost.protocol.codec import encode_json

    with storage.looking_at(settings_of(config, data)) as connection:
        found = newest(connection, last, state)[::-1]
    if json:
        for one in found:
            print(encode_json(one).decode())
    elif found:
        rows = [
            (
                one.report_id,
                moment(one.create_time),
                one.resolution or "open",
                one.reporter_id or "(erased)",
                one.reason,
                one.message.server_msg_id,
                one.message.sender_id,
                shortened(one.message.content),
                shortened(one.comment),
            )
            for one in found
        ]
        title = ("REPORT", "TIME", "STATE", "REPORTER", "REASON", "MESSAGE", "SENDER", "CONTENT", "COMMENT")
        print("\n".join(columns([title, *rows])))
    else:
        print("Nothing was reported.")


@app.command
def close(
    report: str,
    *,
    resolution: Annotated[Literal["upheld", "dismissed"], Parameter(help="What was found of it.")],
    note: Annotated[str, Parameter(help="What there is to say of it.")] = "",
    url: ServerURL = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Close the report with the number REPORT, as `roost reports` shows it."""
    import time
    from urllib.parse import quote

    from roost import operations
    from roost.audit import OPERATOR
    from roost.flow.moderation import reports as road

    settings = settings_of(config, data)
    now = time.time_ns() // 1_000_000

    def asked() -> object:
        server, path = url or operations.address(settings.server), f"/reports/{quote(report, safe='')}/close"
        return operations.ask_as_operator(settings, server, "POST", path, {"resolution": resolution, "note": note})

    operations.write_or_ask(settings, lambda tx: road.close(tx, OPERATOR, report, resolution, note, now), asked)
    print(f"Report {report} is {resolution}.")
