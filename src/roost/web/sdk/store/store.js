/**
 * The store of one user on one device: what the log brought, what waits to be sent, and the position.
 *
 * Several tabs may have it open at once; each operation is one transaction. Only the tab that has the connection
 * applies what the log brings.
 */

import { deleteDB } from "../vendor/idb.js";
import { StoreBelongsToAnother } from "../errors.js";
import { apply, Book, fresh, TABLES } from "./apply.js";
import { replaceDrafts } from "./drafts.js";
import { keeps, raise, replace } from "./marks.js";
import { replaceBlocks } from "./people.js";
import { ONE, open } from "./schema.js";

/**
 * @typedef {import("../types.js").Message} Message
 * @typedef {import("../types.js").Conversation} Conversation
 * @typedef {import("../types.js").SyncConfig} SyncConfig
 * @typedef {import("../types.js").Unsent} Unsent
 */

const NOTHING = -Infinity;
const ANYTHING = Infinity;

export class Store {
  /** @type {any} */
  #db;

  /** @param {any} db */
  constructor(db) {
    this.#db = db;
  }

  /**
   * @param {string} name
   * @param {string} userID
   * @param {string|null} deviceID null makes one
   * @param {() => void} [superseded] called when a newer version of the page needs the store
   */
  static async open(name, userID, deviceID, superseded = () => {}) {
    const store = new Store(await open(name, () => (store.close(), superseded())));
    const tx = store.#db.transaction("sync", "readwrite");
    /** @type {SyncConfig|undefined} */
    const config = await tx.store.get(ONE);
    if (config === undefined) {
      const device = deviceID ?? crypto.randomUUID();
      tx.store.put({ userID, deviceID: device, epoch: null, lastSyncSeq: 0, lastSyncTime: 0 }, ONE);
    } else if (config.userID !== userID) {
      throw new StoreBelongsToAnother(`The store ${name} is ${config.userID}'s, not ${userID}'s.`);
    }
    await tx.done;
    return store;
  }

  close() {
    this.#db.close();
  }

  /** Removes a store from this browser. @param {string} name */
  static remove(name) {
    return deleteDB(name);
  }

  /**
   * One transaction of its own, on disk when this returns.
   *
   * @template T
   * @param {string[]} tables
   * @param {(tx: any) => Promise<T>} work
   */
  async write(tables, work) {
    const tx = this.#db.transaction(tables, "readwrite", { durability: "strict" });
    const done = await work(tx);
    await tx.done;
    return done;
  }

  /**
   * @template T
   * @param {string[]} tables
   * @param {(tx: any) => Promise<T>} work
   */
  read(tables, work) {
    return work(this.#db.transaction(tables, "readonly"));
  }

  // --- the log ---

  /** @returns {Promise<SyncConfig>} */
  config() {
    return this.#db.get("sync", ONE);
  }

  /** Names the log that this store follows. @param {string} epoch */
  async claim(epoch) {
    const tx = this.#db.transaction("sync", "readwrite");
    const config = await tx.store.get(ONE);
    if (config.epoch === null) tx.store.put({ ...config, epoch }, ONE);
    await tx.done;
  }

  /**
   * Stores entries and moves the position, in one transaction that is on disk when this returns.
   *
   * @param {import("./apply.js").Entries} entries
   */
  async apply(entries) {
    const tx = this.#db.transaction(TABLES, "readwrite", { durability: "strict" });
    const applied = await apply(tx, entries, Date.now());
    await tx.done;
    return applied;
  }

  /**
   * Rebuilds the store from `GET /snapshot`. In the same log, what was stored of conversations that one is in no more
   * stays, and of the others what the snapshot has: older messages may be others by now. In another log all goes. The
   * outbox stays in every case.
   *
   * @param {any} snapshot
   */
  async reset(snapshot) {
    const tx = this.#db.transaction(TABLES, "readwrite", { durability: "strict" });
    const config = await tx.objectStore("sync").get(ONE);
    if (config.epoch !== null && config.epoch !== snapshot.epoch) {
      for (const table of ["conversations", "messages", "readMarks", "blocks", "drafts"]) tx.objectStore(table).clear();
    }
    const book = new Book(tx, config.userID);
    for (const conversationID of await tx.objectStore("conversations").getAllKeys()) {
      Object.assign(await book.conversation(conversationID), { gone: true, muted: false });
    }
    for (const found of snapshot.conversations) {
      const conversation = await book.conversation(found.conversationID);
      const { name = null, role, muted = false } = found;
      Object.assign(conversation, { name, role, muted, gone: false, settings: found.settings ?? conversation.settings });
      conversation.readSeq = Math.max(conversation.readSeq, found.readSeq);
      if (found.marks) conversation.marksKnown = true;
      else if (!keeps({ ...conversation, marksKnown: false })) replace(conversation, null, config.userID);
      raise(conversation, found.marks ?? [], config.userID);
      await book.messages(found.messages);
      const first = found.messages[0]?.conversationSeq ?? found.conversationSeq + 1;
      await book.forget(conversation, first - 1);
      const counted = found.messages.filter(
        (/** @type {Message} */ one) =>
          one.conversationSeq > found.readSeq && one.senderID !== config.userID && !one.recallTime,
      );
      conversation.knownFrom = first;
      conversation.unreadBefore = Math.max(0, found.unread - counted.length);
    }
    await book.close();
    replaceBlocks(tx, snapshot.blocks ?? []);
    await replaceDrafts(tx, snapshot.drafts ?? []);
    const { epoch, maxSeq } = snapshot;
    tx.objectStore("sync").put({ ...config, epoch, lastSyncSeq: maxSeq, lastSyncTime: Date.now(), lacking: undefined }, ONE);
    await tx.done;
  }

  // --- reading ---

  /** @returns {Promise<Conversation[]>} the latest first */
  async conversations() {
    const all = await this.#db.getAll("conversations");
    return all.sort((/** @type {Conversation} */ a, /** @type {Conversation} */ b) => b.lastTime - a.lastTime);
  }

  /** @param {string} serverMsgID @returns {Promise<Message|undefined>} */
  message(serverMsgID) {
    return this.#db.get("messages", Number(serverMsgID));
  }

  /** @param {string} conversationID @returns {Promise<Conversation|undefined>} */
  conversation(conversationID) {
    return this.#db.get("conversations", conversationID);
  }

  /**
   * The newest messages with a number below `before` that are here without a gap, oldest first.
   *
   * @param {string} conversationID
   * @param {number} before
   * @param {number} limit
   * @returns {Promise<Message[]>}
   */
  async history(conversationID, before, limit) {
    const found = await this.#places(conversationID, Math.max(1, before - limit), before - 1);
    let first = found.length;
    while (first > 0 && (first === found.length || found[first - 1].conversationSeq === found[first].conversationSeq - 1)) first -= 1;
    return found.slice(first);
  }

  /**
   * The messages after number `after` that are here without a gap, oldest first.
   *
   * @param {string} conversationID
   * @param {number} after
   * @param {number} limit
   * @returns {Promise<Message[]>}
   */
  async newer(conversationID, after, limit) {
    const found = await this.#places(conversationID, after + 1, after + limit);
    const gap = found.findIndex((message, index) => message.conversationSeq !== after + 1 + index);
    return gap < 0 ? found : found.slice(0, gap);
  }

  /** @param {string} conversationID @param {number} from @param {number} to @returns {Promise<Message[]>} */
  #places(conversationID, from, to) {
    if (from > to) return Promise.resolve([]);
    const range = IDBKeyRange.bound([conversationID, from], [conversationID, to]);
    return this.#db.getAllFromIndex("messages", "place", range);
  }

  /**
   * Keeps what a history of the server brought.
   *
   * @param {Message[]} messages
   */
  async keep(messages) {
    const tx = this.#db.transaction(TABLES, "readwrite");
    const book = new Book(tx, (await tx.objectStore("sync").get(ONE)).userID);
    const received = await book.messages(messages);
    for (const conversation of book.touched.values()) {
      const first = messages[0].conversationSeq;
      const last = messages[messages.length - 1].conversationSeq;
      if (first >= conversation.knownFrom) continue;
      const counted = received.filter(
        (one) =>
          one.conversationSeq < conversation.knownFrom && one.conversationSeq > conversation.readSeq && !one.recallTime,
      );
      if (last >= conversation.knownFrom - 1) conversation.knownFrom = first; // else there is a gap between
      conversation.unreadBefore = Math.max(0, conversation.unreadBefore - counted.length);
    }
    await book.close();
    await tx.done;
  }

  /**
   * Keeps how far others have got. `whole`: these are all the others. Returns the conversations in which that is news.
   *
   * @param {{conversationID: string, marks: import("../types.js").Mark[]}[]} found
   * @param {{whole?: boolean}} [options]
   */
  async raiseMarks(found, { whole = false } = {}) {
    const tx = this.#db.transaction(["sync", "conversations"], "readwrite");
    const { userID } = await tx.objectStore("sync").get(ONE);
    const conversations = tx.objectStore("conversations");
    const moved = [];
    for (const { conversationID, marks } of found) {
      const conversation = await conversations.get(conversationID);
      if (conversation === undefined || !(whole || keeps(conversation))) continue;
      const news = raise(conversation, marks, userID) || (whole && !conversation.marksKnown);
      if (!news) continue;
      moved.push(conversationID);
      conversations.put({ ...conversation, marksKnown: conversation.marksKnown || whole });
    }
    await tx.done;
    return moved;
  }

  // --- sending ---

  /**
   * Puts a message into the outbox, on disk when this returns.
   *
   * @param {Unsent} unsent
   */
  async queue(unsent) {
    const tx = this.#db.transaction(["outbox", "conversations"], "readwrite", { durability: "strict" });
    const place = await tx.objectStore("outbox").add(unsent);
    const conversations = tx.objectStore("conversations");
    const conversation = (await conversations.get(unsent.conversationID)) ?? fresh(unsent.conversationID);
    conversations.put({ ...conversation, lastTime: Math.max(conversation.lastTime, unsent.createTime) });
    await tx.done;
    return { ...unsent, place };
  }

  /** @returns {Promise<Unsent[]>} the outbox in the order of sending; `conversationID` chooses */
  unsent(/** @type {string|null} */ conversationID = null) {
    if (conversationID === null) return this.#db.getAll("outbox");
    const range = IDBKeyRange.bound([conversationID, NOTHING], [conversationID, ANYTHING]);
    return this.#db.getAllFromIndex("outbox", "conversation", range);
  }

  /**
   * Changes a message of the outbox, or removes it (`change` gives null); whether it was there.
   *
   * @param {string} messageID
   * @param {(unsent: Unsent) => Unsent|null} change
   */
  async changeUnsent(messageID, change) {
    const tx = this.#db.transaction("outbox", "readwrite", { durability: "strict" });
    const found = await tx.store.index("messageID").get(messageID);
    if (found !== undefined) {
      const changed = change(found);
      if (changed === null) tx.store.delete(found.place);
      else tx.store.put(changed);
    }
    await tx.done;
    return found !== undefined;
  }

  /**
   * Moves this user's read mark here; the server is told later. It never goes back.
   *
   * @param {string} conversationID
   * @param {number} conversationSeq
   * @returns {Promise<boolean>} whether it moved
   */
  async markRead(conversationID, conversationSeq) {
    const tx = this.#db.transaction(TABLES, "readwrite");
    const book = new Book(tx, (await tx.objectStore("sync").get(ONE)).userID);
    const conversation = await book.conversation(conversationID);
    const moved = conversationSeq > conversation.readSeq;
    if (moved) {
      conversation.readSeq = conversationSeq;
      tx.objectStore("readMarks").put({ conversationID, conversationSeq });
      await book.close();
    }
    await tx.done;
    return moved;
  }

  /** @returns {Promise<{conversationID: string, conversationSeq: number}[]>} read marks the server does not know */
  readMarks() {
    return this.#db.getAll("readMarks");
  }

  /** The server knows a read mark. @param {string} conversationID @param {number} conversationSeq */
  async markTold(conversationID, conversationSeq) {
    const tx = this.#db.transaction("readMarks", "readwrite");
    const mark = await tx.store.get(conversationID);
    if (mark !== undefined && mark.conversationSeq <= conversationSeq) tx.store.delete(conversationID);
    await tx.done;
  }
}
