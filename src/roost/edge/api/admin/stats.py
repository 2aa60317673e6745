"""What an operator's page shows."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost import __version__
from roost.edge.api.operations import BackEndCall, operation
from roost.model.names import Wire
from roost.protocol.admin import DeviceBehind, DevicesBehind, Stats

MOST_BEHIND = 100


class Furthest(Wire, kw_only=True):
    """How many devices to name."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_BEHIND)] = 10


async def show_stats(call: BackEndCall) -> Stats:
    """Tell how much there is, counted a minute ago at most, and how this node is."""
    roads = call.roads
    counts = await roads.overview.counts()
    uids = roads.hub.uids()
    return Stats(
        version=__version__,
        epoch=roads.catchup.epoch,
        users=counts.users,
        devices=counts.devices,
        conversations=counts.conversations,
        messages=counts.messages,
        log_entries=counts.log_entries,
        pushes_waiting=counts.pushes_waiting,
        count_time=counts.counted_at,
        connections=sum(len(roads.hub.readers(uid)) for uid in uids),
        users_here=len(uids),
        writes_waiting=roads.overview.writes_waiting,
    )


async def list_behind(call: BackEndCall, asked: Furthest) -> DevicesBehind:
    """List the devices furthest behind their logs. It looks at every device there is: not for every second."""
    found = await call.roads.overview.behind(asked.limit)
    return DevicesBehind(
        devices=[
            DeviceBehind(user_id=one.user_id, device_id=one.device_id, lag=one.lag, last_seen=one.last_seen or None)
            for one in found
        ]
    )


OPERATIONS = (
    operation("GET", "/admin/stats", show_stats, scope="stats"),
    operation("GET", "/admin/stats/behind", list_behind, scope="stats"),
)
