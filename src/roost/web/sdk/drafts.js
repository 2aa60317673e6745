/** Tells the server what was begun here; what is written meanwhile becomes one request. */

import { RoostError } from "./errors.js";
import { applyDraft, refuseDraft, untoldDrafts } from "./store/drafts.js";
import { isFinal } from "./sync.js";

/** Milliseconds for which what is written meanwhile becomes one request. */
const SETTLE = 1000;

export class DraftsToTell {
  #timer = 0;

  /**
   * @param {import("./http.js").Http} http
   * @param {import("./store/store.js").Store} store
   * @param {() => boolean} live whether there is a connection
   */
  constructor(http, store, live) {
    this.http = http;
    this.store = store;
    this.live = live;
  }

  /** There may be some to be told. */
  wake() {
    this.#timer ||= Number(setTimeout(() => ((this.#timer = 0), void this.#tell()), SETTLE));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  async #tell() {
    if (!this.live()) return; // the next connect wakes it again
    for (const draft of await this.store.read(["drafts"], untoldDrafts)) {
      const path = `/conversations/${encodeURIComponent(draft.conversationID)}/draft`;
      try {
        const known = await this.http.request("PUT", path, { content: draft.content });
        await this.store.write(["drafts"], (tx) => applyDraft(tx, known));
      } catch (error) {
        if (!(error instanceof RoostError)) throw error;
        if (error.retryable || isFinal(error)) return; // after the next connect, or the next draft
        await this.store.write(["drafts"], (tx) => refuseDraft(tx, draft));
      }
    }
  }
}
