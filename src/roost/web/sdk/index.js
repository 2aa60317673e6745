/**
 * The browser SDK of Roost. docs/sdk-browser.md tells how to use it.
 *
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Conversation} Conversation
 * @typedef {import("./types.js").Unsent} Unsent
 * @typedef {import("./types.js").Attachment} Attachment
 * @typedef {import("./types.js").Hit} Hit
 * @typedef {import("./types.js").Profile} Profile
 * @typedef {import("./types.js").OwnProfile} OwnProfile
 * @typedef {import("./types.js").Block} Block
 * @typedef {import("./types.js").Draft} Draft
 * @typedef {import("./types.js").Scheduled} Scheduled
 * @typedef {import("./types.js").Sticker} Sticker
 * @typedef {import("./types.js").StickerPack} StickerPack
 * @typedef {import("./types.js").Member} Member
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./events.js").EventName} EventName
 */

export { Client } from "./client.js";
export { ClientClosed, NetworkError, RoostError, StoreBelongsToAnother, Unauthenticated } from "./errors.js";
export { canPush, disablePush, enablePush, renewPush } from "./push.js";
export { reached } from "./store/marks.js";
export { Login, tokens } from "./session.js";
