"""What the edges hand requests to. Made once, in `roost.wiring`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple

from roost.db.database import Database
from roost.deliver.bus import Bus
from roost.deliver.hub import Hub
from roost.edge.auth.accounts import Accounts
from roost.edge.auth.credentials import Credentials
from roost.edge.auth.keys import Keys
from roost.edge.auth.tokens import Tokens
from roost.flow.catchup import Catchup
from roost.flow.fanout import Fanout
from roost.flow.files.attachments import Attachments
from roost.flow.files.uploads import Uploads
from roost.flow.groups.groups import Groups
from roost.flow.groups.invitations import Invitations
from roost.flow.groups.membership import Membership
from roost.flow.messages.changing import Changing
from roost.flow.messages.drafts import Drafts
from roost.flow.messages.forwarding import Forwarding
from roost.flow.messages.scheduled import Scheduling
from roost.flow.messages.stickers import Stickers
from roost.flow.moderation.reporting import Reporting
from roost.flow.moderation.reports import Reports
from roost.flow.operating.erasing import Erasing
from roost.flow.operating.overview import Overview
from roost.flow.people.blocks import Blocks
from roost.flow.people.conversations import Conversations
from roost.flow.people.hints import Hints
from roost.flow.people.marks import Marks
from roost.flow.people.profiles import Profiles
from roost.flow.pulling import Pulling
from roost.flow.push.push import Push
from roost.flow.search.searching import Searching
from roost.flow.submit import Submit
from roost.journal.positions import Positions
from roost.presence.contract import Presence
from roost.protocol.frames import Online
from roost.roster.users import Users


class Roads(NamedTuple):
    """The server's roads and rooms, as HTTP and WebSocket use them.

    `clock` gives milliseconds; `check` raises unless the server can do its work now.
    """

    submit: Submit
    fanout: Fanout
    changing: Changing
    forwarding: Forwarding
    searching: Searching
    scheduling: Scheduling
    drafts: Drafts
    uploads: Uploads
    attachments: Attachments
    catchup: Catchup
    conversations: Conversations
    groups: Groups
    membership: Membership
    invitations: Invitations
    marks: Marks
    hints: Hints
    profiles: Profiles
    blocks: Blocks
    reporting: Reporting
    reports: Reports
    stickers: Stickers
    pulling: Pulling
    push: Push
    positions: Positions
    users: Users
    presence: Presence
    hub: Hub
    bus: Bus
    tokens: Tokens
    accounts: Accounts
    keys: Keys
    credentials: Credentials
    erasing: Erasing
    overview: Overview
    database: Database
    clock: Callable[[], int]
    check: Callable[[], Awaitable[None]]

    async def hidden_from(self, uid: int, user_ids: Collection[str]) -> frozenset[str]:
        """Those of the users who do not show `uid` whether they are online: by a block, or to so few."""
        blocked = await self.blocks.hidden_from(uid, user_ids)
        return blocked | await self.profiles.hidden_from(uid, frozenset(user_ids) - blocked)

    async def blind(self, user_id: str, viewers: Collection[int]) -> frozenset[int]:
        """Those of the viewers (uids) to whom a user does not show itself."""
        return await self.blocks.blocked_among(user_id, viewers) | await self.profiles.blind(user_id, viewers)

    async def sightings(self, user_ids: Collection[str]) -> dict[str, Online]:
        """Whether users are online, and when they were last seen, as far as anybody remembers."""
        here = dict(await self.presence.query(user_ids))
        forgotten = [user_id for user_id, state in here.items() if state.last_seen is None]
        seen = await self.users.last_seen(forgotten) if forgotten else {}
        return here | {name: Online(online=here[name].online, last_seen=when) for name, when in seen.items()}
