/**
 * What can go wrong. Every error has a stable `slug`; the server's are those of docs/http.md.
 */

/** A refusal of the server, or a failure of the client. */
export class RoostError extends Error {
  /**
   * @param {string} message for a person
   * @param {{slug?: string, code?: number, data?: any, retryAfter?: number, requestID?: string}} [about]
   *   `retryAfter` in seconds
   */
  constructor(message, about = {}) {
    super(message);
    this.name = new.target.name;
    this.slug = about.slug ?? "client_error";
    this.code = about.code ?? 0;
    this.data = about.data ?? null;
    this.retryAfter = about.retryAfter;
    this.requestID = about.requestID;
  }

  /** Whether the same request may well succeed later: not a matter of what was asked. */
  get retryable() {
    return this.code === 42900 || this.code >= 50000;
  }
}

/** The server could not be reached, or did not answer in time. */
export class NetworkError extends RoostError {
  /** @param {string} message */
  constructor(message) {
    super(message, { slug: "network" });
  }

  get retryable() {
    return true;
  }
}

/** The token is refused and can't be replaced: log in again. */
export class Unauthenticated extends RoostError {}

/** The client is closed. */
export class ClientClosed extends RoostError {
  constructor() {
    super("This client is closed.", { slug: "client_closed" });
  }
}

/** The store belongs to another user. */
export class StoreBelongsToAnother extends RoostError {
  /** @param {string} message */
  constructor(message) {
    super(message, { slug: "store_belongs_to_another" });
  }
}

/**
 * The error that an answer, or an `error` frame, stands for.
 *
 * @param {{code?: number, error?: string, message?: string, data?: any, retryAfter?: number, requestID?: string}} told
 * @returns {RoostError}
 */
export function errorOf(told) {
  const { code = 0, error: slug = "internal_error", message = slug, data, retryAfter, requestID } = told;
  const about = { code, slug, data, retryAfter, requestID };
  return code >= 40100 && code < 40200 ? new Unauthenticated(message, about) : new RoostError(message, about);
}
