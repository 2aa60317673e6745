/**
 * Sends what is in the store's outbox, in order, until the server has given a receipt or refused it for good.
 *
 * Several messages are on their way at once. What is on its way when the connection ends is sent again, with the same
 * messageID: the server stores it once.
 */

import { sleep } from "./backoff.js";
import { otherOf } from "./conversations.js";
import { errorOf, RoostError } from "./errors.js";

/** Messages on their way at most. */
const WINDOW = 50;
/** Milliseconds until a message is tried again whose refusal may pass, where the server does not say how long. */
const PAUSE = 2000;

export class Outbox {
  /** @type {Set<string>} */
  #underWay = new Set();
  /** Whose files are being uploaded. @type {Set<string>} */
  #uploading = new Set();
  #running = false;
  #again = false;
  #pausedUntil = 0;

  /**
   * @param {import("./store/store.js").Store} store
   * @param {string} userID
   * @param {(frame: object) => boolean} send whether the frame left
   * @param {import("./uploads.js").Uploads} uploads
   * @param {() => boolean} live whether there is a connection
   * @param {(messageID: string, conversationID: string, error: import("./errors.js").RoostError) => void} failed
   */
  constructor(store, userID, send, uploads, live, failed) {
    this.store = store;
    this.userID = userID;
    this.send = send;
    this.uploads = uploads;
    this.live = live;
    this.failed = failed;
  }

  /** A new connection: nothing is on its way. */
  beginAgain() {
    this.#underWay.clear();
    this.#pausedUntil = 0;
    void this.flush();
  }

  /** Sends what waits. */
  async flush() {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again) {
        this.#again = false;
        if (Date.now() < this.#pausedUntil) return;
        for (const unsent of await this.store.unsent()) {
          if (this.#underWay.size >= WINDOW) return;
          if (unsent.state !== "pending" || this.#underWay.has(unsent.messageID)) continue;
          if (unsent.files?.some((file) => !file.attachment)) {
            void this.#bring(unsent); // what has no files does not wait for it
            continue;
          }
          if (!this.send(frameOf(unsent, this.userID))) return;
          this.#underWay.add(unsent.messageID);
        }
      }
    } finally {
      this.#running = false;
    }
  }

  /** @param {import("./types.js").Unsent} unsent */
  async #bring(unsent) {
    if (!this.live() || this.#uploading.has(unsent.messageID)) return;
    this.#uploading.add(unsent.messageID);
    try {
      await this.uploads.bring(unsent);
    } catch (error) {
      if (!(error instanceof RoostError)) throw error;
      if (error.retryable) await sleep(error.retryAfter ? error.retryAfter * 1000 : PAUSE);
      else await this.#fail(unsent.messageID, error);
    } finally {
      this.#uploading.delete(unsent.messageID);
    }
    return this.flush();
  }

  /** A receipt was stored. @param {string} messageID */
  settled(messageID) {
    if (this.#underWay.delete(messageID)) void this.flush();
  }

  /**
   * The server refused a frame.
   *
   * @param {{messageID?: string, code: number, error: string, message: string, retryAfter?: number}} frame
   */
  async refused(frame) {
    if (frame.messageID === undefined || !this.#underWay.delete(frame.messageID)) return;
    const error = errorOf(frame);
    if (error.retryable) {
      const pause = error.retryAfter ? error.retryAfter * 1000 : PAUSE;
      this.#pausedUntil = Date.now() + pause;
      await sleep(pause);
      return this.flush();
    }
    await this.#fail(frame.messageID, error);
    return this.flush();
  }

  /** @param {string} messageID @param {RoostError} error */
  async #fail(messageID, error) {
    let conversationID = "";
    await this.store.changeUnsent(messageID, (unsent) => {
      conversationID = unsent.conversationID;
      return { ...unsent, state: "failed", error: error.message, slug: error.slug };
    });
    this.failed(messageID, conversationID, error);
  }
}

/** @param {import("./types.js").Unsent} unsent @param {string} userID */
function frameOf({ conversationID, messageID, messageType, content, createTime, replyTo, mentions, ttl, sticker, files }, userID) {
  const other = otherOf(conversationID, userID);
  const address = other === null ? { type: "group", to: conversationID.slice(2) } : { type: "private", to: other };
  const said = { ...address, messageID, createTime, replyTo, mentions, ttl };
  if (sticker) return { ...said, sticker: { packID: sticker.packID, stickerID: sticker.stickerID } };
  if (!files?.length) return { ...said, content, messageType };
  return { ...said, content, attachments: files.map(({ attachment }) => attachment?.id) }; // its type follows from them
}
