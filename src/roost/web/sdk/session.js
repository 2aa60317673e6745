/**
 * Where tokens come from. A session of our own accounts is kept in `localStorage`, shared by the tabs of a page, and
 * refreshed by one of them at a time: a refresh token is good once.
 */

import { RoostError, Unauthenticated } from "./errors.js";
import { ask } from "./http.js";

const EARLY = 60_000;

/**
 * @typedef {object} Session
 * @property {string|null} userID who it is, where that is known before the server has said it
 * @property {string|null} deviceID
 * @property {() => Promise<string>} token one that should be good
 * @property {() => Promise<string>} renewed another one: the last was refused
 */

/**
 * A session of a host application's own tokens.
 *
 * @param {(refused: boolean) => string | Promise<string>} give asked again, with true, when the server refuses the last
 * @returns {Session}
 */
export function tokens(give) {
  /** @type {string|null} */
  let last = null;
  return {
    userID: null,
    deviceID: null,
    async token() {
      return (last ??= await give(false));
    },
    async renewed() {
      const next = await give(true);
      if (next === last) throw new Unauthenticated("The token is refused.", { slug: "invalid_token", code: 40101 });
      return (last = next);
    },
  };
}

/** A session of an account of this server. */
export class Login {
  /** @param {string} url */
  constructor(url) {
    this.url = url.replace(/\/$/, "");
    this.key = `roost:session:${this.url}`;
  }

  get #kept() {
    return JSON.parse(localStorage.getItem(this.key) ?? "null");
  }

  get userID() {
    return this.#kept?.userID ?? null;
  }

  get deviceID() {
    return this.#kept?.deviceID ?? null;
  }

  /**
   * Makes an account and logs in. Raises `RoostError` (`user_exists`, `invalid_input`, `forbidden`).
   *
   * @param {string} userID
   * @param {string} password
   * @param {string} [displayName]
   */
  async register(userID, password, displayName) {
    await this.#enter("/auth/register", { userID, password, displayName });
  }

  /**
   * Raises `Unauthenticated` (`bad_credentials`), or `RoostError` (`rate_limited`).
   *
   * @param {string} userID
   * @param {string} password
   */
  async login(userID, password) {
    const deviceID = localStorage.getItem(`roost:device:${this.url}:${userID}`) ?? undefined;
    await this.#enter("/auth/login", { userID, password, deviceID });
  }

  /**
   * @param {string} path
   * @param {Record<string, unknown>} body
   */
  async #enter(path, body) {
    const session = await ask(`${this.url}/api/v1`, "POST", path, body);
    localStorage.setItem(`roost:device:${this.url}:${session.userID}`, session.deviceID);
    localStorage.setItem(this.key, JSON.stringify(session));
  }

  /** Logs this device out; its token is good no more, here and on the server. */
  async logout() {
    const kept = this.#kept;
    localStorage.removeItem(this.key);
    if (kept) await ask(`${this.url}/api/v1`, "POST", "/auth/logout", undefined, kept.token).catch(() => {});
  }

  async token() {
    const kept = this.#kept;
    if (kept === null) throw signedOut();
    return kept.expireTime - EARLY > Date.now() ? kept.token : this.#refresh(kept.token);
  }

  async renewed() {
    const kept = this.#kept;
    if (kept === null) throw signedOut();
    return this.#refresh(kept.token);
  }

  /**
   * @param {string} refused the token that is no longer good
   * @returns {Promise<string>}
   */
  #refresh(refused) {
    return navigator.locks.request(this.key, async () => {
      const kept = this.#kept;
      if (kept === null) throw signedOut();
      if (kept.token !== refused) return kept.token; // another tab was quicker
      try {
        const session = await ask(`${this.url}/api/v1`, "POST", "/auth/refresh", { refreshToken: kept.refreshToken });
        localStorage.setItem(this.key, JSON.stringify(session));
        return session.token;
      } catch (error) {
        if (error instanceof RoostError && error.code >= 40100 && error.code < 40200) localStorage.removeItem(this.key);
        throw error;
      }
    });
  }
}

function signedOut() {
  return new Unauthenticated("Nobody is signed in.", { slug: "signed_out", code: 40100 });
}
