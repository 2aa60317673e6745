/**
 * Pulls the log over HTTP, page by page, into the store: `seq > lastSyncSeq` until there is no more.
 *
 * One sync runs at a time; another start joins it. What was pulled before a cut is kept, and the sync goes on there.
 */

import { sleep } from "./backoff.js";
import { ClientClosed, NetworkError, Unauthenticated } from "./errors.js";

const COUNT = 500;
/** Milliseconds to wait after a network error, how often in a row, and after an error of the server. */
const NETWORK_PAUSE = 3000;
const NETWORK_TRIES = 3;
const SERVER_PAUSE = 10_000;

export class SyncManager {
  /** @type {Promise<void>|null} */
  #running = null;
  #stop = new AbortController();
  /** @type {"idle"|"syncing"|"completed"|"failed"} */
  state = "idle";

  /**
   * @param {import("./http.js").Http} http
   * @param {import("./store/store.js").Store} store
   * @param {import("./intake.js").Intake} intake
   * @param {object} tell
   * @param {(done: number, total: number) => void} tell.progress after each page
   * @param {() => void} tell.reset the store was rebuilt
   */
  constructor(http, store, intake, tell) {
    this.http = http;
    this.store = store;
    this.intake = intake;
    this.tell = tell;
  }

  /** Pulls what is new; never waits by itself. @returns {Promise<void>} */
  startSync() {
    this.#running ??= this.#sync().finally(() => (this.#running = null));
    return this.#running;
  }

  /** Ends it; what was pulled stays. */
  stopSync() {
    this.#stop.abort();
  }

  async #sync() {
    this.#stop = new AbortController();
    this.state = "syncing";
    try {
      await this.#pull();
      this.state = this.#stop.signal.aborted ? "idle" : "completed";
    } catch (error) {
      this.state = "failed";
      throw error;
    }
  }

  async #pull() {
    let done = 0;
    let tries = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const page = await this.#page();
        tries = 0;
        if (page.resetRequired) {
          await this.reset();
          continue;
        }
        await this.intake.takePage(page);
        done += page.maxSeq - page.fromSeq + 1;
        this.tell.progress(done, done + page.headSeq - page.maxSeq);
        if (!page.hasMore) return;
      } catch (error) {
        if (error instanceof NetworkError && ++tries <= NETWORK_TRIES) await sleep(NETWORK_PAUSE, this.#stop.signal);
        else if (/** @type {any} */ (error).code >= 50000) await sleep(SERVER_PAUSE, this.#stop.signal);
        else throw error;
      }
    }
  }

  /** @returns {Promise<import("./types.js").Page>} */
  async #page() {
    await this.intake.drained();
    const { epoch } = await this.store.config();
    const body = { lastSeq: this.intake.position, count: COUNT, epoch: epoch ?? undefined };
    return this.http.request("POST", "/messages/sync", body);
  }

  /** Rebuilds the store from a snapshot. */
  async reset() {
    const snapshot = await this.http.request("GET", "/snapshot");
    await this.intake.drained();
    await this.store.reset(snapshot);
    this.intake.start(snapshot.maxSeq);
    this.tell.reset();
  }
}

/** Whether an error ends what runs beside, quietly. @param {unknown} error */
export function isFinal(error) {
  return error instanceof Unauthenticated || error instanceof ClientClosed;
}
