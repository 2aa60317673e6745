/**
 * The socket: it connects, says where the store stands, and comes back by itself.
 *
 *     disconnected --open--> connecting --ready--> syncing --caught up--> connected
 */

import { delay, sleep } from "./backoff.js";
import { errorOf, RoostError, Unauthenticated } from "./errors.js";

/** Milliseconds without a frame after which the server is asked for a sign of life, and until it is given up. */
const QUIET = 25_000;
const LOST = 10_000;
/** Close codes from here on are final: do not come back with what you have. */
const FINAL = 4500;
/** The token was refused: another one may do. */
const BAD_TOKEN = 4500;

/**
 * @typedef {"disconnected"|"connecting"|"syncing"|"connected"} State
 *
 * @typedef {object} Follower what the connection is for
 * @property {() => Promise<{lastSeq: number, epoch: string|null, deviceID: string}>} hello where the store stands
 * @property {(ready: any) => void} ready authenticated
 * @property {(frame: any) => void} frame any other frame
 * @property {(state: State, reason: string|null) => void} state
 * @property {(error: RoostError) => void} refused no token is good any more
 */

export class Connection {
  /** @type {WebSocket|null} */
  #socket = null;
  #wanted = new AbortController();
  #retry = new AbortController();
  #attempt = 0;
  #asked = 0;
  /** @type {State} */
  state = "disconnected";
  /** @type {string|null} */
  reason = null;

  /**
   * @param {string} url
   * @param {import("./session.js").Session} session
   * @param {Follower} follower
   */
  constructor(url, session, follower) {
    this.url = `${url.replace(/^http/, "ws").replace(/\/$/, "")}/ws`;
    this.session = session;
    this.follower = follower;
    this.#wanted.abort();
  }

  /** Connects, and keeps connected until `stop`. */
  start() {
    if (!this.#wanted.signal.aborted) return this.hurry();
    this.#wanted = new AbortController();
    globalThis.addEventListener?.("online", this.hurry);
    void this.#run(this.#wanted.signal);
  }

  /** Goes offline by wish. @param {string|null} [reason] */
  stop(reason = null) {
    this.#wanted.abort();
    this.#retry.abort();
    globalThis.removeEventListener?.("online", this.hurry);
    this.#socket?.close(1000);
    this.#enter("disconnected", reason);
  }

  /** Does not wait any longer for the next attempt. */
  hurry = () => {
    this.#attempt = 0;
    this.#retry.abort();
  };

  /** Everything that waited is stored. */
  caughtUp() {
    if (this.state === "syncing") this.#enter("connected", null);
  }

  /** Ends this connection, to come back at once: something about it is wrong. @param {string} reason */
  drop(reason) {
    this.reason = reason;
    this.#socket?.close(1000);
  }

  /** Whether frames leave now. */
  get live() {
    return this.state === "syncing" || this.state === "connected";
  }

  /** Whether the frame left: there is no queue here. @param {object} frame */
  send(frame) {
    if (!this.live) return false;
    this.#socket?.send(JSON.stringify(frame));
    return true;
  }

  /** @param {State} state @param {string|null} reason */
  #enter(state, reason) {
    if (state === this.state && reason === this.reason) return;
    this.state = state;
    this.reason = reason;
    this.follower.state(state, reason);
  }

  /** @param {AbortSignal} wanted */
  async #run(wanted) {
    let renew = false;
    while (!wanted.aborted) {
      this.#enter("connecting", this.reason);
      let end;
      try {
        const token = renew ? await this.session.renewed() : await this.session.token();
        end = await this.#visit(token, wanted);
      } catch (error) {
        if (error instanceof Unauthenticated) return this.#giveUp(error);
        end = { code: 0, reason: /** @type {Error} */ (error).message };
      }
      if (wanted.aborted) return;
      if (end.code >= FINAL && (end.code !== BAD_TOKEN || renew)) {
        return this.#giveUp(end.error ?? new Unauthenticated(end.reason, { slug: "connection_refused" }));
      }
      renew = end.code === BAD_TOKEN;
      this.#enter("connecting", end.reason || "the connection was lost");
      this.#retry = new AbortController();
      await sleep(delay(this.#attempt++, pause(end.reason)), this.#retry.signal);
    }
  }

  /** @param {RoostError} error */
  #giveUp(error) {
    this.stop(error.message);
    this.follower.refused(error);
  }

  /**
   * One connection from its beginning to its end.
   *
   * @param {string} token
   * @param {AbortSignal} wanted
   * @returns {Promise<{code: number, reason: string, error?: RoostError}>}
   */
  async #visit(token, wanted) {
    const hello = await this.follower.hello();
    if (wanted.aborted) return { code: 1000, reason: "" };
    const socket = new WebSocket(this.url, "roost.v1.json");
    this.#socket = socket;
    /** @type {RoostError|undefined} */
    let error;
    let heard = Date.now();
    const watch = setInterval(() => this.#watch(socket, heard), LOST);
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token, ...hello, epoch: hello.epoch ?? undefined, hints: true }));
    socket.onmessage = ({ data }) => {
      heard = Date.now();
      const frame = JSON.parse(data);
      if (frame.type === "ready") {
        this.#attempt = 0;
        this.#enter("syncing", null);
        this.follower.ready(frame);
      } else {
        if (frame.type === "error" && this.state === "connecting") error = errorOf(frame);
        this.follower.frame(frame);
      }
    };
    const { code, reason } = await new Promise((resolve) => (socket.onclose = resolve));
    clearInterval(watch);
    this.#socket = null;
    return { code, reason: reason || this.reason || "", error };
  }

  /** A network may be gone without saying so. @param {WebSocket} socket @param {number} heard */
  #watch(socket, heard) {
    const quiet = Date.now() - heard;
    if (quiet > QUIET + LOST && this.#asked > heard) socket.close(4999, "nothing was heard");
    else if (quiet > QUIET && this.send({ type: "ping" })) this.#asked = Date.now();
  }
}

/** Milliseconds that a restarting server asks for: its reason is `restart; retry after 1.3 s`. @param {string} reason */
function pause(reason) {
  const asked = /retry after ([0-9.]+) s/.exec(reason);
  return asked ? Number(asked[1]) * 1000 : 0;
}
