/** Empties messages when their time is over, while the page is open. */

import { expire } from "./store/expiry.js";

/** Milliseconds that a timer waits at most: a browser's overflow beyond 24 days. */
const LONGEST = 86_400_000;

export class Expiring {
  #timer = 0;
  #stopped = false;

  /**
   * @param {import("./store/store.js").Store} store
   * @param {string} userID
   * @param {(conversations: string[]) => void} changed
   */
  constructor(store, userID, changed) {
    this.store = store;
    this.userID = userID;
    this.changed = changed;
  }

  /** Messages that expire have come, or a time is over. */
  async look() {
    clearTimeout(this.#timer);
    const { conversations, next } = await this.store.write(["messages", "conversations"], (tx) => expire(tx, this.userID, Date.now()));
    if (conversations.length) this.changed(conversations);
    if (next === null || this.#stopped) return;
    clearTimeout(this.#timer); // another look may have set it meanwhile
    this.#timer = Number(setTimeout(() => void this.look(), Math.min(Math.max(next - Date.now(), 0), LONGEST)));
  }

  /** For good: another tab does it from now on. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
