/**
 * Several tabs of a page share one store and one connection. The tab that holds the lock is the leader: it has the
 * connection. When it goes, the lock falls to the next. News go to all tabs, wishes to the leader.
 */

export class Tabs {
  /** @type {BroadcastChannel} */
  #channel;
  #closed = new AbortController();
  #leading = false;

  /**
   * @param {string} name what is shared
   * @param {object} tell
   * @param {() => (() => void)} tell.lead this tab is the leader now; returns what ends it
   * @param {(name: string, detail: any) => void} tell.news from the leader, in every other tab
   * @param {(wish: string, detail: any) => void} tell.wish from another tab, in the leader
   */
  constructor(name, tell) {
    this.tell = tell;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data: { kind, name: what, detail } }) => {
      if (kind === "news") tell.news(what, detail);
      else if (this.#leading) tell.wish(what, detail);
    };
    navigator.locks.request(name, { signal: this.#closed.signal }, () => this.#lead()).catch(() => {});
  }

  #lead() {
    if (this.#closed.signal.aborted) return undefined;
    this.#leading = true;
    const end = this.tell.lead();
    return new Promise((resolve) => {
      this.#closed.signal.addEventListener("abort", () => {
        this.#leading = false;
        end();
        resolve(undefined);
      });
    });
  }

  /** Tells all other tabs. @param {string} name @param {any} detail */
  news(name, detail) {
    this.#channel.postMessage({ kind: "news", name, detail });
  }

  /** Asks the leader, which may be this tab. @param {string} what @param {any} [detail] */
  wish(what, detail) {
    if (this.#leading) this.tell.wish(what, detail);
    else this.#channel.postMessage({ kind: "wish", name: what, detail });
  }

  close() {
    this.#closed.abort();
    this.#channel.close();
  }
}
