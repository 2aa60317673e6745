"""The Python SDK: a client that cannot lose its place. `docs/sdk-python.md` tells how to use it."""

from roost.client.client import Client
from roost.client.errors import (
    ClientClosed,
    ClientError,
    ConnectionRefused,
    NetworkError,
    StoreBelongsToAnother,
    StoreInUse,
    StoreTooNew,
    SyncStopped,
)
from roost.client.events import (
    ConversationChanged,
    Durable,
    Event,
    GroupChanged,
    HandlerFailed,
    InvitationsChanged,
    MarksMoved,
    MemberMuted,
    MemberRead,
    MembershipChanged,
    MessageChanged,
    MessageReceived,
    MessageSent,
    PresenceChanged,
    ReadMarkMoved,
    SendFailed,
    State,
    StateChanged,
    StoreReset,
    SyncEnded,
    SyncProgress,
    SyncState,
    Typing,
)
from roost.client.login import Password
from roost.client.store.reading import Conversation
from roost.client.store.rows import StoredMessage
from roost.client.store.store import Store, SyncConfig
from roost.client.sync import Network, SyncManager, SyncMetrics
from roost.errors import RoostError
from roost.model.attachment import Attachment
from roost.model.message import GroupSettings, Message, MessageType
from roost.protocol.answers import Ban, Group, Invitation, InvitedTo, Member, MessageReceipts, Presence
from roost.protocol.frames import Mark

__all__ = [
    "Attachment",
    "Ban",
    "Client",
    "ClientClosed",
    "ClientError",
    "ConnectionRefused",
    "Conversation",
    "ConversationChanged",
    "Durable",
    "Event",
    "Group",
    "GroupChanged",
    "GroupSettings",
    "HandlerFailed",
    "Invitation",
    "InvitationsChanged",
    "InvitedTo",
    "Mark",
    "MarksMoved",
    "Member",
    "MemberMuted",
    "MemberRead",
    "MembershipChanged",
    "Message",
    "MessageChanged",
    "MessageReceipts",
    "MessageReceived",
    "MessageSent",
    "MessageType",
    "Network",
    "NetworkError",
    "Password",
    "Presence",
    "PresenceChanged",
    "ReadMarkMoved",
    "RoostError",
    "SendFailed",
    "State",
    "StateChanged",
    "Store",
    "StoreBelongsToAnother",
    "StoreInUse",
    "StoreReset",
    "StoreTooNew",
    "StoredMessage",
    "SyncConfig",
    "SyncEnded",
    "SyncManager",
    "SyncMetrics",
    "SyncProgress",
    "SyncState",
    "SyncStopped",
    "Typing",
]
