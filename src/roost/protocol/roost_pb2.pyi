from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Message(_message.Message):
    __slots__ = ("messageID", "serverMsgID", "seq", "conversationID", "senderID", "messageType", "content", "createTime", "serverTime", "conversationSeq", "version", "editTime", "recallTime", "reactions", "pinned", "replyTo", "mentions", "forwardedFrom", "attachments", "recallReason", "ttl", "sticker")
    MESSAGEID_FIELD_NUMBER: _ClassVar[int]
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    SENDERID_FIELD_NUMBER: _ClassVar[int]
    MESSAGETYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CREATETIME_FIELD_NUMBER: _ClassVar[int]
    SERVERTIME_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONSEQ_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EDITTIME_FIELD_NUMBER: _ClassVar[int]
    RECALLTIME_FIELD_NUMBER: _ClassVar[int]
    REACTIONS_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    REPLYTO_FIELD_NUMBER: _ClassVar[int]
    MENTIONS_FIELD_NUMBER: _ClassVar[int]
    FORWARDEDFROM_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    RECALLREASON_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    STICKER_FIELD_NUMBER: _ClassVar[int]
    messageID: str
    serverMsgID: str
    seq: int
    conversationID: str
    senderID: str
    messageType: int
    content: str
    createTime: int
    serverTime: int
    conversationSeq: int
    version: int
    editTime: int
    recallTime: int
    reactions: _containers.RepeatedCompositeFieldContainer[Reaction]
    pinned: bool
    replyTo: str
    mentions: _containers.RepeatedScalarFieldContainer[str]
    forwardedFrom: Origin
    attachments: _containers.RepeatedCompositeFieldContainer[Attachment]
    recallReason: str
    ttl: int
    sticker: Sticker
    def __init__(self, messageID: _Optional[str] = ..., serverMsgID: _Optional[str] = ..., seq: _Optional[int] = ..., conversationID: _Optional[str] = ..., senderID: _Optional[str] = ..., messageType: _Optional[int] = ..., content: _Optional[str] = ..., createTime: _Optional[int] = ..., serverTime: _Optional[int] = ..., conversationSeq: _Optional[int] = ..., version: _Optional[int] = ..., editTime: _Optional[int] = ..., recallTime: _Optional[int] = ..., reactions: _Optional[_Iterable[_Union[Reaction, _Mapping]]] = ..., pinned: _Optional[bool] = ..., replyTo: _Optional[str] = ..., mentions: _Optional[_Iterable[str]] = ..., forwardedFrom: _Optional[_Union[Origin, _Mapping]] = ..., attachments: _Optional[_Iterable[_Union[Attachment, _Mapping]]] = ..., recallReason: _Optional[str] = ..., ttl: _Optional[int] = ..., sticker: _Optional[_Union[Sticker, _Mapping]] = ...) -> None: ...

class Sticker(_message.Message):
    __slots__ = ("packID", "stickerID", "emoji", "url")
    PACKID_FIELD_NUMBER: _ClassVar[int]
    STICKERID_FIELD_NUMBER: _ClassVar[int]
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    packID: str
    stickerID: str
    emoji: str
    url: str
    def __init__(self, packID: _Optional[str] = ..., stickerID: _Optional[str] = ..., emoji: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class Attachment(_message.Message):
    __slots__ = ("id", "name", "size", "type", "width", "height", "thumbnail")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    size: int
    type: str
    width: int
    height: int
    thumbnail: bool
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., size: _Optional[int] = ..., type: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., thumbnail: _Optional[bool] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("conversationID", "serverMsgID", "senderID")
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    SENDERID_FIELD_NUMBER: _ClassVar[int]
    conversationID: str
    serverMsgID: str
    senderID: str
    def __init__(self, conversationID: _Optional[str] = ..., serverMsgID: _Optional[str] = ..., senderID: _Optional[str] = ...) -> None: ...

class Reaction(_message.Message):
    __slots__ = ("emoji", "userIDs")
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    USERIDS_FIELD_NUMBER: _ClassVar[int]
    emoji: str
    userIDs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, emoji: _Optional[str] = ..., userIDs: _Optional[_Iterable[str]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("seq", "kind", "conversationID", "conversationSeq", "action", "userID", "actorID", "role", "name", "time", "settings", "until", "messageID", "error", "content", "version", "members", "userIDs")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONSEQ_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    ACTORID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    MESSAGEID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    USERIDS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    kind: str
    conversationID: str
    conversationSeq: int
    action: str
    userID: str
    actorID: str
    role: str
    name: str
    time: int
    settings: GroupSettings
    until: int
    messageID: str
    error: str
    content: str
    version: int
    members: _containers.RepeatedCompositeFieldContainer[Present]
    userIDs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, seq: _Optional[int] = ..., kind: _Optional[str] = ..., conversationID: _Optional[str] = ..., conversationSeq: _Optional[int] = ..., action: _Optional[str] = ..., userID: _Optional[str] = ..., actorID: _Optional[str] = ..., role: _Optional[str] = ..., name: _Optional[str] = ..., time: _Optional[int] = ..., settings: _Optional[_Union[GroupSettings, _Mapping]] = ..., until: _Optional[int] = ..., messageID: _Optional[str] = ..., error: _Optional[str] = ..., content: _Optional[str] = ..., version: _Optional[int] = ..., members: _Optional[_Iterable[_Union[Present, _Mapping]]] = ..., userIDs: _Optional[_Iterable[str]] = ...) -> None: ...

class Present(_message.Message):
    __slots__ = ("userID", "role", "joinTime", "mutedUntil", "readSeq")
    USERID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    JOINTIME_FIELD_NUMBER: _ClassVar[int]
    MUTEDUNTIL_FIELD_NUMBER: _ClassVar[int]
    READSEQ_FIELD_NUMBER: _ClassVar[int]
    userID: str
    role: str
    joinTime: int
    mutedUntil: int
    readSeq: int
    def __init__(self, userID: _Optional[str] = ..., role: _Optional[str] = ..., joinTime: _Optional[int] = ..., mutedUntil: _Optional[int] = ..., readSeq: _Optional[int] = ...) -> None: ...

class GroupSettings(_message.Message):
    __slots__ = ("description", "avatar", "announcementOnly", "membersInvite")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCEMENTONLY_FIELD_NUMBER: _ClassVar[int]
    MEMBERSINVITE_FIELD_NUMBER: _ClassVar[int]
    description: str
    avatar: str
    announcementOnly: bool
    membersInvite: bool
    def __init__(self, description: _Optional[str] = ..., avatar: _Optional[str] = ..., announcementOnly: _Optional[bool] = ..., membersInvite: _Optional[bool] = ...) -> None: ...

class SyncRequest(_message.Message):
    __slots__ = ("lastSeq", "count", "timestamp", "epoch")
    LASTSEQ_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    lastSeq: int
    count: int
    timestamp: int
    epoch: str
    def __init__(self, lastSeq: _Optional[int] = ..., count: _Optional[int] = ..., timestamp: _Optional[int] = ..., epoch: _Optional[str] = ...) -> None: ...

class SyncResponse(_message.Message):
    __slots__ = ("messages", "maxSeq", "hasMore", "totalCount", "changes", "fromSeq", "headSeq", "epoch", "resetRequired", "retainedSeq")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MAXSEQ_FIELD_NUMBER: _ClassVar[int]
    HASMORE_FIELD_NUMBER: _ClassVar[int]
    TOTALCOUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    FROMSEQ_FIELD_NUMBER: _ClassVar[int]
    HEADSEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RESETREQUIRED_FIELD_NUMBER: _ClassVar[int]
    RETAINEDSEQ_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    maxSeq: int
    hasMore: bool
    totalCount: int
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    fromSeq: int
    headSeq: int
    epoch: str
    resetRequired: bool
    retainedSeq: int
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., maxSeq: _Optional[int] = ..., hasMore: _Optional[bool] = ..., totalCount: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., fromSeq: _Optional[int] = ..., headSeq: _Optional[int] = ..., epoch: _Optional[str] = ..., resetRequired: _Optional[bool] = ..., retainedSeq: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("auth", "private", "group", "ack", "sync", "read", "typing", "presence", "ping", "edit", "recall", "react", "request", "ready", "offline", "sent", "message", "change", "sync_batch", "pong", "error", "receipts", "profile", "response")
    AUTH_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    REACT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    SYNC_BATCH_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    auth: Auth
    private: Send
    group: Send
    ack: Ack
    sync: SyncRequest
    read: Read
    typing: Typing
    presence: Presence
    ping: Ping
    edit: Edit
    recall: Recall
    react: React
    request: Request
    ready: Ready
    offline: Offline
    sent: Sent
    message: Message
    change: Change
    sync_batch: SyncResponse
    pong: Pong
    error: Error
    receipts: Receipts
    profile: ProfileNotice
    response: Response
    def __init__(self, auth: _Optional[_Union[Auth, _Mapping]] = ..., private: _Optional[_Union[Send, _Mapping]] = ..., group: _Optional[_Union[Send, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., sync: _Optional[_Union[SyncRequest, _Mapping]] = ..., read: _Optional[_Union[Read, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., presence: _Optional[_Union[Presence, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., edit: _Optional[_Union[Edit, _Mapping]] = ..., recall: _Optional[_Union[Recall, _Mapping]] = ..., react: _Optional[_Union[React, _Mapping]] = ..., request: _Optional[_Union[Request, _Mapping]] = ..., ready: _Optional[_Union[Ready, _Mapping]] = ..., offline: _Optional[_Union[Offline, _Mapping]] = ..., sent: _Optional[_Union[Sent, _Mapping]] = ..., message: _Optional[_Union[Message, _Mapping]] = ..., change: _Optional[_Union[Change, _Mapping]] = ..., sync_batch: _Optional[_Union[SyncResponse, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., receipts: _Optional[_Union[Receipts, _Mapping]] = ..., profile: _Optional[_Union[ProfileNotice, _Mapping]] = ..., response: _Optional[_Union[Response, _Mapping]] = ...) -> None: ...

class Auth(_message.Message):
    __slots__ = ("token", "deviceID", "lastSeq", "epoch", "hints")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    DEVICEID_FIELD_NUMBER: _ClassVar[int]
    LASTSEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    token: str
    deviceID: str
    lastSeq: int
    epoch: str
    hints: bool
    def __init__(self, token: _Optional[str] = ..., deviceID: _Optional[str] = ..., lastSeq: _Optional[int] = ..., epoch: _Optional[str] = ..., hints: _Optional[bool] = ...) -> None: ...

class Send(_message.Message):
    __slots__ = ("to", "content", "messageID", "messageType", "createTime", "replyTo", "mentions", "attachments", "ttl", "sticker")
    TO_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGEID_FIELD_NUMBER: _ClassVar[int]
    MESSAGETYPE_FIELD_NUMBER: _ClassVar[int]
    CREATETIME_FIELD_NUMBER: _ClassVar[int]
    REPLYTO_FIELD_NUMBER: _ClassVar[int]
    MENTIONS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    STICKER_FIELD_NUMBER: _ClassVar[int]
    to: str
    content: str
    messageID: str
    messageType: int
    createTime: int
    replyTo: str
    mentions: _containers.RepeatedScalarFieldContainer[str]
    attachments: _containers.RepeatedScalarFieldContainer[str]
    ttl: int
    sticker: Sticker
    def __init__(self, to: _Optional[str] = ..., content: _Optional[str] = ..., messageID: _Optional[str] = ..., messageType: _Optional[int] = ..., createTime: _Optional[int] = ..., replyTo: _Optional[str] = ..., mentions: _Optional[_Iterable[str]] = ..., attachments: _Optional[_Iterable[str]] = ..., ttl: _Optional[int] = ..., sticker: _Optional[_Union[Sticker, _Mapping]] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("seq",)
    SEQ_FIELD_NUMBER: _ClassVar[int]
    seq: int
    def __init__(self, seq: _Optional[int] = ...) -> None: ...

class Read(_message.Message):
    __slots__ = ("conversationID", "conversationSeq")
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONSEQ_FIELD_NUMBER: _ClassVar[int]
    conversationID: str
    conversationSeq: int
    def __init__(self, conversationID: _Optional[str] = ..., conversationSeq: _Optional[int] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ("serverMsgID", "content")
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    serverMsgID: str
    content: str
    def __init__(self, serverMsgID: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class Recall(_message.Message):
    __slots__ = ("serverMsgID",)
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    serverMsgID: str
    def __init__(self, serverMsgID: _Optional[str] = ...) -> None: ...

class React(_message.Message):
    __slots__ = ("serverMsgID", "emoji", "remove")
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    serverMsgID: str
    emoji: str
    remove: bool
    def __init__(self, serverMsgID: _Optional[str] = ..., emoji: _Optional[str] = ..., remove: _Optional[bool] = ...) -> None: ...

class Typing(_message.Message):
    __slots__ = ("conversationID", "userID")
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    USERID_FIELD_NUMBER: _ClassVar[int]
    conversationID: str
    userID: str
    def __init__(self, conversationID: _Optional[str] = ..., userID: _Optional[str] = ...) -> None: ...

class Online(_message.Message):
    __slots__ = ("online", "lastSeen")
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LASTSEEN_FIELD_NUMBER: _ClassVar[int]
    online: bool
    lastSeen: int
    def __init__(self, online: _Optional[bool] = ..., lastSeen: _Optional[int] = ...) -> None: ...

class Presence(_message.Message):
    __slots__ = ("userIDs", "users")
    class UsersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Online
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Online, _Mapping]] = ...) -> None: ...
    USERIDS_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    userIDs: _containers.RepeatedScalarFieldContainer[str]
    users: _containers.MessageMap[str, Online]
    def __init__(self, userIDs: _Optional[_Iterable[str]] = ..., users: _Optional[_Mapping[str, Online]] = ...) -> None: ...

class Mark(_message.Message):
    __slots__ = ("userID", "readSeq", "deliveredSeq")
    USERID_FIELD_NUMBER: _ClassVar[int]
    READSEQ_FIELD_NUMBER: _ClassVar[int]
    DELIVEREDSEQ_FIELD_NUMBER: _ClassVar[int]
    userID: str
    readSeq: int
    deliveredSeq: int
    def __init__(self, userID: _Optional[str] = ..., readSeq: _Optional[int] = ..., deliveredSeq: _Optional[int] = ...) -> None: ...

class ProfileNotice(_message.Message):
    __slots__ = ("userID", "version")
    USERID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    userID: str
    version: int
    def __init__(self, userID: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class Receipts(_message.Message):
    __slots__ = ("conversationID", "marks")
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    conversationID: str
    marks: _containers.RepeatedCompositeFieldContainer[Mark]
    def __init__(self, conversationID: _Optional[str] = ..., marks: _Optional[_Iterable[_Union[Mark, _Mapping]]] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("requestID", "method", "path", "body")
    REQUESTID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    requestID: str
    method: str
    path: str
    body: bytes
    def __init__(self, requestID: _Optional[str] = ..., method: _Optional[str] = ..., path: _Optional[str] = ..., body: _Optional[bytes] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("requestID", "status", "body")
    REQUESTID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    requestID: str
    status: int
    body: bytes
    def __init__(self, requestID: _Optional[str] = ..., status: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Pong(_message.Message):
    __slots__ = ("serverTime",)
    SERVERTIME_FIELD_NUMBER: _ClassVar[int]
    serverTime: int
    def __init__(self, serverTime: _Optional[int] = ...) -> None: ...

class Ready(_message.Message):
    __slots__ = ("userID", "deviceID", "headSeq", "epoch", "position", "window", "maxContent", "maxFrame", "serverTime")
    USERID_FIELD_NUMBER: _ClassVar[int]
    DEVICEID_FIELD_NUMBER: _ClassVar[int]
    HEADSEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    MAXCONTENT_FIELD_NUMBER: _ClassVar[int]
    MAXFRAME_FIELD_NUMBER: _ClassVar[int]
    SERVERTIME_FIELD_NUMBER: _ClassVar[int]
    userID: str
    deviceID: str
    headSeq: int
    epoch: str
    position: int
    window: int
    maxContent: int
    maxFrame: int
    serverTime: int
    def __init__(self, userID: _Optional[str] = ..., deviceID: _Optional[str] = ..., headSeq: _Optional[int] = ..., epoch: _Optional[str] = ..., position: _Optional[int] = ..., window: _Optional[int] = ..., maxContent: _Optional[int] = ..., maxFrame: _Optional[int] = ..., serverTime: _Optional[int] = ...) -> None: ...

class Offline(_message.Message):
    __slots__ = ("messages", "changes", "fromSeq", "throughSeq", "remaining")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    FROMSEQ_FIELD_NUMBER: _ClassVar[int]
    THROUGHSEQ_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    fromSeq: int
    throughSeq: int
    remaining: int
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., fromSeq: _Optional[int] = ..., throughSeq: _Optional[int] = ..., remaining: _Optional[int] = ...) -> None: ...

class Sent(_message.Message):
    __slots__ = ("messageID", "serverMsgID", "conversationID", "conversationSeq", "seq", "serverTime", "duplicate", "content", "sticker")
    MESSAGEID_FIELD_NUMBER: _ClassVar[int]
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONSEQ_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SERVERTIME_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STICKER_FIELD_NUMBER: _ClassVar[int]
    messageID: str
    serverMsgID: str
    conversationID: str
    conversationSeq: int
    seq: int
    serverTime: int
    duplicate: bool
    content: str
    sticker: Sticker
    def __init__(self, messageID: _Optional[str] = ..., serverMsgID: _Optional[str] = ..., conversationID: _Optional[str] = ..., conversationSeq: _Optional[int] = ..., seq: _Optional[int] = ..., serverTime: _Optional[int] = ..., duplicate: _Optional[bool] = ..., content: _Optional[str] = ..., sticker: _Optional[_Union[Sticker, _Mapping]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "error", "message", "messageID", "retryAfter", "serverMsgID", "requestID")
    CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGEID_FIELD_NUMBER: _ClassVar[int]
    RETRYAFTER_FIELD_NUMBER: _ClassVar[int]
    SERVERMSGID_FIELD_NUMBER: _ClassVar[int]
    REQUESTID_FIELD_NUMBER: _ClassVar[int]
    code: int
    error: str
    message: str
    messageID: str
    retryAfter: float
    serverMsgID: str
    requestID: str
    def __init__(self, code: _Optional[int] = ..., error: _Optional[str] = ..., message: _Optional[str] = ..., messageID: _Optional[str] = ..., retryAfter: _Optional[float] = ..., serverMsgID: _Optional[str] = ..., requestID: _Optional[str] = ...) -> None: ...
