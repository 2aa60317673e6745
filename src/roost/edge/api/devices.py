"""Devices: where each of one's own stands."""

from __future__ import annotations

from roost.edge.api.operations import Call, operation
from roost.model.names import Wire


class Device(Wire, kw_only=True):
    """A device. `position` is the last entry it has stored, `lag` how many entries it is behind its log.

    Times are milliseconds, null if never; `current` marks the device that asks.
    """

    device_id: str
    position: int
    lag: int
    sync_time: int | None
    last_seen: int | None
    current: bool


class Devices(Wire, kw_only=True):
    """One's devices, the newest first; `headSeq` is the end of the log."""

    devices: list[Device]
    head_seq: int


async def list_devices(call: Call) -> Devices:
    """List one's devices with their positions and lag."""
    standings, state = await call.roads.positions.of_user(call.author.uid)
    devices = [
        Device(
            device_id=standing.device_id,
            position=standing.mark,
            lag=state.head - standing.mark,
            sync_time=standing.synced_at,
            last_seen=standing.last_seen or None,
            current=standing.did == call.author.did,
        )
        for standing in standings
    ]
    return Devices(devices=devices, head_seq=state.head)


OPERATIONS = (operation("GET", "/devices", list_devices),)
