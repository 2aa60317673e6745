/** What is asked of the server over HTTP, and is not kept here: it needs a connection, and raises what is refused. */

import { otherOf } from "./outbox.js";
import { uuid7 } from "./uuid.js";

/** @typedef {import("./types.js").Message} Message */

export class Requests {
  /**
   * @param {import("./http.js").Http} http
   * @param {string} userID
   */
  constructor(http, userID) {
    this.http = http;
    this.userID = userID;
  }

  /** @param {string} to a user id, or a conversation id */
  conversationWith(to) {
    if (/^(p:.+:.+|g:.+)$/.test(to)) return to;
    return `p:${[this.userID, to].sort().join(":")}`;
  }

  /** The user at the other end of a private conversation; null for a group. @param {string} conversationID */
  otherOf(conversationID) {
    return otherOf(conversationID, this.userID);
  }

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

  /** @param {string} groupID */
  group(groupID) {
    return this.http.request("GET", `/groups/${encodeURIComponent(groupID)}`);
  }

  /** @param {string} name @param {string[]} members @param {string} [groupID] */
  createGroup(name, members, groupID) {
    return this.http.request("POST", "/groups", { name, members, groupID });
  }

  /** @param {string} groupID @param {string} name */
  renameGroup(groupID, name) {
    return this.http.request("PATCH", `/groups/${encodeURIComponent(groupID)}`, { name });
  }

  /** @param {string} groupID @param {string} userID @param {string} [role] admin or member */
  addMember(groupID, userID, role) {
    return this.http.request("PUT", `/groups/${encodeURIComponent(groupID)}/members/${encodeURIComponent(userID)}`, { role });
  }

  /** @param {string} groupID @param {string} userID */
  removeMember(groupID, userID) {
    return this.http.request("DELETE", `/groups/${encodeURIComponent(groupID)}/members/${encodeURIComponent(userID)}`);
  }

  /** @param {string} groupID */
  leaveGroup(groupID) {
    return this.http.request("POST", `/groups/${encodeURIComponent(groupID)}/leave`);
  }

  /** @param {string} groupID @param {import("./types.js").GroupSettings} settings those that change */
  changeGroup(groupID, settings) {
    return this.http.request("PATCH", `/groups/${encodeURIComponent(groupID)}`, settings);
  }

  /** @param {string} groupID @param {string} userID @param {number} seconds 0 ends it */
  muteMember(groupID, userID, seconds) {
    const path = `/groups/${encodeURIComponent(groupID)}/members/${encodeURIComponent(userID)}/mute`;
    return seconds ? this.http.request("PUT", path, { seconds }) : this.http.request("DELETE", path);
  }

  /**
   * The members of a group, in pages, whatever its size.
   *
   * @param {string} groupID
   * @param {string} [after] `nextAfter` of the page before
   * @returns {Promise<{members: {userID: string, role: string}[], nextAfter: string|null}>}
   */
  members(groupID, after) {
    return this.http.request("GET", `/groups/${encodeURIComponent(groupID)}/members${after ? `?after=${encodeURIComponent(after)}` : ""}`);
  }

  /** Removes a member for good. @param {string} groupID @param {string} userID */
  ban(groupID, userID) {
    return this.http.request("PUT", `/groups/${encodeURIComponent(groupID)}/bans/${encodeURIComponent(userID)}`);
  }

  /** @param {string} groupID @param {string} userID */
  unban(groupID, userID) {
    return this.http.request("DELETE", `/groups/${encodeURIComponent(groupID)}/bans/${encodeURIComponent(userID)}`);
  }

  /** @param {string} groupID */
  async bans(groupID) {
    return (await this.http.request("GET", `/groups/${encodeURIComponent(groupID)}/bans`)).bans;
  }

  /** Another member is the owner from now on. @param {string} groupID @param {string} userID */
  transferGroup(groupID, userID) {
    return this.http.request("POST", `/groups/${encodeURIComponent(groupID)}/transfer`, { userID });
  }

  /**
   * An invitation; its `token` is told this once.
   *
   * @param {string} groupID
   * @param {{expiresIn?: number, maxUses?: number}} [options] seconds; times
   * @returns {Promise<{token: string, expireTime: number}>}
   */
  invite(groupID, options = {}) {
    return this.http.request("POST", `/groups/${encodeURIComponent(groupID)}/invitations`, options);
  }

  /** What an invitation leads to. @param {string} token */
  invitation(token) {
    return this.http.request("GET", `/invitations/${encodeURIComponent(token)}`);
  }

  /** Comes in; the answer is the group. @param {string} token */
  join(token) {
    return this.http.request("POST", `/invitations/${encodeURIComponent(token)}/join`);
  }
}
