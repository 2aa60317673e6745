/**
 * A client that cannot lose its place: it keeps its own store, works offline, starts at once, and goes on exactly where
 * it was. Several tabs of a page share the store and one connection.
 */

import { ClientClosed } from "./errors.js";
import { Emitter } from "./events.js";
import { Following } from "./following.js";
import { Http } from "./http.js";
import { otherOf } from "./outbox.js";
import { Store } from "./store/store.js";
import { Tabs } from "./tabs.js";

/**
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Conversation} Conversation
 * @typedef {import("./types.js").Unsent} Unsent
 * @typedef {import("./connection.js").State} State
 */

const NEWEST = Number.MAX_SAFE_INTEGER;
/** Messages of a page of history from the server. */
const PAGE = 50;

export class Client {
  #events = new Emitter();
  /** @type {Following|null} */
  #following = null;
  /** @type {Tabs|null} */
  #tabs = null;
  /** @type {Store|null} */
  #store = null;
  #closed = false;
  #offline = false;
  /** @type {State} */
  state = "disconnected";
  /** @type {string|null} */
  stateReason = null;

  /**
   * @param {string} url the server, such as https://chat.example.com
   * @param {object} options
   * @param {import("./session.js").Session} options.session whose it is, and its tokens
   * @param {string} options.userID
   * @param {string|null} [options.deviceID] this device's name; made and kept where there is none
   */
  constructor(url, { session, userID, deviceID = session.deviceID }) {
    this.url = url;
    this.session = session;
    this.userID = userID;
    this.deviceID = deviceID ?? null;
    this.http = new Http(url, session);
    this.storeName = `roost:${url}:${userID}:${deviceID ?? "page"}`;
  }

  /** Opens the store, and connects if no other tab has done so. */
  async open() {
    this.#store = await Store.open(this.storeName, this.userID, this.deviceID, () => void this.close());
    const config = await this.#store.config();
    this.deviceID = config.deviceID;
    this.#tabs = new Tabs(this.storeName, {
      lead: () => this.#lead(),
      news: (name, detail) => this.#hear(/** @type {any} */ (name), detail),
      wish: (what, detail) => this.#grant(what, detail),
    });
    this.#tabs.wish("state");
  }

  /** Ends it; what is stored stays, and another tab takes the connection over. */
  async close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#tabs?.close();
    this.#store?.close();
  }

  /**
   * Listens. See events.js for the names.
   *
   * @param {import("./events.js").EventName} name
   * @param {(detail: any) => void} handler
   * @returns {() => void} ends it
   */
  on(name, handler) {
    return this.#events.on(name, handler);
  }

  // --- sending ---

  /**
   * Puts a message into the outbox, on disk when this returns; it is sent until the server has it.
   *
   * @param {string} to a user id, or a conversation id
   * @param {string} content
   * @param {{messageType?: number}} [options]
   * @returns {Promise<Unsent>}
   */
  async send(to, content, { messageType = 1 } = {}) {
    const conversationID = this.conversationWith(to);
    const message = { messageID: uuid7(), conversationID, messageType, content, createTime: Date.now() };
    const unsent = await this.#open.queue({ ...message, state: /** @type {const} */ ("pending") });
    this.#tell("changed", { conversations: [conversationID] });
    this.#wish("flush");
    return unsent;
  }

  /** The outbox, in the order of sending. @param {string} [conversationID] */
  unsent(conversationID) {
    return this.#open.unsent(conversationID);
  }

  /** Sends a message again that has failed. @param {string} messageID */
  async retry(messageID) {
    await this.#changeUnsent(messageID, (unsent) => ({ ...unsent, state: "pending", error: undefined }));
    this.#wish("flush");
  }

  /** Gives a message of the outbox up. @param {string} messageID */
  discard(messageID) {
    return this.#changeUnsent(messageID, () => null);
  }

  /** @param {string} messageID @param {(unsent: Unsent) => Unsent|null} change */
  async #changeUnsent(messageID, change) {
    let conversationID = "";
    await this.#open.changeUnsent(messageID, (unsent) => ((conversationID = unsent.conversationID), change(unsent)));
    this.#tell("changed", { conversations: [conversationID] });
  }

  /** Moves the read mark, here at once. @param {string} conversationID @param {number} conversationSeq */
  async markRead(conversationID, conversationSeq) {
    if (!(await this.#open.markRead(conversationID, conversationSeq))) return;
    this.#tell("changed", { conversations: [conversationID] });
    this.#wish("marks");
  }

  /** Tells the others that one types. @param {string} conversationID */
  typing(conversationID) {
    this.#wish("typing", conversationID);
  }

  /** Subscribes to the presence of these users, instead of those before. @param {string[]} userIDs */
  watch(userIDs) {
    this.#wish("watch", userIDs);
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

  // --- reading ---

  /** @param {string} to a user id, or a conversation id */
  conversationWith(to) {
    if (/^(p:.+:.+|g:.+)$/.test(to)) return to;
    return `p:${[this.userID, to].sort().join(":")}`;
  }

  /** The user at the other end of a private conversation; null for a group. @param {string} conversationID */
  otherOf(conversationID) {
    return otherOf(conversationID, this.userID);
  }

  /** @returns {Promise<Conversation[]>} the latest first */
  conversations() {
    return this.#open.conversations();
  }

  /** @param {string} conversationID */
  conversation(conversationID) {
    return this.#open.conversation(conversationID);
  }

  /**
   * The newest messages with a number below `before`, oldest first; what is missing here is asked of the server.
   *
   * @param {string} conversationID
   * @param {{before?: number, limit?: number}} [options]
   * @returns {Promise<Message[]>}
   */
  async history(conversationID, { before = NEWEST, limit = PAGE } = {}) {
    const store = this.#open;
    const conversation = await store.conversation(conversationID);
    const top = Math.min(before - 1, conversation?.lastSeq ?? 0);
    let found = await store.history(conversationID, top + 1, limit);
    const reachesTop = found.length === 0 ? top === 0 : found[found.length - 1].conversationSeq === top;
    if (reachesTop && (found.length === limit || found[0]?.conversationSeq === 1 || top === 0)) return found;
    const from = reachesTop && found.length ? found[0].conversationSeq : top + 1;
    const older = await this.#older(conversationID, from, limit).catch(() => []);
    if (older.length) {
      await store.keep(older);
      found = await store.history(conversationID, top + 1, limit);
    }
    return found;
  }

  /** The messages after a number, oldest first, as far as they are here. @param {string} conversationID @param {number} after */
  newer(conversationID, after, limit = PAGE) {
    return this.#open.newer(conversationID, after, limit);
  }

  /** @param {string} conversationID @param {number} before @param {number} limit @returns {Promise<Message[]>} */
  async #older(conversationID, before, limit) {
    const other = this.otherOf(conversationID);
    const path = other === null ? `group/${encodeURIComponent(conversationID.slice(2))}` : `user/${encodeURIComponent(other)}`;
    const page = await this.http.request("GET", `/messages/${path}?before=${before}&limit=${Math.min(limit, 100)}`);
    return page.messages;
  }

  // --- asked of the server ---

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

  // --- the connection ---

  /** Goes offline by wish, in all tabs. */
  disconnect() {
    this.#wish("disconnect");
  }

  /** Comes back. */
  connect() {
    this.#wish("connect");
  }

  // --- tabs ---

  #lead() {
    const following = this.#follow();
    return () => void following.then((one) => one?.stop());
  }

  async #follow() {
    const store = this.#open;
    const config = await store.config();
    if (this.#closed) return null;
    const tell = this.#tell.bind(this);
    this.#following = new Following(this.url, this.session, this.http, store, config, tell);
    if (!this.#offline) this.#following.start();
    return this.#following;
  }

  /** @param {string} what @param {any} detail */
  #grant(what, detail) {
    const following = this.#following;
    if (following === null) return;
    if (what === "flush") void following.outbox.flush();
    else if (what === "marks") void following.tellMarks();
    else if (what === "typing") following.connection.send({ type: "typing", conversationID: detail });
    else if (what === "watch") following.watch(detail);
    else if (what === "connect") this.#goOnline(following, true);
    else if (what === "disconnect") this.#goOnline(following, false);
    else if (what === "state") this.#tell("state", { state: this.state, reason: this.stateReason });
  }

  /** @param {Following} following @param {boolean} wanted */
  #goOnline(following, wanted) {
    this.#offline = !wanted;
    if (wanted) following.start();
    else following.stop("offline by wish");
  }

  /** @param {string} what @param {any} [detail] */
  #wish(what, detail) {
    this.#tabs?.wish(what, detail);
  }

  /** @param {import("./events.js").EventName} name @param {any} detail */
  #tell(name, detail) {
    if (this.#closed) return;
    this.#tabs?.news(name, detail);
    this.#hear(name, detail);
  }

  /** @param {import("./events.js").EventName} name @param {any} detail */
  #hear(name, detail) {
    if (name === "state") {
      this.state = detail.state;
      this.stateReason = detail.reason;
    }
    this.#events.emit(name, detail);
  }

  get #open() {
    if (this.#store === null || this.#closed) throw new ClientClosed();
    return this.#store;
  }
}

/** A UUID that begins with the time (RFC 9562 §5.7), so that ids made one after the other sort so. */
function uuid7() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = BigInt(Date.now());
  for (let index = 0; index < 6; index++) bytes[index] = Number((now >> BigInt(40 - 8 * index)) & 255n);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
