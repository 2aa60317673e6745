"""`roost trace`: where a message is, for each receiver and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from roost.commands.options import ConfigFile, DataDirectory, ServerURL, settings_of

if TYPE_CHECKING:
    from roost.config import Config
    from roost.flow.operating.trace import AtDevice, AtReceiver, Attempt, Trace

AS_SENT = 1
"""The version of a message that nobody changed."""


def trace(
    message: Annotated[str, Parameter(help="Its serverMsgID, or SENDER/messageID.")],
    *,
    user: Annotated[str | None, Parameter(help="This receiver alone, who may have left since.")] = None,
    json: Annotated[bool, Parameter(help="As JSON, for programs.", negative="")] = False,
    url: ServerURL = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Say where MESSAGE is for each receiver and device: logged, stored, read, pushed, and why not."""
    from roost.protocol.codec import encode_json

    found = look(settings_of(config, data), message, user, url)
    print(encode_json(found).decode() if json else "\n".join(lines(found)))


def look(settings: Config, message: str, user: str | None, url: str | None) -> Trace:
    """Where a message is. Who is online the running server says, if there is one."""
    from roost import operations, storage
    from roost.flow.operating.trace import trace as find

    with storage.looking_at(settings) as connection:
        found = find(connection, settings.push, message, operations.moment, user)
    names = [receiver.user_id for receiver in found.receivers]
    try:
        here = operations.online_now(settings, url or operations.address(settings.server), names)
    except OSError:
        return found
    for receiver in found.receivers:
        receiver.online = receiver.user_id in here
    return found


def lines(found: Trace) -> list[str]:
    """A trace for a person: what the message is, then a row for each device of each receiver."""
    from roost.operations import columns, moment

    state = "recalled " + moment(found.recall_time) if found.recall_time else ""
    state = state or (f"changed since, version {found.version}" if found.version > AS_SENT else "as it was sent")
    rows: list[tuple[str, ...]] = [("USER", "DEVICE", "SEQ", "STORED", "READ", "ONLINE", "LAST SEEN", "PUSH")]
    for receiver in found.receivers:
        for number, device in enumerate(receiver.devices or [None]):
            rows.append(_row(receiver, device, first=not number))
    return [
        f"Message {found.server_msg_id} of {found.sender_id} in {found.conversation_id}, {moment(found.server_time)}:",
        f"number {found.conversation_seq} there, messageID {found.message_id}, {state}",
        "",
        *columns(rows),
        *([f"and {found.more:,} more: name one with --user"] if found.more else []),
    ]


def _row(receiver: AtReceiver, device: AtDevice | None, *, first: bool) -> tuple[str, ...]:
    from roost.operations import moment

    logged = str(receiver.seq) if receiver.seq is not None else f"none: {receiver.not_logged}"
    online = "?" if receiver.online is None else _yes(receiver.online)
    of_user = (receiver.user_id, logged, _yes(receiver.read), online) if first else ("", "", "", "")
    user, seq, read, online = of_user
    no_push = f"none: {receiver.no_push}" if receiver.no_push and first else ""
    if device is None:
        return user, "none", seq, "", read, online, "", no_push
    stored = "sent here" if device.sent_here else "yes" if device.stored else f"no, at {device.position}"
    pushes = "; ".join(_shown(attempt) for attempt in device.pushes) or no_push
    return user, device.device_id, seq, stored, read, online, moment(device.last_seen), pushes


def _shown(attempt: Attempt) -> str:
    from roost.operations import moment

    if attempt.due is not None:
        tried = f", tried {attempt.attempt} times" if attempt.attempt else ""
        return f"{attempt.status}, due {moment(attempt.due)}{tried}"
    return f"{attempt.platform or 'push'} {attempt.status} {moment(attempt.time)}" + (
        f" ({attempt.error})" if attempt.error else ""
    )


def _yes(value: bool) -> str:  # noqa: FBT001 - the one argument
    return "yes" if value else "no"
