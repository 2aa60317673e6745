/**
 * Applying what the log brought: messages, changes and receipts, and the position, in one transaction.
 *
 * Applying is idempotent: a message meets its own record, a receipt an outbox record that may be gone already; so
 * batches may overlap, and a batch may come again after a crash. Only `through` moves the position, and only forwards;
 * whoever calls sees to it that nothing is left out before it.
 */

import { applyDraft } from "./drafts.js";
import { raise, replace } from "./marks.js";
import { turnBlock } from "./people.js";
import { ONE } from "./schema.js";

/**
 * @typedef {import("../types.js").Message} Message
 * @typedef {import("../types.js").Change} Change
 * @typedef {import("../types.js").Sent} Sent
 * @typedef {import("../types.js").Conversation} Conversation
 * @typedef {import("../types.js").SyncConfig} SyncConfig
 */

/**
 * @typedef {object} Entries what is applied together; `through` is the position afterwards, null where it stays
 * @property {Message[]} messages
 * @property {Change[]} changes
 * @property {Sent[]} receipts
 * @property {number|null} through
 */

/**
 * @typedef {object} Applied
 * @property {number} position
 * @property {string[]} conversations that changed
 * @property {Message[]} received messages of others that were not here before
 * @property {{messageID: string, conversationID: string}[]} sent messages of the outbox that turned out to be sent
 * @property {[import("../events.js").EventName, any][]} events what else the application is told
 * @property {boolean} timed whether any of the messages expires
 */

const KNOWN = ["read", "group", "member", "mute", "conversation"];

export const TABLES = /** @type {const} */ (["sync", "conversations", "messages", "outbox", "readMarks", "blocks", "drafts"]);

/**
 * @param {any} tx a `readwrite` transaction over `TABLES`
 * @param {Entries} entries
 * @param {number} now
 * @returns {Promise<Applied>}
 */
export async function apply(tx, entries, now) {
  /** @type {SyncConfig} */
  const config = await tx.objectStore("sync").get(ONE);
  const book = new Book(tx, config.userID);
  const sent = await book.settle(entries.messages, entries.receipts);
  const received = await book.messages(entries.messages);
  for (const change of entries.changes) {
    if (change.seq > config.lastSyncSeq) await book.change(change);
  }
  if (entries.through !== null && entries.through > config.lastSyncSeq) {
    config.lastSyncSeq = entries.through;
    config.lastSyncTime = now;
    tx.objectStore("sync").put(config, ONE);
  }
  await book.close();
  const { events, timed } = book;
  return { position: config.lastSyncSeq, conversations: [...book.touched.keys()], received, sent, events, timed };
}

/** As the server has it: 2 where all are pictures, else 3. @param {import("../types.js").Attachment[]} attachments */
function typeOf(attachments) {
  return attachments.every(({ type }) => type.startsWith("image/")) ? 2 : 3;
}

/** A conversation of which nothing is known yet. @param {string} conversationID @returns {Conversation} */
export function fresh(conversationID) {
  return {
    conversationID,
    name: null,
    role: "member",
    muted: false,
    gone: false,
    readSeq: 0,
    lastSeq: 0,
    lastTime: 0,
    lastMessage: null,
    unread: 0,
    knownFrom: 0,
    unreadBefore: 0,
  };
}

/** The conversations of one transaction: each read once, counted and written at its end. */
export class Book {
  /**
   * @param {any} tx
   * @param {string} userID
   */
  constructor(tx, userID) {
    this.tx = tx;
    this.userID = userID;
    /** @type {Map<string, Conversation>} */
    this.touched = new Map();
    /** @type {[import("../events.js").EventName, any][]} */
    this.events = [];
    this.timed = false;
  }

  /** @param {string} conversationID @returns {Promise<Conversation>} */
  async conversation(conversationID) {
    let found = this.touched.get(conversationID);
    if (found === undefined) {
      found = (await this.tx.objectStore("conversations").get(conversationID)) ?? fresh(conversationID);
      this.touched.set(conversationID, /** @type {Conversation} */ (found));
    }
    return /** @type {Conversation} */ (found);
  }

  /**
   * Takes what was sent out of the outbox. A receipt has no text, or the masked one: the message is made of both.
   *
   * @param {Message[]} messages
   * @param {Sent[]} receipts
   */
  async settle(messages, receipts) {
    const outbox = this.tx.objectStore("outbox").index("messageID");
    const store = this.tx.objectStore("outbox");
    const sent = [];
    const own = messages.filter((message) => message.senderID === this.userID);
    for (const about of [...receipts, ...own]) {
      const waiting = await outbox.get(about.messageID);
      if (waiting === undefined) continue;
      store.delete(waiting.place);
      sent.push({ messageID: waiting.messageID, conversationID: about.conversationID });
      if ("senderID" in about) continue; // from the log: stored as it is
      const { content, createTime, replyTo, mentions, ttl, sticker, files } = waiting;
      const attachments = files?.map((/** @type {any} */ file) => file.attachment);
      const messageType = attachments?.length ? typeOf(attachments) : waiting.messageType;
      const { type: _, duplicate: __, ...places } = /** @type {any} */ (about);
      // `places.content`, where it is there, is what the server stored: words were masked
      const said = { content, ...(sticker && { sticker }), ...(ttl && { ttl }), ...places, senderID: this.userID, messageType, createTime, version: 1 };
      if (replyTo) said.replyTo = replyTo;
      if (mentions?.length) said.mentions = mentions;
      if (attachments?.length) said.attachments = attachments;
      await this.messages([said]);
    }
    return sent;
  }

  /**
   * Stores messages; an older version never overwrites a newer one.
   *
   * @param {Message[]} messages
   * @returns {Promise<Message[]>} those of others that were not here before
   */
  async messages(messages) {
    const store = this.tx.objectStore("messages");
    const ids = messages.map((message) => Number(message.serverMsgID));
    const known = await Promise.all(ids.map((id) => store.get(id)));
    const received = [];
    for (const [index, message] of messages.entries()) {
      const before = known[index];
      if (before !== undefined && before.version >= message.version) continue;
      const others = message.senderID !== this.userID;
      /** @type {any} */
      const record = { ...message, id: ids[index] };
      delete record.seq;
      if (others && !message.recallTime) record.countSeq = message.conversationSeq;
      if (message.ttl && !message.recallTime) {
        record.due = message.serverTime + 1000 * message.ttl;
        this.timed = true;
      }
      store.put(record);
      if (others && before === undefined) received.push(message);
      const conversation = await this.conversation(message.conversationID);
      if (others && this.mentioned(message)) {
        conversation.mentionSeq = Math.max(conversation.mentionSeq ?? 0, message.conversationSeq);
      }
      if (message.conversationSeq >= conversation.lastSeq) {
        conversation.lastSeq = message.conversationSeq;
        conversation.lastTime = message.serverTime;
        conversation.lastMessage = message;
      }
    }
    return received;
  }

  /**
   * Forgets messages that may be others by now, since they could change where this store was not told of it: a history
   * brings them anew.
   *
   * @param {Conversation} conversation
   * @param {number} last the conversationSeq of the last of them
   */
  async forget(conversation, last) {
    const { conversationID, lastMessage } = conversation;
    const store = this.tx.objectStore("messages");
    const range = IDBKeyRange.bound([conversationID, 0], [conversationID, last]);
    for (const id of await store.index("place").getAllKeys(range)) store.delete(id);
    if (lastMessage && lastMessage.conversationSeq <= last) conversation.lastMessage = null;
  }

  /** Whether a message mentions this user. @param {Message} message */
  mentioned({ mentions, recallTime }) {
    return !recallTime && (mentions?.includes(this.userID) || mentions?.includes("@all"));
  }

  /** What kinds it does not know it passes over: there will be more. @param {Change} change */
  async change(change) {
    const { kind, conversationID, userID = "", userIDs: users = [userID], content = "", version = 0, time = 0, messageID, error } = change;
    // These three are no news of the conversation, which may not be there at all.
    if (kind === "block") {
      const blocked = change.action === "blocked";
      if (await turnBlock(this.tx, userID, blocked, time)) this.events.push(["block", { userID, blocked }]);
    } else if (kind === "draft") {
      const draft = { conversationID, content, version, updateTime: time };
      if (await applyDraft(this.tx, draft)) this.events.push(["draft", { conversationID, content }]);
    } else if (kind === "scheduled") {
      this.events.push(["scheduledFailed", { conversationID, messageID, error }]);
    }
    if (!KNOWN.includes(kind)) return;
    const conversation = await this.conversation(change.conversationID);
    conversation.lastTime ||= change.time ?? 0;
    if (change.kind === "read" && change.userID !== this.userID) {
      raise(conversation, [{ userID: change.userID ?? "", readSeq: change.conversationSeq }], this.userID);
    } else if (change.kind === "read") {
      conversation.readSeq = Math.max(conversation.readSeq, change.conversationSeq ?? 0);
      const marks = this.tx.objectStore("readMarks");
      const mark = await marks.get(change.conversationID);
      if (mark !== undefined && mark.conversationSeq <= conversation.readSeq) marks.delete(change.conversationID);
    } else if (change.kind === "group") {
      conversation.name = change.name ?? conversation.name;
      conversation.settings = change.settings ?? conversation.settings;
      if (change.action === "dissolved") conversation.gone = true;
      if (change.action === "large") replace(conversation, null, this.userID);
      if (change.action === "created" && change.actorID === this.userID) conversation.role = "owner";
    } else if (change.kind === "mute") {
      if (change.userID === this.userID) conversation.mutedUntil = change.until ?? 0;
    } else if (change.kind === "conversation") {
      conversation.muted = change.action === "muted";
    } else if (change.kind === "member" && !users.includes(this.userID)) {
      const known = users.every((name) => name in (conversation.marks ?? {}));
      if (change.action !== "joined") delete conversation.marks?.[userID];
      else if (!change.members && (change.conversationSeq || !known)) replace(conversation, null, this.userID);
    } else if (change.kind === "member") {
      const back = conversation.gone && change.action === "joined";
      if (back) await this.forget(conversation, conversation.lastSeq);
      if (!change.members && (back || change.conversationSeq)) replace(conversation, null, this.userID);
      conversation.gone = change.action !== "joined";
      conversation.muted &&= !conversation.gone;
      if (change.action === "joined") {
        conversation.role = change.role ?? "member";
        conversation.mutedUntil = change.until ?? conversation.mutedUntil;
        conversation.readSeq = Math.max(conversation.readSeq, change.conversationSeq ?? 0);
      }
    }
    if (change.members?.some(({ userID }) => userID === this.userID)) replace(conversation, change.members, this.userID);
  }

  /** Counts what is unread, and writes. */
  async close() {
    const store = this.tx.objectStore("conversations");
    const index = this.tx.objectStore("messages").index("countable");
    await Promise.all(
      [...this.touched.values()].map(async (conversation) => {
        const { conversationID, readSeq } = conversation;
        const unread = await index.count(IDBKeyRange.bound([conversationID, readSeq + 1], [conversationID, Infinity]));
        conversation.unread = unread + (readSeq < conversation.knownFrom - 1 ? conversation.unreadBefore : 0);
        store.put(conversation);
      }),
    );
  }
}
