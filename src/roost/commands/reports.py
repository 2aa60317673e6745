"""`roost reports`: what users have reported."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from roost.commands.options import ConfigFile, DataDirectory, settings_of


def reports(
    *,
    last: Annotated[int, Parameter(help="How many.", validator=Number(gte=1))] = 10,
    json: Annotated[bool, Parameter(help="As JSON lines, with the whole messages.", negative="")] = False,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Show the messages that users have reported last, the newest at the end."""
    from roost import storage
    from roost.flow.moderation.reporting import newest
    from roost.operations import columns, moment, shortened
    from roost.protocol.codec import encode_json

    with storage.looking_at(settings_of(config, data)) as connection:
        found = newest(connection, last)[::-1]
    if json:
        for one in found:
            print(encode_json(one).decode())
    elif found:
        rows = [
            (
                moment(one.time),
                one.reporter,
                one.reason,
                one.message.server_msg_id,
                one.message.sender_id,
                shortened(one.message.content),
                shortened(one.comment),
            )
            for one in found
        ]
        print("\n".join(columns([("TIME", "REPORTER", "REASON", "MESSAGE", "SENDER", "CONTENT", "COMMENT"), *rows])))
    else:
        print("Nothing was reported.")
