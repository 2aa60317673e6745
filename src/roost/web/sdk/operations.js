/**
 * Operations of the HTTP API asked for over the socket, which another tab may have: it is wished for, and each tab
 * knows its own by the `requestID` of the answer that the leader tells.
 */

import { errorOf, NetworkError, Unauthenticated } from "./errors.js";
import { uuid7 } from "./uuid.js";

/** Milliseconds for an answer. */
export const PATIENCE = 30_000;

/**
 * @typedef {object} Operation
 * @property {string} requestID
 * @property {string} method
 * @property {string} path with /api/v1
 * @property {object} [body]
 *
 * @typedef {{requestID: string, status: number, body: any}} Answer a `response` frame
 */

export class Operations {
  /** @type {Map<string, {resolve: (data: any) => void, reject: (error: Error) => void}>} by requestID */
  #waiting = new Map();

  /** @param {import("./client.js").Client} client */
  constructor(client) {
    this.client = client;
  }

  /**
   * Asks, and once more on a new connection where the token of this one has expired.
   *
   * @param {string} method
   * @param {string} path behind /api/v1
   * @param {object|undefined} body
   * @param {number} patience milliseconds for each answer
   * @returns {Promise<any>} `data` of the answer
   */
  async request(method, path, body, patience) {
    try {
      return await this.#ask(method, path, body, patience);
    } catch (error) {
      if (!(error instanceof Unauthenticated) || error.slug !== "token_expired") throw error;
    }
    await this.#renewed(patience);
    return this.#ask(method, path, body, patience);
  }

  /** The leader tells an answer, which may be another tab's. @param {Answer} answer */
  told({ requestID, status, body }) {
    const waiting = this.#waiting.get(requestID);
    if (status === 0) waiting?.reject(new NetworkError("There is no connection."));
    else if (status < 400) waiting?.resolve(body.data);
    else waiting?.reject(errorOf({ ...body, retryAfter: body.data?.retryAfter }));
  }

  /** The connection is in another state. If it is over, what becomes of what it was asked is known to nobody. */
  moved() {
    if (this.#live) return;
    const error = new NetworkError("The connection was lost before the answer; what was asked may be done.");
    for (const { reject } of this.#waiting.values()) reject(error);
  }

  get #live() {
    return this.client.state === "syncing" || this.client.state === "connected";
  }

  /** @param {string} method @param {string} path @param {object|undefined} body @param {number} patience */
  async #ask(method, path, body, patience) {
    void this.client.store; // raises `ClientClosed`
    if (!this.#live) throw new NetworkError("There is no connection.");
    const requestID = uuid7();
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let late;
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(requestID, { resolve, reject });
        late = setTimeout(() => reject(new NetworkError(`${method} ${path}: no answer in ${patience} ms`)), patience);
        this.client.wish("ask", { requestID, method, path: `/api/v1${path}`, body });
      });
    } finally {
      clearTimeout(late);
      this.#waiting.delete(requestID);
    }
  }

  /** Waits for the next connection, which has another token; or not longer than that. @param {number} patience */
  async #renewed(patience) {
    let gone = false;
    await new Promise((resolve) => {
      const end = this.client.on("state", () => {
        gone ||= !this.#live;
        if (gone && this.#live) resolve(end());
      });
      setTimeout(() => resolve(end()), patience);
      this.client.wish("renew");
    });
  }
}
