/**
 * Where everything from the log comes in: in order, without gaps, stored before it is told on.
 *
 *     received (reach)  >=  stored (position)  >=  acked
 *
 * Batches and live entries of the socket, pages of HTTP and receipts pass through one queue. While one transaction is
 * written, more is queued, and becomes the next. What would leave a gap is refused and reported, so that the log is
 * read. Whatever was received and not stored comes again after the next connect.
 */

const MAX_TRANSACTION = 500;

/**
 * @typedef {import("./store/apply.js").Entries} Entries
 * @typedef {import("./store/apply.js").Applied} Applied
 */

export class Intake {
  /** @type {{entries: Entries, done?: (applied: Applied) => void, failed?: (error: unknown) => void}[]} */
  #queue = [];
  /** @type {Promise<void>|null} */
  #storing = null;
  /** Stored up to here. */
  position = 0;
  /** Received up to here. */
  reach = 0;

  /**
   * @param {import("./store/store.js").Store} store
   * @param {object} tell
   * @param {(applied: Applied) => void} tell.applied called after each transaction
   * @param {() => void} tell.gap something was left out
   * @param {(error: unknown) => void} tell.broken the store can't take what came
   */
  constructor(store, tell) {
    this.store = store;
    this.tell = tell;
  }

  /** Stands at a position. @param {number} position */
  start(position) {
    this.position = this.reach = position;
  }

  /** Waits until what is queued is stored; then `reach` is `position`. */
  async drained() {
    while (this.#storing) await this.#storing;
  }

  /** A frame of the socket. @param {any} frame */
  take(frame) {
    const none = { messages: [], changes: [], receipts: [] };
    const { type, ...what } = frame;
    if (type === "offline") {
      this.#take(frame.fromSeq, { ...none, messages: frame.messages, changes: frame.changes, through: frame.throughSeq });
    } else if (type === "sent") {
      this.#put({ ...none, receipts: [what], through: frame.seq === this.reach + 1 ? frame.seq : null });
    } else if (type === "message") {
      this.#take(frame.seq, { ...none, messages: [what], through: frame.seq });
    } else if (type === "change") {
      this.#take(frame.seq, { ...none, changes: [what], through: frame.seq });
    }
  }

  /** @param {number} from @param {Entries & {through: number}} entries */
  #take(from, entries) {
    if (entries.through <= this.reach) return;
    if (from > this.reach + 1) this.tell.gap();
    else this.#put(entries);
  }

  /**
   * A page of HTTP; returns when it is stored.
   *
   * @param {import("./types.js").Page} page
   * @returns {Promise<Applied>}
   */
  takePage(page) {
    const { messages, changes, maxSeq } = page;
    return new Promise((done, failed) => {
      this.#put({ messages, changes, receipts: [], through: Math.max(maxSeq, this.reach) }, { done, failed });
    });
  }

  /** @param {Entries} entries @param {object} [waiting] */
  #put(entries, waiting = {}) {
    if (entries.through !== null) this.reach = Math.max(this.reach, entries.through);
    this.#queue.push({ entries, ...waiting });
    this.#storing ??= this.#store().finally(() => (this.#storing = null));
  }

  async #store() {
    while (this.#queue.length) {
      const items = this.#next();
      try {
        const applied = await this.store.apply(merged(items.map((item) => item.entries)));
        this.position = applied.position;
        for (const item of items) item.done?.(applied);
        this.tell.applied(applied);
      } catch (error) {
        // Nothing behind what could not be stored may be stored either: it all comes again.
        const failed = [...items, ...this.#queue];
        this.#queue = [];
        this.reach = this.position;
        for (const item of failed) item.failed?.(error);
        this.tell.broken(error);
      }
    }
  }

  #next() {
    let size = 0;
    let count = 0;
    for (const { entries } of this.#queue) {
      size += entries.messages.length + entries.changes.length + entries.receipts.length;
      if (count && size > MAX_TRANSACTION) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}

/** The entries of several items as one. @param {Entries[]} all @returns {Entries} */
function merged(all) {
  if (all.length === 1) return all[0];
  return {
    messages: all.flatMap((one) => one.messages),
    changes: all.flatMap((one) => one.changes),
    receipts: all.flatMap((one) => one.receipts),
    through: all.reduce((/** @type {number|null} */ last, { through }) => through ?? last, null),
  };
}
