/**
 * A client that cannot lose its place: it keeps its own store, works offline, starts at once, and goes on exactly where
 * it was. Several tabs of a page share the store and one connection.
 */

import { Avatars } from "./avatars.js";
import { ClientClosed } from "./errors.js";
import { Emitter } from "./events.js";
import { Following } from "./following.js";
import { Http } from "./http.js";
import { Operations, PATIENCE } from "./operations.js";
import { Store } from "./store/store.js";
import { Tabs } from "./tabs.js";
import { uuid7 } from "./uuid.js";

/**
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Conversation} Conversation
 * @typedef {import("./types.js").Unsent} Unsent
 * @typedef {import("./connection.js").State} State
 */

const NEWEST = Number.MAX_SAFE_INTEGER;
/** Messages of a page of history from the server. */
const PAGE = 50;

export class Client extends Avatars {
  #events = new Emitter();
  /** @type {Following|null} */
  #following = null;
  /** @type {Tabs|null} */
  #tabs = null;
  /** @type {Store|null} */
  #store = null;
  #operations = new Operations(this);
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
    super(new Http(url, session), userID);
    this.url = url;
    this.session = session;
    this.deviceID = deviceID ?? null;
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

  /** Ends it, and removes what is stored here, the outbox too. Tabs that have it open let go of it. */
  async forget() {
    await this.close();
    await Store.remove(this.storeName);
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
   * @param {object} [options]
   * @param {number} [options.messageType]
   * @param {string} [options.replyTo] the serverMsgID of a message of the same conversation
   * @param {string[]} [options.mentions] members, or `@all`
   * @param {number} [options.ttl] seconds after which it is recalled by itself
   * @param {import("./types.js").Sticker} [options.sticker] see `sendSticker`
   * @param {File[]} [options.files] at most 10; they are kept here until the server has them. `content` may be empty
   * @returns {Promise<Unsent>}
   */
  async send(to, content, { messageType = 1, replyTo, mentions, ttl, sticker, files } = {}) {
    const conversationID = this.conversationWith(to);
    const carried = files?.map((file) => ({ blob: file, name: file.name }));
    const said = sticker ? { messageType: 4, content: sticker.emoji, sticker } : { messageType, content };
    const message = { messageID: uuid7(), conversationID, ...said, createTime: Date.now(), replyTo, mentions, ttl, files: carried };
    const unsent = await this.store.queue({ ...message, state: /** @type {const} */ ("pending") });
    this.tell("changed", { conversations: [conversationID] });
    this.wish("flush");
    await this.saveDraft(conversationID, "");
    return unsent;
  }

  /**
   * Puts a sticker into the outbox. It is of `stickers()`, or came with a message; where no pack has it any more when
   * it is sent, it fails (`unknown_sticker`).
   *
   * @param {string} to a user id, or a conversation id
   * @param {import("./types.js").Sticker} sticker
   * @param {{replyTo?: string, ttl?: number}} [options]
   */
  sendSticker(to, sticker, options) {
    return this.send(to, sticker.emoji, { ...options, sticker });
  }

  /** The outbox, in the order of sending. @param {string} [conversationID] */
  unsent(conversationID) {
    return this.store.unsent(conversationID);
  }

  /** Sends a message again that has failed. @param {string} messageID */
  async retry(messageID) {
    await this.#changeUnsent(messageID, (unsent) => ({ ...unsent, state: "pending", error: undefined }));
    this.wish("flush");
  }

  /** Gives a message of the outbox up. @param {string} messageID */
  discard(messageID) {
    return this.#changeUnsent(messageID, () => null);
  }

  /** @param {string} messageID @param {(unsent: Unsent) => Unsent|null} change */
  async #changeUnsent(messageID, change) {
    let conversationID = "";
    await this.store.changeUnsent(messageID, (unsent) => ((conversationID = unsent.conversationID), change(unsent)));
    this.tell("changed", { conversations: [conversationID] });
  }

  /** Moves the read mark, here at once. @param {string} conversationID @param {number} conversationSeq */
  async markRead(conversationID, conversationSeq) {
    if (!(await this.store.markRead(conversationID, conversationSeq))) return;
    this.tell("changed", { conversations: [conversationID] });
    this.wish("marks");
  }

  /** Tells the others that one types. @param {string} conversationID */
  typing(conversationID) {
    this.wish("typing", conversationID);
  }

  /** Subscribes to the presence of these users, instead of those before. @param {string[]} userIDs */
  watch(userIDs) {
    if (!Array.isArray(userIDs)) throw new TypeError("watch takes a list of user ids");
    this.wish("watch", userIDs);
  }

  // --- reading ---

  /** @returns {Promise<Conversation[]>} the latest first */
  conversations() {
    return this.store.conversations();
  }

  /** @param {string} conversationID */
  conversation(conversationID) {
    return this.store.conversation(conversationID);
  }

  /** A message that is here. @param {string} serverMsgID @returns {Promise<Message|undefined>} */
  message(serverMsgID) {
    return this.store.message(serverMsgID);
  }

  /**
   * The newest messages with a number below `before`, oldest first; what is missing here is asked of the server.
   *
   * @param {string} conversationID
   * @param {{before?: number, limit?: number}} [options]
   * @returns {Promise<Message[]>}
   */
  async history(conversationID, { before = NEWEST, limit = PAGE } = {}) {
    const store = this.store;
    const conversation = await store.conversation(conversationID);
    const top = Math.min(before - 1, conversation?.lastSeq ?? 0);
    let found = await store.history(conversationID, top + 1, limit);
    const reachesTop = found.length === 0 ? top === 0 : found[found.length - 1].conversationSeq === top;
    if (reachesTop && (found.length === limit || found[0]?.conversationSeq === 1 || top === 0)) return found;
    const from = reachesTop && found.length ? found[0].conversationSeq : top + 1;
    const older = await this.older(conversationID, from, limit).catch(() => []);
    if (older.length) {
      await store.keep(older);
      found = await store.history(conversationID, top + 1, limit);
    }
    return found;
  }

  /**
   * The messages after a number, oldest first; what is missing here is asked of the server.
   *
   * @param {string} conversationID
   * @param {number} after
   * @param {number} [limit]
   * @returns {Promise<Message[]>}
   */
  async newer(conversationID, after, limit = PAGE) {
    const store = this.store;
    const found = await store.newer(conversationID, after, limit);
    const last = (await store.conversation(conversationID))?.lastSeq ?? 0;
    if (found.length === limit || after + found.length >= last) return found;
    const missing = await this.older(conversationID, after + limit + 1, limit).catch(() => []);
    if (missing.length) await store.keep(missing);
    return store.newer(conversationID, after, limit);
  }

  // --- the connection ---

  /** Goes offline by wish, in all tabs. */
  disconnect() {
    this.wish("disconnect");
  }

  /** Comes back. */
  connect() {
    this.wish("connect");
  }

  /**
   * Asks for any operation of the HTTP API over the connection that is there; files stay with HTTP. A token that has
   * expired is replaced once, by a new connection. Raises what the server refuses; `NetworkError` where there is no
   * connection, where it is lost before the answer or none comes in time: what was asked may be done then.
   *
   * @param {string} method
   * @param {string} path behind /api/v1, escaped, with its query
   * @param {object} [body]
   * @param {{patience?: number}} [options] milliseconds for the answer
   * @returns {Promise<any>} `data` of the answer
   */
  request(method, path, body, { patience = PATIENCE } = {}) {
    return this.#operations.request(method, path, body, patience);
  }

  // --- tabs ---

  #lead() {
    const following = this.#follow();
    return () => void following.then((one) => one?.end());
  }

  async #follow() {
    const store = this.store;
    const config = await store.config();
    if (this.#closed) return null;
    const tell = this.tell.bind(this);
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
    else if (what === "drafts") following.drafts.wake();
    else if (what === "typing") following.connection.send({ type: "typing", conversationID: detail });
    else if (what === "watch") following.watch(detail);
    else if (what === "ask") following.ask(detail);
    else if (what === "renew") following.connection.drop("its token has expired");
    else if (what === "connect") this.#goOnline(following, true);
    else if (what === "disconnect") this.#goOnline(following, false);
    else if (what === "state") this.tell("state", { state: this.state, reason: this.stateReason });
  }

  /** @param {Following} following @param {boolean} wanted */
  #goOnline(following, wanted) {
    this.#offline = !wanted;
    if (wanted) following.start();
    else following.stop("offline by wish");
  }

  /** @param {string} what @param {any} [detail] */
  wish(what, detail) {
    this.#tabs?.wish(what, detail);
  }

  /** @param {import("./events.js").News} name @param {any} detail */
  tell(name, detail) {
    if (this.#closed) return;
    this.#tabs?.news(name, detail);
    this.#hear(name, detail);
  }

  /** @param {import("./events.js").News} name @param {any} detail */
  #hear(name, detail) {
    if (name === "response") return this.#operations.told(detail);
    if (name === "state") {
      this.state = detail.state;
      this.stateReason = detail.reason;
      this.#operations.moved();
    }
    this.#events.emit(name, detail);
  }

  get store() {
    if (this.#store === null || this.#closed) throw new ClientClosed();
    return this.#store;
  }
}
