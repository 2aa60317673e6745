/** Requests to the server's API: the token, the envelope, time limits, errors. */

import { errorOf, NetworkError, Unauthenticated } from "./errors.js";

const PATIENCE = 30_000;

export class Http {
  /**
   * @param {string} url the server, such as https://chat.example.com
   * @param {import("./session.js").Session} session
   */
  constructor(url, session) {
    this.base = `${url.replace(/\/$/, "")}/api/v1`;
    this.session = session;
  }

  /**
   * One request. Raises what the server refuses, `NetworkError`, or `Unauthenticated` where no token is good.
   *
   * @param {string} method
   * @param {string} path behind /api/v1
   * @param {unknown} [body] sent as JSON, unless it is a form
   * @returns {Promise<any>} `data` of the answer
   */
  async request(method, path, body) {
    try {
      return await ask(this.base, method, path, body, await this.session.token());
    } catch (error) {
      if (!(error instanceof Unauthenticated)) throw error;
    }
    return ask(this.base, method, path, body, await this.session.renewed());
  }

  /** The bytes of a file. @param {string} path @returns {Promise<Blob>} */
  async blob(path) {
    const token = await this.session.token();
    let response;
    try {
      response = await fetch(this.base + path, { headers: { Authorization: `Bearer ${token}` } });
      if (response.ok) return await response.blob();
    } catch (error) {
      throw new NetworkError(`The server can't be reached: ${/** @type {Error} */ (error).message}`);
    }
    throw errorOf(await response.json().catch(() => ({ code: response.status * 100 })));
  }
}

/**
 * @param {string} base
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {string} [token]
 * @returns {Promise<any>}
 */
export async function ask(base, method, path, body, token) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  const raw = body === undefined || body instanceof FormData;
  if (!raw) headers["Content-Type"] = "application/json";
  let response;
  let answer;
  try {
    response = await fetch(base + path, {
      method,
      headers,
      body: raw ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    answer = await response.json();
  } catch (error) {
    throw new NetworkError(`The server can't be reached: ${/** @type {Error} */ (error).message}`);
  }
  if (response.ok) return answer.data;
  const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
  throw errorOf({ ...answer, retryAfter });
}
