/**
 * The client at work in the tab that has the connection: what comes goes into the store, what waits in the store goes
 * out. A short gap is closed by the socket itself; a long one by pages of HTTP, while acks are held back.
 */

import { Connection } from "./connection.js";
import { DraftsToTell } from "./drafts.js";
import { RoostError } from "./errors.js";
import { Expiring } from "./expiring.js";
import { Intake } from "./intake.js";
import { Outbox } from "./outbox.js";
import { reached } from "./store/marks.js";
import { keepProfiles } from "./store/people.js";
import { isFinal, SyncManager } from "./sync.js";
import { Uploads } from "./uploads.js";

/** Entries behind, from which on pages are quicker than the socket's batches. */
const LONG_GAP = 1000;
/** Entries stored until the server is told, while they come one by one; and milliseconds until then. */
const ACK_EVERY = 25;
const ACK_AFTER = 500;
/** Conversations in one question of marks. */
const ASKED = 100;
/** Remembered profiles that are read anew after each connect. */
const PROFILES = 500;

export class Following {
  #acked = 0;
  #target = 0;
  #started = 0;
  #held = false;
  #ackTimer = 0;
  /** Conversations whose marks were asked for on this connection. @type {Set<string>} */
  #askedFor = new Set();
  /** @type {string[]} */
  #watched = [];
  /** Bytes of a frame. */
  #maxFrame = Infinity;

  /**
   * @param {string} url
   * @param {import("./session.js").Session} session
   * @param {import("./http.js").Http} http
   * @param {import("./store/store.js").Store} store
   * @param {import("./types.js").SyncConfig} config
   * @param {(name: import("./events.js").News, detail: any) => void} tell
   */
  constructor(url, session, http, store, config, tell) {
    this.http = http;
    this.store = store;
    this.config = config;
    this.tell = tell;
    this.connection = new Connection(url, session, this);
    this.intake = new Intake(store, {
      applied: (applied) => this.#applied(applied),
      gap: () => this.connection.drop("an entry was left out"),
      broken: (error) => this.connection.drop(`what came could not be stored: ${error}`),
    });
    this.intake.start(config.lastSyncSeq);
    this.outbox = new Outbox(
      store,
      config.userID,
      (frame) => this.connection.send(frame),
      new Uploads(http, store, ({ messageID, conversationID }, loaded, total) => {
        tell("uploading", { messageID, conversationID, loaded, total });
      }),
      () => this.connection.live,
      (messageID, conversationID, error) => {
        tell("failed", { messageID, conversationID, error: error.message, slug: error.slug });
        tell("changed", { conversations: [conversationID] });
      },
    );
    this.drafts = new DraftsToTell(http, store, () => this.connection.live);
    this.expiring = new Expiring(store, config.userID, (conversations) => tell("changed", { conversations }));
    void this.expiring.look();
    this.sync = new SyncManager(http, store, this.intake, {
      progress: (done, total) => tell("progress", { done, total }),
      reset: () => tell("reset", {}),
    });
  }

  start() {
    this.connection.start();
  }

  stop(/** @type {string|null} */ reason = null) {
    this.sync.stopSync();
    this.connection.stop(reason);
  }

  /** This tab does it no more. */
  end() {
    this.stop();
    this.drafts.stop();
    this.expiring.stop();
  }

  // --- the connection's follower ---

  async hello() {
    await this.intake.drained();
    const { epoch } = await this.store.config();
    return { lastSeq: this.intake.position, epoch, deviceID: this.config.deviceID };
  }

  /** @param {any} ready */
  ready(ready) {
    if (ready.userID !== this.config.userID) {
      this.stop(`The token is ${ready.userID}'s, the store ${this.config.userID}'s.`);
      return;
    }
    void this.store.claim(ready.epoch);
    this.#acked = this.intake.position;
    this.#started = this.intake.position;
    this.#target = ready.headSeq;
    this.#held = false;
    this.#maxFrame = ready.maxFrame;
    this.#askedFor.clear();
    if (this.config.lacking) void this.#reset();
    else if (this.#target - this.#started > LONG_GAP) void this.#fill();
    this.outbox.beginAgain();
    void this.tellMarks();
    this.drafts.wake();
    if (this.#watched.length) this.connection.send({ type: "presence", userIDs: this.#watched });
    this.#look();
  }

  /** @param {any} frame */
  frame(frame) {
    switch (frame.type) {
      case "offline":
      case "message":
      case "change":
      case "sent":
        this.intake.take(frame);
        break;
      case "sync_batch":
        if (frame.resetRequired) void this.#reset();
        break;
      case "typing":
      case "presence":
        this.tell(frame.type, frame);
        break;
      case "receipts":
        void this.#keepMarks([frame], false);
        break;
      case "profile":
        void this.#askProfiles([frame.userID]);
        break;
      case "response":
        this.tell("response", frame);
        break;
      case "error":
        if (frame.requestID) this.tell("response", { requestID: frame.requestID, status: 400, body: frame });
        else void this.outbox.refused(frame);
    }
  }

  /** @param {import("./connection.js").State} state @param {string|null} reason */
  state(state, reason) {
    this.tell("state", { state, reason });
    if (state !== "connected") return;
    void this.#askAllMarks();
    void this.#askProfiles(null);
  }

  /** @param {import("./errors.js").RoostError} error */
  refused(error) {
    this.tell("signedOut", { error: error.message, slug: error.slug });
  }

  // --- wishes of the application ---

  /** @param {string[]} userIDs */
  watch(userIDs) {
    this.#watched = userIDs;
    this.connection.send({ type: "presence", userIDs });
  }

  /** @param {import("./operations.js").Operation} operation */
  ask(operation) {
    const frame = { type: "request", ...operation };
    if (new TextEncoder().encode(JSON.stringify(frame)).length > this.#maxFrame) {
      const body = { code: 41300, error: "too_large", message: `A request has at most ${this.#maxFrame} bytes.` };
      this.tell("response", { requestID: operation.requestID, status: 413, body });
    } else if (!this.connection.send(frame)) this.tell("response", { requestID: operation.requestID, status: 0 });
  }

  /** Tells the server the read marks that it does not know. */
  async tellMarks() {
    for (const { conversationID, conversationSeq } of await this.store.readMarks()) {
      const path = `/conversations/${encodeURIComponent(conversationID)}/read`;
      try {
        await this.http.request("POST", path, { conversationSeq });
      } catch (error) {
        if (/** @type {any} */ (error).retryable || isFinal(error)) return; // after the next connect
      }
      await this.store.markTold(conversationID, conversationSeq);
    }
  }

  /** How far others have got while nobody could tell. */
  async #askAllMarks() {
    const waiting = (await this.store.conversations()).filter((one) => !one.gone && one.lastSeq > reached(one).read);
    await this.#askMarks(waiting.slice(0, ASKED).map(({ conversationID }) => conversationID));
  }

  /** @param {string[]} conversations */
  async #askMarks(conversations) {
    if (!conversations.length) return;
    for (const id of conversations) this.#askedFor.add(id);
    try {
      const names = conversations.map(encodeURIComponent).join(",");
      const found = await this.http.request("GET", `/conversations/marks?conversationIDs=${names}`);
      await this.#keepMarks(found.conversations, true);
    } catch (error) {
      if (!(error instanceof RoostError)) throw error; // after the next connect
    }
  }

  /** @param {{conversationID: string, marks: import("./types.js").Mark[]}[]} found @param {boolean} whole */
  async #keepMarks(found, whole) {
    const conversations = await this.store.raiseMarks(found, { whole });
    if (conversations.length) this.tell("changed", { conversations });
  }

  /** Reads anew those of the profiles (null: all) that the store remembers. @param {string[]|null} userIDs */
  async #askProfiles(userIDs) {
    const all = await this.store.read(["profiles"], (tx) => tx.objectStore("profiles").getAllKeys(null, PROFILES));
    const names = all.filter((/** @type {string} */ name) => !userIDs || userIDs.includes(name));
    if (!names.length) return;
    try {
      const { users } = await this.http.request("GET", `/users?userIDs=${names.map(encodeURIComponent).join(",")}`);
      const news = await this.store.write(["profiles"], (tx) => keepProfiles(tx, users));
      for (const { userID, version } of news) this.tell("profile", { userID, version });
    } catch (error) {
      if (!(error instanceof RoostError)) throw error; // after the next connect
    }
  }

  // --- the log ---

  /** @param {import("./store/apply.js").Applied} applied */
  #applied({ position, conversations, received, sent, events, timed }) {
    for (const { messageID, conversationID } of sent) {
      this.outbox.settled(messageID);
      this.tell("sent", { messageID, conversationID });
    }
    if (conversations.length) this.tell("changed", { conversations });
    // Of a group that came meanwhile nobody has said who is in it.
    const groups = conversations.filter((id) => id.startsWith("g:") && !this.#askedFor.has(id));
    if (this.connection.state === "connected") void this.#askMarks(groups.slice(0, ASKED));
    if (received.length) this.tell("received", { messages: received });
    for (const [name, detail] of events) this.tell(name, detail);
    if (timed) void this.expiring.look();
    if (this.connection.state === "syncing" && this.sync.state !== "syncing") {
      this.tell("progress", { done: position - this.#started, total: this.#target - this.#started });
    }
    this.#ackSoon(position);
    this.#look();
  }

  /** @param {number} position */
  #ackSoon(position) {
    if (this.#held || position <= this.#acked) return;
    clearTimeout(this.#ackTimer);
    if (position - this.#acked >= ACK_EVERY || this.connection.state === "syncing") this.#ack();
    else this.#ackTimer = Number(setTimeout(() => this.#ack(), ACK_AFTER));
  }

  #ack() {
    if (this.connection.send({ type: "ack", seq: this.intake.position })) this.#acked = this.intake.position;
  }

  #look() {
    if (!this.#held && this.intake.position >= this.#target) this.connection.caughtUp();
  }

  async #fill() {
    this.#held = true;
    try {
      await this.sync.startSync();
    } catch (error) {
      if (!isFinal(error)) this.connection.drop(`catching up failed: ${/** @type {Error} */ (error).message}`);
    } finally {
      this.#held = false;
    }
    this.#ackSoon(this.intake.position);
    this.#look();
  }

  async #reset() {
    this.#held = true;
    try {
      await this.sync.reset();
      this.config.lacking = false;
      void this.expiring.look();
    } catch (error) {
      if (!isFinal(error)) this.connection.drop(`the snapshot failed: ${/** @type {Error} */ (error).message}`);
    } finally {
      this.#held = false;
    }
    this.#ack();
    this.#look();
  }
}
