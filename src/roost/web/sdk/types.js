/**
 * The shapes on the wire (docs/http.md, docs/websocket.md) and in the store.
 *
 * @typedef {object} Attachment a file
 * @property {string} id
 * @property {string} name
 * @property {number} size bytes
 * @property {string} type the media type
 * @property {number} [width] of a picture, pixels
 * @property {number} [height]
 * @property {boolean} [thumbnail] whether there is one
 *
 * @typedef {object} UnsentFile a file of a message of the outbox
 * @property {Blob} blob
 * @property {string} name
 * @property {string} [uploadID] where it is on its way
 * @property {Attachment} [attachment] once it is there
 *
 * @typedef {object} Message
 * @property {string} messageID the sender's own id
 * @property {string} serverMsgID
 * @property {number} [seq] its place in this user's log
 * @property {string} conversationID
 * @property {number} conversationSeq
 * @property {string} senderID
 * @property {number} messageType 1 text, 2 image, 3 file, 4 emoji or sticker, 5 system
 * @property {string} content
 * @property {number} createTime milliseconds since 1970-01-01 UTC, like all times
 * @property {number} serverTime
 * @property {number} version
 * @property {number} [editTime]
 * @property {number} [recallTime]
 * @property {string} [replyTo] the serverMsgID of the message that it answers
 * @property {string[]} [mentions] user ids, or `@all`
 * @property {{conversationID: string, serverMsgID: string, senderID: string}} [forwardedFrom]
 * @property {Attachment[]} [attachments] the files it carries
 * @property {number} [ttl] seconds after serverTime at which it is recalled by itself
 * @property {Sticker} [sticker] what it shows; content is the emoji
 * @property {Record<string, string[]>} [reactions] who reacted with each emoji
 * @property {boolean} [pinned]
 * @property {string} [recallReason] told where a back end recalled it
 *
 * @typedef {object} Change a log entry that is no message
 * @property {number} seq
 * @property {string} kind read, group, member, mute, block, draft, scheduled; others are passed over
 * @property {string} conversationID
 * @property {number} [conversationSeq]
 * @property {string} [action]
 * @property {string} [userID]
 * @property {string[]} [userIDs] who came in together, where these are several
 * @property {string} [actorID]
 * @property {string} [role]
 * @property {string} [name]
 * @property {GroupSettings} [settings] of a group
 * @property {number} [until] a time
 * @property {number} [time]
 * @property {string} [content] of a draft
 * @property {number} [version] of a draft
 * @property {string} [messageID] of a scheduled message
 * @property {string} [error] why it was not sent
 * @property {Present[]} [members] who is in a small group
 *
 * @typedef {object} Present a member of a small group, and how far it has read
 * @property {string} userID
 * @property {string} role
 * @property {number} joinTime
 * @property {number} [mutedUntil]
 * @property {number} [readSeq]
 *
 * @typedef {object} Sticker a picture that stands for an emoji
 * @property {string} packID
 * @property {string} stickerID
 * @property {string} emoji
 * @property {string} url an https address
 *
 * @typedef {object} StickerPack
 * @property {string} packID
 * @property {string} name
 * @property {Sticker[]} stickers
 *
 * @typedef {object} Profile what a user says of itself
 * @property {string} userID
 * @property {string} [displayName]
 * @property {string} [avatar] an https address; or the id of an uploaded picture: see `Client.avatar`
 * @property {string} [status]
 * @property {number} version
 * @property {boolean} [bot] whether it is a program
 *
 * @typedef {Profile & {presence: "everybody"|"contacts"|"nobody"}} OwnProfile presence: who sees whether one is online
 *
 * @typedef {object} Block
 * @property {string} userID
 * @property {number} blockTime
 *
 * @typedef {object} Draft what this user has begun to write
 * @property {string} conversationID
 * @property {string} content
 * @property {number} version
 * @property {number} updateTime
 * @property {boolean} [told] in the store: whether the server has it
 *
 * @typedef {object} Scheduled a message that is sent later
 * @property {string} scheduledID
 * @property {string} conversationID
 * @property {string} messageID
 * @property {number} messageType
 * @property {string} content
 * @property {number} sendTime
 * @property {string} [replyTo]
 * @property {string[]} [mentions]
 * @property {number} [ttl]
 * @property {{packID: string, stickerID: string}} [sticker]
 * @property {string[]} [attachments] the ids of its files
 *
 * @typedef {object} Member
 * @property {string} userID
 * @property {string} role owner, admin, member
 * @property {number} joinTime
 * @property {number} [mutedUntil]
 * @property {boolean} [bot]
 *
 * @typedef {object} GroupSettings
 * @property {string} [name]
 * @property {string} [description]
 * @property {string} [avatar]
 * @property {boolean} [announcementOnly] only the owner and admins write
 * @property {boolean} [membersInvite] every member adds others
 *
 * @typedef {object} Mark how far another member has got
 * @property {string} userID
 * @property {number} [readSeq]
 * @property {number} [deliveredSeq]
 *
 * @typedef {object} Hit what a search found
 * @property {Message} message
 * @property {string} snippet
 * @property {[number, number][]} matches place and length in the snippet, in code points
 *
 * @typedef {object} Sent a receipt: the message is on disk in every receiver's log
 * @property {string} messageID
 * @property {string} serverMsgID
 * @property {string} conversationID
 * @property {number} conversationSeq
 * @property {number} seq its place in the sender's log
 * @property {number} serverTime
 * @property {boolean} [duplicate]
 * @property {string} [content] what was stored, where words were masked
 *
 * @typedef {object} Page
 * @property {Message[]} messages
 * @property {Change[]} changes
 * @property {number} fromSeq
 * @property {number} maxSeq
 * @property {boolean} hasMore
 * @property {number} headSeq
 * @property {string} epoch
 * @property {boolean} [resetRequired]
 *
 * @typedef {object} Conversation as it is in the store
 * @property {string} conversationID
 * @property {string|null} name of a group
 * @property {string} role owner, admin, member
 * @property {boolean} muted
 * @property {boolean} gone left, removed or dissolved
 * @property {number} readSeq this user's read mark, a conversationSeq
 * @property {number} lastSeq the conversationSeq of its last message
 * @property {number} lastTime
 * @property {Message|null} lastMessage
 * @property {number} unread
 * @property {Record<string, [number, number]>} [marks] of each other member: read, and on a device, up to this conversationSeq
 * @property {GroupSettings} [settings] of a group
 * @property {number} [mutedUntil] until when this user may not write there
 * @property {boolean} [marksKnown] of a group: whether the log tells them; else none is kept
 * @property {number} [mentionSeq] the last message that mentions this user
 * @property {number} knownFrom where a snapshot began: what is older is asked for when somebody looks
 * @property {number} unreadBefore what was unread before that
 *
 * @typedef {object} Unsent a message of the outbox
 * @property {number} [place] the order of sending
 * @property {string} messageID
 * @property {string} conversationID
 * @property {number} messageType
 * @property {string} content
 * @property {number} createTime
 * @property {string} [replyTo]
 * @property {string[]} [mentions]
 * @property {number} [ttl]
 * @property {Sticker} [sticker]
 * @property {UnsentFile[]} [files]
 * @property {"pending"|"failed"} state
 * @property {string} [error] why it failed, for a person
 * @property {string} [slug]
 *
 * @typedef {object} SyncConfig where the store stands
 * @property {string} userID
 * @property {string} deviceID
 * @property {string|null} epoch
 * @property {number} lastSyncSeq
 * @property {number} lastSyncTime
 * @property {boolean} [lacking] the store was made by an earlier version, which kept less: a snapshot has it
 */

export {};
