/** What is asked of the server over HTTP, and is not kept here: it needs a connection, and raises what is refused. */

import { Groups } from "./groups.js";
import { Transfer } from "./uploads.js";
import { uuid7 } from "./uuid.js";

/** @typedef {import("./types.js").Message} Message */

export class Requests extends Groups {
  // --- changing; the new state comes by the log, here as to everybody ---

  /** Changes the text of one's own message. @param {string} serverMsgID @param {string} content */
  edit(serverMsgID, content) {
    return this.http.request("PATCH", `/messages/${serverMsgID}`, { content });
  }

  /** Takes a message back. @param {string} serverMsgID */
  recall(serverMsgID) {
    return this.http.request("POST", `/messages/${serverMsgID}/recall`);
  }

  /** @param {string} serverMsgID @param {string} emoji */
  react(serverMsgID, emoji) {
    return this.http.request("PUT", `/messages/${serverMsgID}/reactions/${encodeURIComponent(emoji)}`);
  }

  /** @param {string} serverMsgID @param {string} emoji */
  unreact(serverMsgID, emoji) {
    return this.http.request("DELETE", `/messages/${serverMsgID}/reactions/${encodeURIComponent(emoji)}`);
  }

  /** Pins a message for everybody in its conversation. @param {string} serverMsgID */
  pin(serverMsgID) {
    return this.http.request("PUT", `/messages/${serverMsgID}/pin`);
  }

  /** @param {string} serverMsgID */
  unpin(serverMsgID) {
    return this.http.request("DELETE", `/messages/${serverMsgID}/pin`);
  }

  /**
   * Sends a message on, to at most 20 conversations.
   *
   * @param {string} serverMsgID
   * @param {string[]} to user ids, or conversation ids
   */
  forward(serverMsgID, to) {
    const targets = to.map((one) => this.conversationWith(one));
    const messageIDs = targets.map(uuid7);
    return this.http.request("POST", `/messages/${serverMsgID}/forward`, { to: targets, messageIDs });
  }

  // --- reading ---

  /** The pinned messages of a conversation, the earliest pin first. @param {string} conversationID @returns {Promise<Message[]>} */
  async pins(conversationID) {
    return (await this.http.request("GET", `/conversations/${encodeURIComponent(conversationID)}/pins`)).messages;
  }

  /**
   * Who has got and who has read a message, in pages.
   *
   * @param {string} serverMsgID
   * @param {string} [after] `nextAfter` of the page before
   * @returns {Promise<{receivers: number, read: number, receipts: {userID: string, delivered: boolean, read: boolean}[], nextAfter: string|null}>}
   */
  receipts(serverMsgID, after) {
    return this.http.request("GET", `/messages/${serverMsgID}/receipts${after ? `?after=${encodeURIComponent(after)}` : ""}`);
  }

  /**
   * Looks for messages in all one's conversations, the newest first.
   *
   * @param {string} words
   * @param {{conversationID?: string, before?: string}} [options] `before`: the `nextBefore` of the page before
   * @returns {Promise<{hits: import("./types.js").Hit[], nextBefore: string|null}>}
   */
  search(words, { conversationID, before } = {}) {
    const query = new URLSearchParams({ q: words });
    if (conversationID) query.set("conversationID", conversationID);
    if (before) query.set("before", before);
    return this.http.request("GET", `/messages/search?${query}`);
  }

  /** A file that a message carries. @param {string} id @param {{thumbnail?: boolean}} [options] */
  file(id, { thumbnail = false } = {}) {
    return this.http.blob(`/attachments/${id}${thumbnail ? "/thumbnail" : ""}`);
  }

  /**
   * A page of a conversation as the server has it, oldest first.
   *
   * @param {string} conversationID
   * @param {number} before a conversationSeq
   * @param {number} limit
   * @returns {Promise<Message[]>}
   */
  async older(conversationID, before, limit) {
    const other = this.otherOf(conversationID);
    const path = other === null ? `group/${encodeURIComponent(conversationID.slice(2))}` : `user/${encodeURIComponent(other)}`;
    const page = await this.http.request("GET", `/messages/${path}?before=${before}&limit=${Math.min(limit, 100)}`);
    return page.messages;
  }

  /** @param {string[]} userIDs @returns {Promise<Record<string, {online: boolean, lastSeen: number|null}>>} */
  online(userIDs) {
    return this.http.request("GET", `/messages/online?userIDs=${userIDs.map(encodeURIComponent).join(",")}`);
  }

  // --- sending later ---

  /**
   * Has the server send a message at a time; it comes by the log then. Where it is refused by then, the event
   * `scheduledFailed` tells.
   *
   * @param {string} to a user id, or a conversation id
   * @param {string} content
   * @param {number} sendTime milliseconds
   * @param {object} [options] as of `send`, but that files are uploaded now
   * @param {string} [options.replyTo]
   * @param {string[]} [options.mentions]
   * @param {number} [options.ttl]
   * @param {import("./types.js").Sticker} [options.sticker]
   * @param {File[]} [options.files]
   * @param {(loaded: number, total: number) => void} [options.progress] bytes of the files
   * @returns {Promise<import("./types.js").Scheduled>}
   */
  async schedule(to, content, sendTime, { replyTo, mentions, ttl, sticker, files, progress } = {}) {
    const named = sticker && { packID: sticker.packID, stickerID: sticker.stickerID };
    const attachments = files?.length ? await this.#uploaded(files, progress) : undefined;
    const said = { content, replyTo, mentions, ttl, sticker: named, attachments };
    return this.http.request("POST", "/messages/scheduled", { conversationID: this.conversationWith(to), sendTime, messageID: uuid7(), ...said });
  }

  /** @param {File[]} files @param {((loaded: number, total: number) => void)|undefined} progress @returns {Promise<string[]>} their ids */
  async #uploaded(files, progress) {
    const transfer = new Transfer(this.http);
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const ids = [];
    let before = 0;
    for (const blob of files) {
      /** @type {import("./types.js").UnsentFile} */
      const file = { blob, name: blob.name };
      await transfer.bring(file, async (news) => void Object.assign(file, news), (loaded) => progress?.(before + loaded, total));
      ids.push(/** @type {import("./types.js").Attachment} */ (file.attachment).id);
      before += blob.size;
    }
    return ids;
  }

  /** What this user has scheduled, the next first. @returns {Promise<import("./types.js").Scheduled[]>} */
  async scheduled() {
    return (await this.http.request("GET", "/messages/scheduled")).scheduled;
  }

  /**
   * Gives a scheduled message another text or time.
   *
   * @param {string} scheduledID
   * @param {{content?: string, sendTime?: number}} change
   * @returns {Promise<import("./types.js").Scheduled>}
   */
  reschedule(scheduledID, change) {
    return this.http.request("PATCH", `/messages/scheduled/${scheduledID}`, change);
  }

  /** @param {string} scheduledID */
  cancelScheduled(scheduledID) {
    return this.http.request("DELETE", `/messages/scheduled/${scheduledID}`);
  }

  /** All packs of stickers that the server has. @returns {Promise<import("./types.js").StickerPack[]>} */
  async stickers() {
    return (await this.http.request("GET", "/stickers")).packs;
  }
}
