"""One tree of errors. Every refusal Roost gives is one of these, and each edge maps it once.

The class carries what the wire shows: `code` is the stable integer (HTTP status times 100, plus a number),
`slug` the stable word, `status` the HTTP status, `retryable` whether the same request may succeed later.
`data` is what a program needs to act on it (for example `{"retainedSeq": 41}`); `retry_after` is in seconds;
`request_id` names the request on the client's side of the wire.
An exception outside this tree becomes `InternalError` at the edge and is logged there with its request id.
"""

from __future__ import annotations

from typing import Any, ClassVar


class RoostError(Exception):
    """A refusal with a stable code; `str(error)` is the sentence for a person."""

    code: ClassVar[int] = 50000
    slug: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default: ClassVar[str] = "Something went wrong on the server; nothing was changed."

    def __init__(self, message: str | None = None, *, retry_after: float | None = None, **data: Any) -> None:
        super().__init__(message or self.default)
        self.retry_after = retry_after
        self.request_id: str | None = None
        self.data: dict[str, Any] = data


class InternalError(RoostError):
    """Anything unforeseen."""

    retryable = True


class Unavailable(RoostError):
    """The server can't take this now: starting, stopping, overloaded, or its database is away."""

    code, slug, status, retryable = 50300, "unavailable", 503, True
    default = "The server can't take this now; try again in a moment."


class InvalidInput(RoostError):
    """The request is not of the form the contract gives; the message names the field."""

    code, slug, status = 40000, "invalid_input", 400
    default = "The request is not valid."


class MalformedInput(InvalidInput):
    """Not JSON, or not the Protobuf message expected."""

    code, slug = 40001, "malformed"
    default = "The request could not be read."


class UnknownFrameType(InvalidInput):
    """A WebSocket frame whose `type` is not in the contract."""

    code, slug = 40002, "unknown_type"
    default = "This frame type is not known."


class InvalidID(InvalidInput):
    """An id outside the form CONTRACT §2 gives."""

    code, slug = 40003, "invalid_id"
    default = "This id is not valid."


class ContentTooLong(InvalidInput):
    """More characters than `limits.max_content` (D7)."""

    code, slug = 40004, "content_too_long"
    default = "The message is too long."


class ContentRejected(InvalidInput):
    """A message with a word that the server does not take (D7); which one is not told."""

    code, slug = 40006, "content_rejected"
    default = "This message has a word that is not allowed here."


class SeqAhead(InvalidInput):
    """`lastSeq` above the head of the log: the client's log is not this one."""

    code, slug = 40005, "seq_ahead"
    default = "lastSeq is above the head of this log."


class Unauthenticated(RoostError):
    """No token where one is needed, or a frame before `auth` (D6)."""

    code, slug, status = 40100, "unauthenticated", 401
    default = "Authenticate first."


class InvalidToken(Unauthenticated):
    """The token is malformed, signed by another key or with another algorithm."""

    code, slug = 40101, "invalid_token"
    default = "This token is not valid."


class TokenExpired(Unauthenticated):
    """The token was valid once; refresh it or log in again."""

    code, slug = 40102, "token_expired"
    default = "This token has expired."


class TokenRevoked(Unauthenticated):
    """The token was logged out."""

    code, slug = 40103, "token_revoked"
    default = "This token was revoked."


class BadCredentials(Unauthenticated):
    """No such user, or the password is wrong; which of the two is not told."""

    code, slug = 40104, "bad_credentials"
    default = "User or password is wrong."


class Forbidden(RoostError):
    """Known, and not allowed."""

    code, slug, status = 40300, "forbidden", 403
    default = "You are not allowed to do this."


class NotAMember(Forbidden):
    """Sending to or reading a conversation one does not belong to (D6)."""

    code, slug = 40301, "not_a_member"
    default = "You are not a member of this conversation."


class TooLate(Forbidden):
    """A change of a message after its time (D9); `data.window` tells how many seconds there were."""

    code, slug = 40302, "too_late"
    default = "It is too late for this."


class MissingScope(Forbidden):
    """A back end's key without the scope that this needs; `data.scope` names it."""

    code, slug = 40320, "missing_scope"
    default = "This key may not do this."


class UserDeactivated(Forbidden):
    """Logging in as a user that a back end has deactivated."""

    code, slug = 40321, "user_deactivated"
    default = "This user is deactivated."


class Muted(Forbidden):
    """Writing while the group's admins do not let one; `data.until` tells when it ends, `retry_after` in how long."""

    code, slug = 40303, "muted"
    default = "You may not write in this group for now."


class AnnouncementOnly(Forbidden):
    """Writing in a group where only the owner and admins write."""

    code, slug = 40304, "announcement_only"
    default = "Only the owner and admins write in this group."


class Banned(Forbidden):
    """Bringing a user into a group that the user was banned from, or coming back oneself."""

    code, slug = 40305, "banned"
    default = "This user is banned from this group."


class NotFound(RoostError):
    """There is nothing at this address."""

    code, slug, status = 40400, "not_found", 404
    default = "There is nothing here."


class UnknownReceiver(NotFound):
    """A message to a user that does not exist (D6)."""

    code, slug = 40401, "unknown_receiver"
    default = "There is no such user."


class UnknownConversation(NotFound):
    """A conversation or group that does not exist."""

    code, slug = 40402, "unknown_conversation"
    default = "There is no such conversation."


class UnknownMessage(NotFound):
    """A message that does not exist, or is not yours to see."""

    code, slug = 40403, "unknown_message"
    default = "There is no such message."


class SwitchedOff(NotFound):
    """Something that the settings of this server switch off."""

    code, slug = 40404, "switched_off"
    default = "This server does not offer this."


class UnknownInvitation(NotFound):
    """An invitation that does not exist, was revoked, or whose maker may not invite any more."""

    code, slug = 40410, "unknown_invitation"
    default = "There is no such invitation."


class InvitationOver(RoostError):
    """An invitation that has expired or was used as often as it may be; `data.reason` is `expired` or `used_up`."""

    code, slug, status = 41000, "invitation_over", 410
    default = "This invitation is over."


class UnknownAttachment(NotFound):
    """A file that does not exist, is not yours to see, or is gone (D9)."""

    code, slug = 40405, "unknown_attachment"
    default = "There is no such file."


class UnknownSticker(NotFound):
    """A sticker, or a pack of them, that does not exist (D9)."""

    code, slug = 40406, "unknown_sticker"
    default = "There is no such sticker."


class MethodNotAllowed(RoostError):
    """The address exists, for other methods."""

    code, slug, status = 40500, "method_not_allowed", 405
    default = "This method is not allowed here."


class Conflict(RoostError):
    """What should be made exists already, or has changed since."""

    code, slug, status = 40900, "conflict", 409
    default = "This conflicts with what is there."


class UserExists(Conflict):
    """Registration of a user id that is taken."""

    code, slug = 40901, "user_exists"
    default = "This user id is taken."


class MessageRecalled(Conflict):
    """A change of a message that was recalled (D9)."""

    code, slug = 40902, "message_recalled"
    default = "This message was recalled."


class LimitReached(Conflict):
    """As many as there may be are there already (D9); `data.limit` tells how many."""

    code, slug = 40903, "limit_reached"
    default = "There are as many as there may be."


class WrongOffset(Conflict):
    """A piece of an upload that does not begin where the last one ended; `data.offset` tells where that is (D9)."""

    code, slug = 40904, "wrong_offset"
    default = "The upload does not go on there."


class QuotaReached(Conflict):
    """A file for which its sender has no room left (D9); `data.quota` and `data.used` are in bytes."""

    code, slug = 40905, "quota_reached"
    default = "There is no room left for your files."


class TooLarge(RoostError):
    """A body or frame over its limit, packed or unpacked (C11)."""

    code, slug, status = 41300, "too_large", 413
    default = "The body is too large."


class ImageTooLarge(TooLarge):
    """A picture of more pixels than `files.max_pixels` (D9)."""

    code, slug = 41301, "image_too_large"
    default = "The picture has too many pixels."


class UnsupportedMedia(RoostError):
    """A Content-Type or Content-Encoding that is not JSON, Protobuf or gzip."""

    code, slug, status = 41500, "unsupported_media", 415
    default = "This content type or encoding is not supported."


class FileTypeRefused(UnsupportedMedia):
    """A file of a type that this server does not take, by its content (D9); `data.type` tells which."""

    code, slug = 41501, "file_type_refused"
    default = "Files of this type are not taken here."


class OverHTTPOnly(RoostError):
    """An operation that can't be asked for in a `request` frame: of files, of back ends, or no part of the API."""

    code, slug, status = 42100, "over_http_only", 421
    default = "This is asked over HTTP, not in a request frame."


class RangeNotSatisfiable(RoostError):
    """A range that begins behind the end of the file (RFC 9110 §15.5.17); `data.size` is in bytes."""

    code, slug, status = 41600, "range_not_satisfiable", 416
    default = "The file has no such range."


class UploadBusy(RoostError):
    """An upload that is being written by another request (D9)."""

    code, slug, status, retryable = 42300, "upload_busy", 423, True
    default = "Another request is writing to this upload."


class RateLimited(RoostError):
    """Too many in too short a time (D7); `retry_after` tells when the next is due."""

    code, slug, status, retryable = 42900, "rate_limited", 429, True
    default = "Too many requests; slow down."


class SpamSuspected(RateLimited):
    """Sent as no person does (D7); `retry_after` tells when sending may go on, and grows with each time."""

    code, slug = 42901, "spam_suspected"
    default = "This looks like spam; nothing is taken from you for a while."
